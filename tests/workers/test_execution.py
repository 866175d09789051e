"""The parts of ``core.execution`` that no executor shows well."""

import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from app.core.error_text import one_line, storable
from app.core.execution import CANCELLED, SHUTDOWN, CancelFlag, Mask, execute, timed_out
from app.core.job_types import JobContext, JobType, JobTypes, RunCancelled
from app.core.ports import Assignment, Ended, Logged, MadeFile, Progressing, Report
from app.core.statuses import FailureReason, RunStatus

AT = datetime(2026, 3, 1, tzinfo=UTC)


class NoResults:
    def create(self, *args: object) -> None:
        raise AssertionError("no file was wanted")

    def remove(self, files: list[MadeFile]) -> None:
        assert not files


def run(
    function: Callable[[JobContext], None], cancelled: CancelFlag | None = None
) -> tuple[Ended, list[Report | Progressing]]:
    """Execute a function as if it were an installed job type's."""
    reports: list[Report | Progressing] = []
    made_up = JobType(name="X", label="", description="", function="tests.workers.test_execution:current")
    globals()["current"] = function
    ended = execute(
        Assignment(1, "t", 7, "nightly", "X", {}),
        JobTypes([made_up]),
        emit=reports.append,
        results=NoResults(),  # type: ignore[arg-type]
        clock=lambda: AT,
        cancelled=cancelled or CancelFlag(),
    )
    return ended, reports


def test_a_run_that_was_cancelled_before_it_began_does_nothing() -> None:
    cancelled = CancelFlag()
    cancelled.set(CANCELLED)

    ended, reports = run(lambda context: pytest.fail("it began"), cancelled)

    assert ended.status is RunStatus.CANCELLED
    assert reports == []


def test_the_first_wish_counts() -> None:
    cancelled = CancelFlag()
    cancelled.set(timed_out(3))
    cancelled.set(SHUTDOWN)

    assert cancelled.ending == timed_out(3)


def test_actions_are_called_only_while_their_block_runs() -> None:
    called: list[str] = []
    cancelled = CancelFlag()
    with cancelled.during(lambda: called.append("before")):
        pass
    with cancelled.during(lambda: called.append("during")):
        cancelled.set(CANCELLED)

    assert called == ["during"]
    with pytest.raises(RunCancelled), cancelled.during(lambda: called.append("after")):
        pytest.fail("it began")


def test_a_block_is_left_only_when_its_action_has_ended() -> None:
    """Else a connection could be given to another run while it is being cancelled."""
    began, may_end, log = threading.Event(), threading.Event(), []

    def action() -> None:
        began.set()
        may_end.wait(5)
        log.append("action ended")

    cancelled = CancelFlag()
    thread = threading.Thread(target=cancelled.set, args=(CANCELLED,))
    with cancelled.during(action):
        thread.start()
        began.wait(5)
        threading.Timer(0.05, may_end.set).start()
    log.append("block left")
    thread.join()

    assert log == ["action ended", "block left"]


def test_an_action_that_fails_is_told_and_keeps_no_other_from_being_called() -> None:
    cancelled = CancelFlag()
    called: list[str] = []

    def job(context: JobContext) -> None:
        with context.on_cancel(lambda: 1 / 0), context.on_cancel(lambda: called.append("second")):  # type: ignore[arg-type, return-value]
            cancelled.set(CANCELLED)
            context.check_cancelled()

    ended, reports = run(job, cancelled)

    assert ended.status is RunStatus.CANCELLED
    assert called == ["second"]
    assert isinstance(reports[0], Logged)
    assert "ZeroDivisionError" in reports[0].lines[0].message


@pytest.mark.parametrize("error", [KeyboardInterrupt(), GeneratorExit(), MemoryError("too much")])
def test_whatever_a_job_raises_is_an_outcome(error: BaseException) -> None:
    def job(context: JobContext) -> None:
        raise error

    ended, _ = run(job)

    assert (ended.status, ended.reason) == (RunStatus.FAILED, FailureReason.EXCEPTION)


def test_a_raised_run_cancelled_that_nobody_asked_for_is_a_failure() -> None:
    def job(context: JobContext) -> None:
        raise RunCancelled("made up")

    assert run(job)[0].status is RunStatus.FAILED


def progress_of(job: Callable[[JobContext], None], cancelled: CancelFlag | None = None) -> dict[str, Any]:
    """The tree as it is when the job has ended."""
    _, reports = run(job, cancelled)
    return dict([report.read() for report in reports if isinstance(report, Progressing)][-1].values)


def test_progress_is_complete_each_time() -> None:
    def job(context: JobContext) -> None:
        context.progress(stage="read")
        context.progress(rows=3)

    shown = progress_of(job)

    assert (shown["stage"], shown["rows"]) == ("read", 3)
    assert [stage["description"] for stage in shown["processes"][0]["stages"]] == ["read"]


def test_a_job_that_says_nothing_has_no_progress() -> None:
    assert run(lambda context: None)[1] == []


def test_what_a_job_has_left_open_ends_well_with_it() -> None:
    def job(context: JobContext) -> None:
        for number in context.stage("search", [1, 2, 3]):
            if number == 2:
                return

    (process,) = progress_of(job)["processes"]

    assert (process["description"], process["status"]) == ("nightly", "SUCCESS")
    assert [(stage["status"], stage["done"]) for stage in process["stages"]] == [("SUCCESS", 2)]


def test_what_a_job_has_left_open_fails_with_it() -> None:
    def job(context: JobContext) -> None:
        for _ in context.stage("send", [1, 2, 3]):
            raise ValueError("no such thing in /srv/carillon/data/secret.db")

    (process,) = progress_of(job)["processes"]

    (stage,) = process["stages"]
    assert [(item["status"], item["error"]) for item in stage["items"]] == [("ERROR", "no such thing in secret.db")]
    assert (process["status"], process["error"]) == ("ERROR", "no such thing in secret.db")


def test_leaving_a_job_by_exit_is_a_good_end_for_its_stages() -> None:
    def job(context: JobContext) -> None:
        with context.process("Send orders"), context.stage("send"):
            sys.exit()

    (process,) = progress_of(job)["processes"]

    assert (process["status"], process["stages"][0]["status"]) == ("SUCCESS", "SUCCESS")


def test_a_job_that_ends_by_itself_after_its_cancellation_was_asked_for_has_a_good_tree() -> None:
    cancelled = CancelFlag()

    def job(context: JobContext) -> None:
        with context.stage("send"):
            cancelled.set(CANCELLED)

    assert progress_of(job, cancelled)["processes"][0]["status"] == "SUCCESS"


class Unspeakable(Exception):  # noqa: N818
    def __str__(self) -> str:
        raise RuntimeError("no words")


def test_an_error_without_words_is_an_outcome() -> None:
    def job(context: JobContext) -> None:
        raise Unspeakable

    assert run(job)[0].error == "Unspeakable"


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("x"), "ValueError: x"),
        (ValueError(), "ValueError"),
        (Unspeakable(), "Unspeakable"),
        (ValueError("\n  first\nsecond"), "ValueError: first"),
        (
            FileNotFoundError(2, "No such file", "/home/me/data/x.csv"),
            "FileNotFoundError: [Errno 2] No such file: 'x.csv'",
        ),
        (RuntimeError("GET https://host/a/b/c failed"), "RuntimeError: GET https://host/a/b/c failed"),
        (RuntimeError("n/a, 3/4 and /x"), "RuntimeError: n/a, 3/4 and /x"),
        (RuntimeError("see /usr/lib/python3/x.py: bad"), "RuntimeError: see x.py: bad"),
    ],
)
def test_one_line_names_the_error_without_directories(error: Exception, line: str) -> None:
    assert one_line(error) == line


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("plain", "plain"),
        ("a\0b", "a\N{REPLACEMENT CHARACTER}b"),
        ("a\ud800b", "a?b"),
        ("ünï", "ünï"),
        ("x" * 12, "xxxxxxxxxx ... (2 more characters)"),
    ],
)
def test_text_is_made_storable(text: str, kept: str) -> None:
    assert storable(text, 10) == kept


@pytest.mark.parametrize(
    ("url", "text", "masked"),
    [
        ("postgresql://u:s3cr3t@h/d", "password s3cr3t!", "password ***!"),
        ("postgresql://u:s%23cr@h/d", "raw s#cr, quoted s%23cr", "raw ***, quoted ***"),
        ("postgresql://u:s3cr3t@h/d", "base64 czNjcjN0", "base64 ***"),
        ("postgresql://u@h/d?password=s3cr3t", "s3cr3t", "***"),
        ("postgresql://u:ab@h/d", "about ab: postgresql://u:ab@h/d", "about ab: postgresql://u:***@h/d"),
        ("postgresql://u@h/d", "nothing: to hide", "nothing: to hide"),
        ("sqlite:////data/x.db", "nothing to hide", "nothing to hide"),
        ("mysql://[::1", "what is no URL is hidden: mysql://[::1", "what is no URL is hidden: ***"),
    ],
)
def test_secrets_of_a_connection_are_masked(url: str, text: str, masked: str) -> None:
    assert Mask([url])(text) == masked
