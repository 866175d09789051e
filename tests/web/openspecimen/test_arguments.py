"""``args``: values by position for the binds of a query."""

from typing import Any

import pytest

from app.core.errors import InvalidError
from app.job_types.sql_export.arguments import argument_names, arguments


def parameters(query: str, **values: Any) -> dict[str, Any]:
    return {"query": query, "parameters": values}


VALUES = {"a": "x", "n": 1, "f": 0.5, "b": True, "e": None}
QUERY = "SELECT :b, :a, :n, :a, :f, :e, :scheduled_for"


@pytest.mark.parametrize(
    ("query", "names"),
    [
        (QUERY, ["b", "a", "n", "f", "e"]),
        ("SELECT ':b', \":n\" /* :f */, a::b, :a -- :e", ["a"]),
        ("SELECT $$ :b ' $$, :a", ["a"]),
        ("SELECT 1", []),
        ("SELECT 'not closed", []),
    ],
)
def test_names_come_in_the_order_of_the_query(query: str, names: list[str]) -> None:
    assert argument_names(parameters(query, **VALUES)) == names


def test_words_become_what_they_replace() -> None:
    given = arguments(parameters(QUERY, **VALUES), ["FALSE", "a b", "-7", "1e3", "2026"])

    assert given == {"parameters": {"a": "a b", "n": -7, "f": 1000.0, "b": False, "e": "2026"}}
    assert type(given["parameters"]["b"]) is bool


def test_values_that_are_not_replaced_stay() -> None:
    assert arguments(parameters(QUERY, **VALUES), ["false"]) == {"parameters": {**VALUES, "b": False}}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["maybe"], "the argument for 'b' must be true or false, but was 'maybe'"),
        (["true", "x", "1.5"], "the argument for 'n' must be a whole number, but was '1.5'"),
        (["true", "x", "1", "inf"], "the argument for 'f' must be a number, but was 'inf'"),
        (["1"] * 6, "6 arguments were given, but the query takes 5 at most: b, a, n, f, e"),
    ],
)
def test_words_that_do_not_fit(words: list[str], message: str) -> None:
    with pytest.raises(InvalidError) as raised:
        arguments(parameters(QUERY, **VALUES), words)

    assert [problem.message for problem in raised.value.errors] == [message]


def test_a_query_without_binds_takes_none() -> None:
    with pytest.raises(InvalidError, match="1 arguments were given, but the query takes none"):
        arguments(parameters("SELECT 1"), ["x"])
