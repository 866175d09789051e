"""What is learnt from a result, what breaks the terms of a contract, and what they become when it is accepted."""

import pytest

from app.core.terms import Facts, Terms, breaches, learnt, widened

PAIR = ("id", "name")
TYPED = Facts(PAIR, 10, ("integer", "text"))


@pytest.mark.parametrize(
    ("rows", "least", "most"), [(None, None, None), (0, 0, 100), (1, 1, 101), (90, 45, 190), (1000, 500, 2000)]
)
def test_a_good_result_teaches_its_columns_and_room_around_its_rows(
    rows: int | None, least: int | None, most: int | None
) -> None:
    assert learnt(Facts(PAIR, rows)) == Terms(PAIR, least, most)


def test_a_good_result_teaches_the_types_that_are_known() -> None:
    assert learnt(TYPED).types == {"id": "integer", "name": "text"}
    assert learnt(Facts(PAIR, 1, ("integer", None))).types == {"id": "integer"}
    assert learnt(Facts(("n", "n", "m"), 1, ("a", "b", "c"))).types == {"m": "c"}
    assert learnt(Facts(PAIR, 1, ())).types is None


SEVEN = tuple("abcdefg")


@pytest.mark.parametrize(
    ("terms", "facts", "wrong"),
    [
        (Terms(), Facts(PAIR, 0), []),
        (Terms(PAIR, 1, 5), Facts(PAIR, 5), []),
        (Terms(PAIR, 1, 5), Facts(), []),
        (Terms(PAIR), Facts(("id",), 1), ["without column 'name'"]),
        (Terms(("id",)), Facts(("id", "a", "b"), 1), ["with the new columns 'a', 'b'"]),
        (Terms(PAIR), Facts(("id", "title"), 1), ["without column 'name'", "with the new column 'title'"]),
        (Terms(PAIR), Facts(("name", "id"), 1), ["its columns are in another order"]),
        (Terms(("id",)), Facts(SEVEN, 1),
         ["without column 'id'", "with the new columns 'a', 'b', 'c', 'd', 'e' ..."]),
        (Terms(least_rows=1), Facts(PAIR, 0), ["it is empty"]),
        (Terms(least_rows=3), Facts(PAIR, 2), ["it has 2 rows, fewer than 3"]),
        (Terms(most_rows=3), Facts(PAIR, 4), ["it has 4 rows, more than 3"]),
        (Terms(types={"id": "integer"}), TYPED, []),
        (Terms(types={"id": "bigint", "gone": "text"}), TYPED, ["column 'id' is integer, not bigint"]),
        (Terms(types={"id": "bigint"}), Facts(PAIR, 1, (None, "text")), []),
        (Terms(types=dict.fromkeys(SEVEN, "x")), Facts(SEVEN, 1, ("y",) * 7),
         [f"column '{name}' is y, not x" for name in "abcde"] + ["..."]),
        (Terms(types={"id": "REAL"}), Facts(PAIR, 1, ("INTEGER", None)), []),
        (Terms(types={"id": "INTEGER"}), Facts(PAIR, 1, ("REAL", None)), ["column 'id' is REAL, not INTEGER"]),
        (Terms(types={"id": "INTEGER/TEXT"}), Facts(PAIR, 1, ("TEXT", None)), []),
        (Terms(unique_key=("id",)), Facts(PAIR, 1), []),
        (Terms(unique_key=("id",)), Facts(PAIR, 1, None, {"count": 0, "examples": []}), []),
        (Terms(unique_key=("id", "name")), Facts(PAIR, 1, None, {"count": 1, "examples": ["1 / a"]}),
         ["1 value of the key 'id', 'name' comes several times, as '1 / a'"]),
        (Terms(unique_key=("id", "code")), Facts(PAIR, 1), ["without column 'code' of its key"]),
    ],
)  # fmt: skip
def test_what_breaks_a_contract_is_said_and_good_once_it_is_accepted(
    terms: Terms, facts: Facts, wrong: list[str]
) -> None:
    assert breaches(terms, facts) == wrong
    if facts.columns is not None:
        assert breaches(widened(terms, facts), facts) == []


def test_what_was_not_broken_is_not_widened() -> None:
    terms = Terms(PAIR, 10, 20, max_age_seconds=60, unique_key=("id",), types={"id": "REAL"})

    assert widened(terms, Facts(PAIR, 15, ("INTEGER", None))) == terms
    assert widened(Terms(), Facts(PAIR, 15, ("INTEGER", "TEXT"))) == Terms()


def test_types_of_columns_that_are_gone_go_and_those_of_new_ones_come() -> None:
    terms = Terms(("id", "old"), types={"id": "integer", "old": "text"})

    assert widened(terms, TYPED).types == {"id": "integer", "name": "text"}


def test_terms_are_read_as_they_were_written() -> None:
    terms = Terms(["id"], 1, 2, 60, ["id"], {"id": "integer"})

    assert Terms.read(terms.written()) == terms
    of_an_earlier_release = {"columns": ["id"], "least_rows": 1, "most_rows": None, "max_age_seconds": None}
    assert Terms.read(of_an_earlier_release) == Terms(["id"], 1)
