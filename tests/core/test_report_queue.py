"""The queue of reports: everything in its order, and of progress the newest alone."""

import queue
from datetime import UTC, datetime

import pytest

from app.core.ports import Ended, Logged, Progressed, Report
from app.core.report_queue import ReportQueue
from app.core.statuses import RunStatus

AT = datetime(2026, 3, 1, tzinfo=UTC)


def progressed(run_id: int, rows: int, token: str = "t") -> Progressed:
    return Progressed(run_id, token, AT, {"rows": rows})


def taken(reports: ReportQueue) -> list[Report | None]:
    found = []
    while not reports.empty():
        found.append(reports.get(False, 0))
    return found


def test_the_newest_progress_of_a_run_waits_in_the_place_of_the_oldest() -> None:
    reports = ReportQueue(10)
    logged, ended = Logged(1, "t", ()), Ended(1, "t", AT, RunStatus.SUCCEEDED)

    for report in (progressed(1, 1), progressed(2, 1), logged, progressed(1, 2), progressed(1, 3), ended, None):
        reports.put(report)

    assert taken(reports) == [progressed(1, 3), progressed(2, 1), logged, ended, None]


def test_attempts_are_told_apart() -> None:
    reports = ReportQueue(10)

    for report in (progressed(1, 1, "first"), progressed(1, 2, "second")):
        reports.put(report)

    assert taken(reports) == [progressed(1, 1, "first"), progressed(1, 2, "second")]


def test_progress_that_comes_after_the_taking_waits_anew() -> None:
    reports = ReportQueue(10)
    reports.put(progressed(1, 1))
    assert taken(reports) == [progressed(1, 1)]

    reports.put(progressed(1, 2))

    assert taken(reports) == [progressed(1, 2)]


def test_replaced_progress_takes_no_room() -> None:
    reports = ReportQueue(1)

    for rows in range(1000):
        reports.put(progressed(1, rows))

    assert taken(reports) == [progressed(1, 999)]


def test_nothing_comes_out_of_an_empty_one() -> None:
    with pytest.raises(queue.Empty):
        ReportQueue(1).get(False, 0)
