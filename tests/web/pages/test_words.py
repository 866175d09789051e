"""Times, durations and amounts as people read them."""

from datetime import UTC, datetime, timedelta

import pytest

from app.core.statuses import FailureReason, FireOutcome, FireReason, Origin, Role, RunStatus
from app.web.pages import words
from app.web.pages.times import ago, bytes_size, counted, duration

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "now"), (0.9, "now"), (1, "in 1 s"), (59.9, "in 59 s"), (60, "in 1 min"), (3599, "in 59 min"),
        (3600, "in 1 h"), (86399, "in 23 h"), (86400, "in 1 day"), (-3, "3 s ago"), (-172800, "2 days ago"),
        (86400 * 364, "in 364 days"), (86400 * 800, "in 2 years"),
    ],
)  # fmt: skip
def test_relative_times(seconds: float, text: str) -> None:
    assert ago(NOW + timedelta(seconds=seconds), NOW) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"), (0.0001, "0 s"), (0.04, "40 ms"), (0.0999, "0.1 s"),
        (0.35, "0.3 s"), (1, "1 s"), (9.94, "9.9 s"), (9.96, "10 s"), (59.6, "1 min"),
        (192, "3 min 12 s"), (3600, "1 h"), (7260, "2 h 1 min"), (90000, "1 d 1 h"), (86400, "1 d"), (-1, "0 s"),
        (None, ""),
    ],
)  # fmt: skip
def test_durations(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (50_700, "50.7 kB"), (99_400, "99.4 kB"), (99_949, "100 kB"),
        (999_499, "999 kB"), (999_999, "1.0 MB"), (3_100_000, "3.1 MB"), (5 * 10**15, "5000 TB"),
    ],
)  # fmt: skip
def test_sizes(size: int, text: str) -> None:
    assert bytes_size(size) == text


def test_plurals() -> None:
    assert [counted(number, "row") for number in (0, 1, 1204)] == ["0 rows", "1 row", "1,204 rows"]


def test_every_value_of_the_closed_lists_has_words() -> None:
    assert set(words.STATUSES) >= {*RunStatus, *FireOutcome}
    assert set(words.FAILURES) == set(FailureReason)
    assert set(words.FIRE_REASONS) >= set(FireReason)
    assert set(words.ORIGINS) == set(Origin)
    assert set(words.ROLES) == set(Role)


def test_an_unknown_value_prints_its_raw_name() -> None:
    assert words.status_word("paused") == "paused"
    assert words.fire_reason("holiday") == "holiday"
