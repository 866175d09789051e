"""The outbox keeps the cap of a log: the end is passed on at the latest when the run ends."""

from collections.abc import Sequence
from datetime import UTC, datetime

from app.adapters.outbox import END_AT_MOST, LINES_AT_MOST, Outbox
from app.core.log_cap import Kept, LogLimits
from app.core.ports import Assignment, Logged, LogLine, Report

AT = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def assignment(run_id: int, lines: int) -> Assignment:
    return Assignment(run_id, "t", 1, "job", "NOTHING", {}, log_limits=LogLimits(lines, 10**6))


def said(outbox: Outbox, run_id: int, numbers: range) -> None:
    for number in numbers:
        outbox.put(Logged(run_id, "t", (LogLine(AT, "info", str(number)),)))


def test_a_flood_becomes_its_beginning_and_its_end() -> None:
    batches: list[Sequence[Report]] = []
    outbox = Outbox(batches.append)  # its thread does not run
    outbox.begin(assignment(1, lines=5000))

    said(outbox, 1, range(1, 30_001))
    outbox.flush()

    logged = [report for batch in batches for report in batch if isinstance(report, Logged)]
    texts = [line.message for report in logged for line in report.lines]
    assert texts == [str(number) for number in [*range(1, 2501), *range(27_501, 30_001)]]
    assert [report.left_out for report in logged if report.left_out] == [25_000]
    assert logged[-1].kept == Kept(2500, 2500)
    assert max(len(report.lines) for report in logged) == LINES_AT_MOST
    assert max(map(len, batches)) == END_AT_MOST


def test_each_run_has_a_cap_of_its_own_and_what_an_earlier_one_says_late_is_dropped() -> None:
    batches: list[Sequence[Report]] = []
    outbox = Outbox(batches.append)
    outbox.begin(assignment(1, lines=100))
    said(outbox, 1, range(1, 300))
    outbox.flush()
    batches.clear()

    outbox.begin(assignment(2, lines=100))
    said(outbox, 1, range(300, 301))
    said(outbox, 2, range(1, 3))
    outbox.flush()

    assert batches == [[Logged(2, "t", (LogLine(AT, "info", "1"), LogLine(AT, "info", "2")))]]
