"""The job type TEST: what each of its parameters does, seen in its tree and its outcome."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from app.core.errors import InvalidError
from app.core.execution import CANCELLED, CancelFlag, execute
from app.core.job_types import JobTypes
from app.core.ports import Assignment, Ended, Logged, Progressing
from app.core.statuses import FailureReason, RunStatus
from app.job_types.test_job import JOB_TYPE

AT = datetime(2026, 3, 1, tzinfo=UTC)


@dataclass
class Outcome:
    ended: Ended
    process: dict[str, Any]
    log: str

    @property
    def stages(self) -> list[tuple[str, str, str]]:
        """Description, status and what is said of each stage."""
        return [
            (stage["description"], stage["status"], stage.get("summary") or stage.get("error") or "")
            for stage in self.process["stages"]
        ]

    def items(self, stage: int) -> str:
        return "".join(item["status"][0] for item in self.process["stages"][stage]["items"])


class NoFiles:
    def remove(self, files: object) -> None:
        assert not files


def run(*, cancel_in: str | None = None, **parameters: Any) -> Outcome:
    """``cancel_in`` names the stage in which the run is cancelled."""
    cancelled, trees, lines = CancelFlag(), [], []

    def emit(report: Any) -> None:
        if isinstance(report, Logged):
            lines.extend(line.message for line in report.lines)
        if isinstance(report, Progressing):
            trees.append(report.read().values["processes"][0])
            if trees[-1]["stages"] and trees[-1]["stages"][-1]["description"] == cancel_in:
                cancelled.set(CANCELLED)

    ended = execute(
        Assignment(1, "t", 7, "rehearsal", "TEST", JOB_TYPE.coerce(parameters)),
        JobTypes([JOB_TYPE]),
        emit=emit,
        results=NoFiles(),  # type: ignore[arg-type]
        clock=lambda: AT,
        cancelled=cancelled,
    )
    return Outcome(ended, trees[-1], "\n".join(lines))


def test_without_parameters_it_waits_not_at_all_and_has_one_stage() -> None:
    outcome = run()

    assert outcome.ended.status is RunStatus.SUCCEEDED
    assert (outcome.process["description"], outcome.process["status"]) == ("Test job", "SUCCESS")
    assert outcome.stages == [
        ("Waiting for 0ms", "SUCCESS", "waited for 0ms"),
        ("Stage 1", "SUCCESS", "Stage 1 complete"),
    ]
    assert outcome.items(1) == ""


def test_numbers_may_come_as_text() -> None:
    outcome = run(waitMillis="1", stages="2", items="2", itemDuration="1")

    assert [words for words, _, _ in outcome.stages] == ["Waiting for 1ms", "Stage 1", "Stage 2"]
    assert outcome.process["stages"][1]["total"] == 2
    assert [item["description"] for item in outcome.process["stages"][2]["items"]] == ["Item 1", "Item 2"]


@pytest.mark.parametrize("stages", [0, 3])
def test_it_has_as_many_stages_as_wanted(stages: int) -> None:
    assert len(run(stages=stages).stages) == 1 + stages


@pytest.mark.parametrize("parallel", [False, True])
@pytest.mark.parametrize("with_exception", [False, True])
@pytest.mark.parametrize(
    ("policy", "items", "stage", "run_status", "stages"),
    [
        (None, "SE", "ERROR", RunStatus.FAILED, 2),
        ("PARENT", "SE", "ERROR", RunStatus.FAILED, 2),
        ("FAIL", "SE", "ERROR", RunStatus.FAILED, 2),
        ("SKIP_STAGE", "SE", "ERROR", RunStatus.SUCCEEDED, 3),
        ("SKIP_ITEM", "SESS", "SUCCESS", RunStatus.SUCCEEDED, 3),
        ("SKIP_ITEM_OUTLIER", "SESS", "SUCCESS", RunStatus.SUCCEEDED, 3),
    ],
)
def test_an_item_fails_where_it_shall(
    policy: str | None,
    items: str,
    stage: str,
    run_status: RunStatus,
    stages: int,
    with_exception: bool,
    parallel: bool,
) -> None:
    outcome = run(
        stages=2,
        items=4,
        failAtStage=1,
        failAtItem=2,
        failWithPolicy=policy,
        failWithException=with_exception,
        runStagesParallel=parallel,
    )

    assert (outcome.ended.status, len(outcome.stages), outcome.stages[1][1]) == (run_status, stages, stage)
    assert outcome.items(1)[1] == "E"
    if not parallel:  # there the others may be under way already
        assert outcome.items(1) == items


def test_an_item_that_fails_first_is_no_outlier() -> None:
    outcome = run(items=3, failAtStage=1, failWithPolicy="SKIP_ITEM_OUTLIER")

    assert (outcome.ended.status, outcome.items(1)) == (RunStatus.FAILED, "E")


def test_it_fails_at_the_first_item_unless_told_at_which() -> None:
    assert run(items=3, failAtStage=1).items(1) == "E"


def test_no_stage_fails_unless_told_which() -> None:
    assert run(items=3, failAtItem=2).ended.status is RunStatus.SUCCEEDED


def test_a_stage_without_items_fails_itself() -> None:
    outcome = run(stages=2, failAtStage=2)

    assert outcome.stages[1:] == [("Stage 1", "SUCCESS", "Stage 1 complete"), ("Stage 2", "ERROR", "Simulated error")]
    assert (outcome.process["status"], outcome.process["error"]) == ("ERROR", "Simulated error")


@pytest.mark.parametrize(("message", "shown"), [(None, "Simulated error"), ("", "Simulated error"), ("oops", "oops")])
def test_it_fails_with_the_message(message: str | None, shown: str) -> None:
    outcome = run(failAtStage=1, failWithMessage=message)

    assert (outcome.ended.reason, outcome.ended.error) == (FailureReason.EXCEPTION, shown)
    assert outcome.log == ""


def test_an_unexpected_exception_leaves_its_traceback_in_the_log() -> None:
    outcome = run(failAtStage=1, failWithException=True)

    assert outcome.ended.error == "RuntimeError: Simulated error"
    assert outcome.process["error"] == "Simulated error"
    assert outcome.log.startswith("Traceback")
    assert outcome.log.endswith("RuntimeError: Simulated error")


def test_a_post_condition_fails_after_a_stage_that_went_well() -> None:
    outcome = run(stages=3, items=2, failAtStage=2, failWithPostCondition=True)

    assert outcome.stages[2] == ("Stage 2", "SUCCESS", "Stage 2 complete")
    assert len(outcome.stages) == 3
    assert outcome.process["error"] == ("Process failed: Non-null post-condition failed after: Test job => Stage 2")
    assert outcome.ended.status is RunStatus.FAILED


def test_a_cancellation_ends_the_waiting() -> None:
    outcome = run(waitMillis=2**62, cancel_in="Waiting for 4611686018427387904ms")

    assert outcome.ended.status is RunStatus.CANCELLED
    assert outcome.stages == [("Waiting for 4611686018427387904ms", "CANCELLED", "the run was cancelled")]


@pytest.mark.parametrize("parallel", [False, True])
def test_a_cancellation_ends_the_stages(parallel: bool) -> None:
    outcome = run(stages=3, items=10, itemDuration=2**62, cancel_in="Stage 1", runStagesParallel=parallel)

    assert (outcome.ended.status, outcome.process["status"]) == (RunStatus.CANCELLED, "CANCELLED")
    assert [status for _, status, _ in outcome.stages] == ["SUCCESS", "CANCELLED"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("waitMillis", -1),
        ("waitMillis", 2**63),
        ("stages", 2**31),
        ("items", "many"),
        ("failAtStage", -1),
        ("itemDuration", 1.5),
        ("failWithPolicy", "SKIP"),
        ("failWithException", "perhaps"),
        ("runStagesParallel", 3),
    ],
)
def test_values_that_it_cannot_take_are_refused(name: str, value: Any) -> None:
    with pytest.raises(InvalidError) as refused:
        JOB_TYPE.coerce({name: value})

    assert [problem.field for problem in refused.value.errors] == [f"parameters.{name}"]
