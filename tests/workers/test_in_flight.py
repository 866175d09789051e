from datetime import UTC, datetime

import pytest

from app.adapters.in_flight import NEVER_MORE_AHEAD, REMEMBERED, InFlight, key
from app.core.ports import Assignment, Ended, Logged, Started
from app.core.statuses import RunStatus
from tests.workers.harness import assignment

AT = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def book() -> InFlight:
    return InFlight(workers=2)


def given(book: InFlight, count: int) -> list[Assignment]:
    made = [assignment("NOOP") for _ in range(count)]
    book.add(made)
    return made


def ended(of: Assignment) -> Ended:
    return Ended(of.run_id, of.token, AT, RunStatus.SUCCEEDED)


def pass_by(book: InFlight, *, seconds: float, count: int = REMEMBERED) -> None:
    """Let runs begin and end that last so long."""
    for each in given(book, count):
        book.take()
        book.note(Started(each.run_id, each.token, AT, 1, 1), now=0)
        book.note(ended(each), now=seconds)
        book.release(book.acknowledge([key(each)]))


def test_the_warden_has_one_run_for_each_worker_and_one_to_begin_next(book: InFlight) -> None:
    runs = given(book, 6)

    assert [each for each, _ in book.take()] == runs[:4]
    assert book.take() == []
    book.note(ended(runs[0]), now=0)
    assert [each for each, _ in book.take()] == runs[4:5]
    assert book.handed() == runs[1:5]


def test_slots_are_given_from_the_lowest_and_only_after_acknowledgement(book: InFlight) -> None:
    first, second = given(book, 2)
    assert [slot for _, slot in book.take()] == [0, 1]
    book.note(ended(first), now=0)
    given(book, 1)
    assert [slot for _, slot in book.take()] == [2]

    book.release(book.acknowledge([key(first)]))
    given(book, 1)

    assert [slot for _, slot in book.take()] == [0]
    assert book.acknowledge([key(first)]) == []
    assert key(second) in book.slots


def test_slots_with_outcomes_of_an_earlier_server_are_not_given(book: InFlight) -> None:
    book.reserve({0: (1, "old"), 2: (2, "old")})
    given(book, 3)

    assert [slot for _, slot in book.take()] == [1, 3, 4]
    assert book.acknowledge([(2, "old")]) == [2]


def test_what_comes_back_unbegun_is_first_in_the_queue_again(book: InFlight) -> None:
    runs = given(book, 5)
    book.take()

    book.take_back([key(runs[2]), key(runs[3]), (99, "unknown")])

    assert list(book.waiting) == runs[2:]
    assert [slot for _, slot in book.take()] == [2, 3]


def test_reports_after_the_end_are_not_current(book: InFlight) -> None:
    [run] = given(book, 1)

    assert book.note(Logged(run.run_id, run.token, ()), now=0)
    assert book.note(ended(run), now=0)
    assert not book.note(ended(run), now=0)
    assert not book.note(Logged(run.run_id, run.token, ()), now=0)


def test_there_is_room_for_as_many_as_workers(book: InFlight) -> None:
    assert book.room(now=0) == 2
    given(book, 1)
    assert book.room(now=0) == 1
    given(book, 5)
    assert book.room(now=0) == 0


@pytest.mark.parametrize(
    ("seconds", "room"),
    [(0.0, 2 + 2 * NEVER_MORE_AHEAD), (0.001, 2 + 2 * 5), (0.006, 2), (10.0, 2)],
)
def test_short_runs_are_taken_ahead(book: InFlight, seconds: float, room: int) -> None:
    pass_by(book, seconds=seconds)

    assert book.room(now=100) == room


def test_nothing_is_taken_ahead_of_a_run_that_is_long_already(book: InFlight) -> None:
    pass_by(book, seconds=0.0005)
    [run] = given(book, 1)
    book.take()
    book.note(Started(run.run_id, run.token, AT, 1, 1), now=100)

    assert book.room(now=100.01) > 2
    assert book.room(now=100.03) == 1


def test_outcomes_that_nobody_acknowledges_are_late_once(book: InFlight) -> None:
    first, second = given(book, 2)
    book.take()
    book.note(ended(first), now=10)
    book.note(ended(second), now=20)

    assert book.late(before=15) == [key(first)]
    assert book.late(before=15) == []
    book.acknowledge([key(second)])
    assert book.late(before=99) == []
