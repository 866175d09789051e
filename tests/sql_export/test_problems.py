"""What is said of parameters before anything runs."""

import pytest

from app.core.errors import FieldError
from app.job_types.sql_export import JOB_TYPE
from tests.sql_export.fake_context import DEFAULTS


def problems(**parameters) -> list[FieldError]:
    return list(JOB_TYPE.problems({**DEFAULTS, "connection": "c", "query": "select 1", **parameters}))


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"query": "select :a, :scheduled_for, :previous_success", "parameters": {"a": 1}},
        {"query": "with x as (select 1) select * from x; -- done"},
        {"query": "table t"},
        {"query": r"select '\', :a, '\''"},  # a bind in some databases only
        {"query": r"select 'it\'s; x'"},  # one statement in MySQL
        {"query": "select $$ ; :b $$"},
        {"parameters": {"a": "x", "b": 1, "c": 1.5, "d": True, "e": None}},
        {"delimiter": ";"},
        {"delimiter": "tab"},
        {"delimiter": "\\t"},
        {"delimiter": "\t"},
        {"nullText": "NULL"},
        {"nullText": None},
        {"headerNames": None},
        {"encoding": "UTF-16LE", "byteOrderMark": True},
        {"filename": "{job}-{date}-{:since}.csv", "parameters": {"since": "x"}},
    ],
)
def test_good_parameters_have_no_problems(parameters):
    assert problems(**parameters) == []


@pytest.mark.parametrize(
    ("parameters", "field", "words"),
    [
        ({"query": "select 1; select 2"}, "query", "only one statement"),
        ({"query": " "}, "query", "the query is empty"),
        ({"query": "select 'a"}, "query", "not closed"),
        ({"query": "delete from t"}, "query", "begins with SELECT"),
        ({"query": "select :a, :b", "parameters": {"b": 1}}, "query", "the bind :a has no value"),
        ({"parameters": {"a b": 1}}, "parameters", "is no name of a bind"),
        ({"parameters": {"scheduled_for": 1}}, "parameters", "always there"),
        ({"parameters": {"a": [1]}}, "parameters", "must be a text, a number"),
        ({"delimiter": ""}, "delimiter", "one ASCII character"),
        ({"delimiter": "||"}, "delimiter", "one ASCII character"),
        ({"delimiter": "§"}, "delimiter", "one ASCII character"),
        ({"delimiter": '"'}, "delimiter", "no quote"),
        ({"delimiter": "\n"}, "delimiter", "no line break"),
        ({"nullText": "a,b"}, "nullText", "must not contain the delimiter"),
        ({"nullText": '"'}, "nullText", "must not contain a quote"),
        ({"nullText": "a\nb"}, "nullText", "line break"),
        ({"headerNames": {"a": 1}}, "headerNames", "must be a text"),
        ({"encoding": "ISO-8859-1", "byteOrderMark": True}, "byteOrderMark", "there is none in ISO-8859-1"),
        ({"filename": "{dat}.csv"}, "filename", "there is no {dat}: there are {moment}, {date}"),
        ({"filename": "{:since}.csv"}, "filename", "there is no {:since}"),
    ],
)
def test_problems_name_their_field(parameters, field, words):
    (problem,) = problems(**parameters)

    assert problem.field == field
    assert words in problem.message


def test_the_declaration_needs_its_connection_and_names_it():
    assert JOB_TYPE.connections({"connection": "warehouse"}) == ["warehouse"]
    assert JOB_TYPE.makes_files
    assert JOB_TYPE.load().__name__ == "run"
