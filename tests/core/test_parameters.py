"""Parameters: what people and machines send becomes what a job type declared."""

import pytest

from app.core.errors import FieldError, InvalidError
from app.core.job_types import JobType, Parameter
from app.core.parameters import coerce

TYPE = JobType(
    "T",
    "T",
    "",
    "x:y",
    [
        Parameter("query", "sql", "Query", required=True),
        Parameter("rows", "integer", "Rows", minimum=1, maximum=100),
        Parameter("header", "boolean", "Header", default=True),
        Parameter("ending", "choice", "Ending", default="LF", choices=[("LF", "Unix"), ("CRLF", "Windows")]),
        Parameter("binds", "object", "Binds", default={}),
        Parameter("ids", "list", "Ids", default=[], aliases=["id"]),
        Parameter("tables", "list", "Tables", choices=[("EVENT", "Events"), ("VALUE", "Values")]),
    ],
    problems=lambda given: [FieldError("query", "no", "bad")] if given["query"] == "bad" else [],
)


def test_absent_parameters_get_their_defaults_and_unknown_ones_are_dropped() -> None:
    assert coerce(TYPE, {"query": "q", "nonsense": 1}) == {
        "query": "q", "rows": None, "header": True, "ending": "LF", "binds": {}, "ids": [], "tables": None,
    }  # fmt: skip


@pytest.mark.parametrize(("given", "expected"), [("7", 7), (7, 7), (7.0, 7), ("", None), (None, None)])
def test_texts_stand_for_numbers(given: object, expected: object) -> None:
    assert coerce(TYPE, {"query": "q", "rows": given})["rows"] == expected


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("query", "  ", "required"),
        ("query", None, "required"),
        ("query", 3, "must be text"),
        ("query", "a\0b", "NUL"),
        ("rows", "many", "whole number"),
        ("rows", True, "whole number"),
        ("rows", 1.5, "whole number"),
        ("rows", float("inf"), "whole number"),
        ("rows", "9" * 5000, "whole number"),
        ("rows", 101, "from 1 to 100"),
        ("rows", [], "whole number"),
        ("header", "yes", "true or false"),
        ("ending", "CR", "one of: LF, CRLF"),
        ("binds", [], "object"),
        ("binds", {"a": {}}, "'a' must be"),
        ("ids", "a", "list of texts"),
        ("ids", [{}], "list of texts"),
        ("ids", ["a\0"], "NUL"),
        ("tables", ["EVENT", "NOPE"], "'NOPE' is none of: EVENT, VALUE"),
    ],
)
def test_what_is_wrong_is_named(field: str, value: object, words: str) -> None:
    with pytest.raises(InvalidError) as caught:
        coerce(TYPE, {"query": "q", field: value})

    [error] = caught.value.errors
    assert error.field == f"parameters.{field}"
    assert words in error.message


def test_the_types_own_check_comes_after_the_coercion() -> None:
    with pytest.raises(InvalidError) as caught:
        coerce(TYPE, {"query": "bad"})

    assert caught.value.errors == (FieldError("parameters.query", "no", "bad"),)


@pytest.mark.parametrize(
    ("given", "ids"),
    [({"ids": ["a", 7]}, ["a", "7"]), ({"id": ["a"]}, ["a"]), ({"id": ["a"], "ids": ["b"]}, ["b"]), ({"ids": ""}, [])],
    ids=["numbers", "other name", "both names", "empty"],
)
def test_lists_hold_texts(given: dict[str, object], ids: list[str]) -> None:
    assert coerce(TYPE, {"query": "q", **given})["ids"] == ids


def test_a_list_that_is_required_must_not_be_empty() -> None:
    job_type = JobType("T", "T", "", "x:y", [Parameter("ids", "list", "Ids", default=[], required=True)])

    with pytest.raises(InvalidError, match="Ids is required"):
        coerce(job_type, {"ids": []})
