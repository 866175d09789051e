"""The job type TEST: does nothing but wait and, when told so, fail. It makes progress and policies observable."""

import os
import threading
from collections.abc import Callable

from app.core.job_types import JobContext, JobError, JobType, Parameter
from app.core.progress import FailurePolicy, item_summary

__all__ = ["JOB_TYPE"]

Pause = Callable[[int | None], object]
"""Waits so many milliseconds, or until the run is cancelled."""

MOST_INTEGER, MOST_LONG = 2**31 - 1, 2**63 - 1  # as in DHIS2, where these are Java's
THREADS = max(2, os.cpu_count() or 1)


def run(context: JobContext) -> None:
    cancelled = threading.Event()

    def pause(milliseconds: int | None) -> None:
        if milliseconds:
            cancelled.wait(min(milliseconds / 1000, threading.TIMEOUT_MAX))

    stages = context.parameters["stages"]
    with context.on_cancel(cancelled.set), context.process("Test job"):
        _wait(context, pause)
        for number in range(1, (1 if stages is None else stages) + 1):
            _run_stage(context, number, pause)


def _wait(context: JobContext, pause: Pause) -> None:
    milliseconds = context.parameters["waitMillis"] or 0
    with context.stage(f"Waiting for {milliseconds}ms") as stage:
        pause(milliseconds)
        context.check_cancelled()
        stage.summary = f"waited for {milliseconds}ms"


def _run_stage(context: JobContext, number: int, pause: Pause) -> None:
    given = context.parameters
    has_to_fail = number == given["failAtStage"]
    failing_item = (1 if given["failAtItem"] is None else given["failAtItem"]) if has_to_fail else None

    def work(item: int) -> None:
        pause(given["itemDuration"])
        if item == failing_item and not given["failWithPostCondition"]:
            raise _failure(context)

    stage = context.stage(
        f"Stage {number}",
        range(1, (given["items"] or 0) + 1),
        on_failure=given["failWithPolicy"] or FailurePolicy.PARENT,
        describe=lambda item: f"Item {item}",
        summary=lambda done, failed: item_summary(done, failed) if failed else f"Stage {number} complete",
    )
    with stage:
        if given["items"]:
            stage.run(work, workers=THREADS if given["runStagesParallel"] else 1)
        elif has_to_fail and not given["failWithPostCondition"]:
            raise _failure(context)
        stage.summary = f"Stage {number} complete"
    if has_to_fail and given["failWithPostCondition"]:
        raise JobError(f"Non-null post-condition failed after: Test job => Stage {number}")


def _failure(context: JobContext) -> Exception:
    message = context.parameters["failWithMessage"] or "Simulated error"
    return RuntimeError(message) if context.parameters["failWithException"] else JobError(message)


JOB_TYPE = JobType(
    name="TEST",
    family="DHIS2",
    one_at_a_time=True,
    label="Test",
    description="Waits and fails as told: for trying out progress, cancellation and failure policies.",
    function="app.job_types.test_job:run",
    parameters=[
        Parameter("waitMillis", "integer", "Wait millis", minimum=0, maximum=MOST_LONG, help="Before the stages."),
        Parameter("stages", "integer", "Stages", minimum=0, maximum=MOST_INTEGER, help="One, if empty."),
        Parameter(
            "failAtStage",
            "integer",
            "Fail at stage",
            minimum=0,
            maximum=MOST_INTEGER,
            help="The number of the stage that fails, from 1. None fails, if empty.",
        ),
        Parameter("items", "integer", "Items", minimum=0, maximum=MOST_INTEGER, help="Of each stage."),
        Parameter(
            "failAtItem",
            "integer",
            "Fail at item",
            minimum=0,
            maximum=MOST_INTEGER,
            help="The number of the item of that stage that fails, from 1. The first, if empty.",
        ),
        Parameter(
            "itemDuration",
            "integer",
            "Item duration",
            minimum=0,
            maximum=MOST_LONG,
            help="Milliseconds for each item.",
        ),
        Parameter("failWithMessage", "text", "Fail with message", help="Simulated error, if empty."),
        Parameter(
            "failWithException",
            "boolean",
            "Fail with exception",
            default=False,
            help="Raise an unexpected exception, whose traceback goes to the log, instead of reporting the failure.",
        ),
        Parameter(
            "failWithPostCondition",
            "boolean",
            "Fail with post condition",
            default=False,
            help="Let the failing stage end well, and fail the check that follows it.",
        ),
        Parameter(
            "failWithPolicy",
            "choice",
            "Fail with policy",
            choices=[
                ("PARENT", "PARENT: as the process says"),
                ("FAIL", "FAIL: the process is aborted"),
                ("SKIP_STAGE", "SKIP_STAGE: the rest of the stage is left out"),
                ("SKIP_ITEM", "SKIP_ITEM: the item is left out"),
                ("SKIP_ITEM_OUTLIER", "SKIP_ITEM_OUTLIER: the item is left out if one before it has succeeded"),
            ],
            help="What a failure leads to.",
        ),
        Parameter(
            "runStagesParallel",
            "boolean",
            "Run stages parallel",
            default=False,
            help="Run several items of a stage at the same time, as many as there are processors.",
        ),
    ],
)
