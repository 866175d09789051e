"""A queue's run: step after step, what follows a failure, and what survives a crash."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from sqlalchemy import select

from app.bootstrap import Services, build
from app.core import recording
from app.core.errors import ConflictError, InvalidError
from app.core.jobs import JobSpec
from app.core.models import Fire, Job, Run
from app.core.policies import Policies
from app.core.ports import Assignment, Ended
from app.core.queues import QueueSpec, StepSpec
from app.core.retries import RetryPolicy
from app.core.runs import RunFilter
from app.core.statuses import FailureReason, FireOutcome, FireReason, NotStarted, OnFailure, Origin, RunStatus
from app.core.triggers import cron
from config import Settings
from tests.core.conftest import MakeJob
from tests.fakes import TYPES, FakeClock, FakeExecutor, PlainHasher

EVERY_MINUTE = cron("0 * * * * ?", "UTC")
STOP, CONTINUE, ALWAYS = OnFailure.STOP, OnFailure.CONTINUE, OnFailure.ALWAYS
SUCCEEDED, FAILED, RUNNING = RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.RUNNING

MakeQueue = Callable[..., Job]


@pytest.fixture
def make_queue(services: Services, make_job: MakeJob) -> MakeQueue:
    """A queue that fires each minute, of the steps "step 1" ... with these rules."""

    def make(*rules: OnFailure) -> Job:
        jobs = [make_job(name=f"step {number}") for number, _ in enumerate(rules, 1)]
        steps = [StepSpec(job.uid, rule) for job, rule in zip(jobs, rules, strict=True)]
        return services.queues.create(QueueSpec("night", [EVERY_MINUTE], steps), "ada")

    return make


def start(services: Services, queue: Job, **options: int) -> Run:
    run = services.queues.start(queue.uid, "ada", **options)
    services.engine.dispatch()
    return run


def end(
    services: Services,
    executor: FakeExecutor,
    clock: FakeClock,
    status: RunStatus = SUCCEEDED,
    *,
    dispatch: bool = True,
) -> Assignment:
    """End the step that runs; the next one is with the executor then."""
    clock.advance(seconds=10)
    assignment = executor.assignments[-1]
    reason = FailureReason.EXIT if status is FAILED else None
    services.engine.deliver([executor.end(assignment, clock(), status, reason)])
    services.engine.record()
    if dispatch:
        services.engine.dispatch()
    return assignment


def words(services: Services, run: Run) -> list[str]:
    return [state.word for state in services.queues.steps_of([run])[run.id]]


def status_of(services: Services, run: Run) -> RunStatus:
    return services.runs.get(run.id).status


def started(executor: FakeExecutor) -> list[str]:
    return [assignment.job_name for assignment in executor.assignments]


def test_steps_run_one_after_another(
    services: Services, make_queue: MakeQueue, executor: FakeExecutor, clock: FakeClock
) -> None:
    run = start(services, make_queue(STOP, STOP, STOP))
    assert (words(services, run), status_of(services, run)) == (["running", "waiting", "waiting"], RUNNING)

    end(services, executor, clock)
    assert words(services, run) == ["succeeded", "running", "waiting"]

    end(services, executor, clock)
    end(services, executor, clock)
    assert (words(services, run), status_of(services, run)) == (["succeeded"] * 3, SUCCEEDED)
    assert started(executor) == ["step 1", "step 2", "step 3"]
    assert services.runs.get(run.id).duration_seconds == 30


def test_a_due_queue_has_its_row_in_the_ledger_and_so_has_each_step(
    services: Services, make_queue: MakeQueue, executor: FakeExecutor, clock: FakeClock
) -> None:
    queue = make_queue(STOP, STOP)
    clock.advance(minutes=1)
    services.engine.tick()

    [row] = services.ledger.page(queue.uid)
    assert (row.fire.outcome, row.fire.trigger_id, row.run_status) == (
        FireOutcome.STARTED, queue.triggers[0].id, RUNNING,
    )  # fmt: skip
    end(services, executor, clock)
    steps = [services.runs.get(assignment.run_id) for assignment in executor.assignments]
    assert [(step.origin, step.requested_by, step.lateness_seconds) for step in steps] == [
        (Origin.QUEUE, None, 0), (Origin.QUEUE, None, 0),
    ]  # fmt: skip
    for step in steps:
        [fire] = services.fires.of_job(step.job_id)
        assert (fire.outcome, fire.trigger_id) == (FireOutcome.STARTED, None)


def test_a_queue_does_not_overlap_itself(
    services: Services, make_queue: MakeQueue, executor: FakeExecutor, clock: FakeClock
) -> None:
    queue = make_queue(STOP, STOP)
    run = start(services, queue)
    end(services, executor, clock)  # the first is over, the second runs
    clock.advance(minutes=1)

    services.engine.tick()

    fire = services.fires.of_job(queue.id)[0]
    assert (fire.outcome, fire.reason, fire.blocking_run_id) == (FireOutcome.SKIPPED, FireReason.OVERLAP, run.id)
    with pytest.raises(ConflictError, match="already running"):
        services.queues.start(queue.uid, "ada")


RULES: dict[str, tuple[Sequence[OnFailure], Sequence[RunStatus], list[str], str]] = {
    "stop": (
        (STOP, STOP, STOP), (FAILED,), ["failed", "not_started", "not_started"],
        "step 1, 'step 1', failed; 2 later steps did not start",
    ),
    "continue": (
        (CONTINUE, STOP, STOP), (FAILED, SUCCEEDED, SUCCEEDED), ["failed", "succeeded", "succeeded"],
        "step 1, 'step 1', failed",
    ),
    "always after a failure": (
        (STOP, STOP, ALWAYS), (FAILED, SUCCEEDED), ["failed", "not_started", "succeeded"],
        "step 1, 'step 1', failed; 1 later step did not start",
    ),
    "always does not let the others start": (
        (STOP, ALWAYS, STOP), (FAILED, SUCCEEDED), ["failed", "succeeded", "not_started"],
        "step 1, 'step 1', failed; 1 later step did not start",
    ),
    "always that fails itself": (
        (ALWAYS, STOP), (FAILED,), ["failed", "not_started"], "step 1, 'step 1', failed; 1 later step did not start",
    ),
    "two failures": (
        (CONTINUE, STOP, ALWAYS), (FAILED, RunStatus.INTERRUPTED, SUCCEEDED), ["failed", "interrupted", "succeeded"],
        "step 1, 'step 1', failed; step 2, 'step 2', was interrupted",
    ),
    "cancelled by itself": (
        (STOP, STOP), (RunStatus.CANCELLED,), ["cancelled", "not_started"],
        "step 1, 'step 1', was cancelled; 1 later step did not start",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("rules", "ends", "expected", "error"), RULES.values(), ids=RULES)
def test_what_follows_a_failure(
    rules: Sequence[OnFailure], ends: Sequence[RunStatus], expected: list[str], error: str,
    services: Services, make_queue: MakeQueue, executor: FakeExecutor, clock: FakeClock,
) -> None:  # fmt: skip
    run = start(services, make_queue(*rules))

    for status in ends:
        end(services, executor, clock, status)

    over = services.runs.get(run.id)
    assert words(services, run) == expected
    assert (over.status, over.reason, over.error) == (FAILED, FailureReason.STEP, error)
    assert len(executor.assignments) == len(ends)


def test_a_step_that_is_switched_off_counts_as_failed(
    services: Services, make_queue: MakeQueue, executor: FakeExecutor, clock: FakeClock
) -> None:
    queue = make_queue(STOP, CONTINUE, STOP, STOP)
    for number in (1, 2):
        services.jobs.disable(queue.steps[number].job.uid, "ada")
    run = start(services, queue)

    end(services, executor, clock)

    states = services.queues.steps_of([run])[run.id]
    assert [state.row.not_started for state in states] == [
        None, NotStarted.DISABLED, NotStarted.DISABLED, NotStarted.STOPPED,
    ]  # fmt: skip
    assert (services.runs.get(run.id).error or "").startswith(
        "step 2, 'step 2', did not start: its job is switched off"
    )


def test_a_queue_of_which_no_step_can_start_ends_at_once(services: Services, make_queue: MakeQueue) -> None:
    queue = make_queue(STOP, STOP)
    services.jobs.disable(queue.steps[0].job.uid, "ada")

    run = start(services, queue)

    assert status_of(services, run) is FAILED
    assert services.queues.get(queue.uid).last_run_id == run.id


def test_a_step_that_was_deleted_meanwhile_is_named(
    services: Services, make_queue: MakeQueue, executor: FakeExecutor, clock: FakeClock
) -> None:
    queue = make_queue(STOP, CONTINUE, STOP)
    run = start(services, queue)
    services.jobs.delete(queue.steps[1].job.uid, "ada")

    for _ in range(2):
        end(services, executor, clock)

    assert words(services, run) == ["succeeded", "not_started", "succeeded"]
    assert services.runs.get(run.id).error == "step 2, 'step 2', did not start: its job was deleted"


def test_a_run_keeps_the_steps_with_which_it_began(
    services: Services, make_queue: MakeQueue, executor: FakeExecutor, clock: FakeClock
) -> None:
    queue = make_queue(STOP, STOP, STOP)
    run = start(services, queue)
    spec = QueueSpec.of(services.queues.get(queue.uid))

    services.queues.update(queue.uid, replace(spec, name="late", steps=list(reversed(spec.steps))[:2]), "ada")
    services.jobs.enable(queue.steps[0].job.uid, "ada")  # it has left the queue: that switched it off
    for _ in range(3):
        end(services, executor, clock)

    assert started(executor) == ["step 1", "step 2", "step 3"]
    assert (status_of(services, run), services.runs.get(run.id).job_name) == (SUCCEEDED, "night")


def test_a_step_runs_the_job_as_it_is_when_its_turn_comes(
    services: Services, make_queue: MakeQueue, executor: FakeExecutor, clock: FakeClock
) -> None:
    queue = make_queue(STOP, STOP)
    start(services, queue)

    services.jobs.update(queue.steps[1].job.uid, JobSpec("step 2", "NOTHING", {"number": 7}), "ada")
    end(services, executor, clock)

    assert executor.assignments[1].parameters["number"] == 7


def test_it_can_begin_with_a_later_step(
    services: Services, make_queue: MakeQueue, executor: FakeExecutor, clock: FakeClock
) -> None:
    queue = make_queue(STOP, STOP, STOP)

    run = start(services, queue, first_step=1)

    assert words(services, run) == ["running", "waiting"]
    end(services, executor, clock)
    end(services, executor, clock)
    assert (started(executor), status_of(services, run)) == (["step 2", "step 3"], SUCCEEDED)
    for number in (-1, 3):
        with pytest.raises(InvalidError):
            services.queues.start(queue.uid, "ada", first_step=number)


def test_cancelling_a_queue_cancels_its_step_and_starts_no_other(
    services: Services, make_queue: MakeQueue, executor: FakeExecutor, clock: FakeClock
) -> None:
    run = start(services, make_queue(CONTINUE, STOP, ALWAYS))

    services.runs.cancel(run.id, "bob")
    services.engine.dispatch()
    step = executor.assignments[0]
    assert executor.cancelled == [(step.run_id, step.token)]
    assert (words(services, run), status_of(services, run)) == (
        ["cancelling", "waiting", "waiting"], RunStatus.CANCELLING,
    )  # fmt: skip

    end(services, executor, clock, RunStatus.CANCELLED)
    assert (words(services, run), status_of(services, run)) == (
        ["cancelled", "not_started", "not_started"], RunStatus.CANCELLED,
    )  # fmt: skip
    assert services.runs.get(step.run_id).cancelled_by == "bob"


def test_a_step_that_completes_all_the_same_does_not_go_on_with_a_cancelled_queue(
    services: Services, make_queue: MakeQueue, executor: FakeExecutor, clock: FakeClock
) -> None:
    run = start(services, make_queue(STOP, STOP))
    services.runs.cancel(run.id, "bob")

    end(services, executor, clock, SUCCEEDED)

    assert (words(services, run), status_of(services, run)) == (["succeeded", "not_started"], RunStatus.CANCELLED)


def test_a_queue_that_waits_for_a_worker_is_cancelled_at_once(
    services: Services, make_queue: MakeQueue, executor: FakeExecutor, clock: FakeClock
) -> None:
    executor.room = 1
    first = start(services, make_queue(STOP, STOP))
    executor.room = 0
    end(services, executor, clock)  # the second step is queued and finds no room

    services.runs.cancel(first.id, "bob")

    assert (words(services, first), status_of(services, first)) == (["succeeded", "cancelled"], RunStatus.CANCELLED)


def test_a_queue_that_has_not_begun_is_cancelled_at_once(
    services: Services, make_queue: MakeQueue, executor: FakeExecutor
) -> None:
    run = services.queues.start(make_queue(STOP, STOP).uid, "ada")

    services.runs.cancel(run.id, "bob")

    services.engine.dispatch()
    assert (status_of(services, run), executor.assignments) == (RunStatus.CANCELLED, [])


def test_no_worker_gets_the_run_of_the_queue_itself(
    services: Services, make_queue: MakeQueue, executor: FakeExecutor
) -> None:
    executor.room = 1

    start(services, make_queue(STOP, STOP))

    assert started(executor) == ["step 1"]


# What survives a crash


def restart(services: Services, settings: Settings, clock: FakeClock, executor: FakeExecutor) -> Services:
    services.keeper.lease.release()
    services.db.dispose()
    built = build(settings, now=clock, executor=executor, types=TYPES, hasher=PlainHasher())
    built.engine.recover()
    built.engine.dispatch()
    return built


def test_after_a_crash_between_two_steps_the_next_one_starts_once(
    settings: Settings, services: Services, make_queue: MakeQueue, executor: FakeExecutor, clock: FakeClock
) -> None:
    run = start(services, make_queue(STOP, STOP, STOP))
    end(services, executor, clock, dispatch=False)  # recorded, and the server dies before it dispatches

    later = restart(services, settings, clock, executor)

    assert started(executor) == ["step 1", "step 2"]
    assert (words(later, run), status_of(later, run)) == (["succeeded", "running", "waiting"], RUNNING)
    end(later, executor, clock)
    end(later, executor, clock)
    assert (started(executor), status_of(later, run)) == (["step 1", "step 2", "step 3"], SUCCEEDED)
    later.db.dispose()


def test_after_a_crash_before_the_end_of_a_step_was_recorded_the_spool_goes_on(
    settings: Settings, services: Services, make_queue: MakeQueue, executor: FakeExecutor, clock: FakeClock
) -> None:
    run = start(services, make_queue(STOP, STOP))
    executor.left = [executor.end(executor.assignments[0], clock())]

    later = restart(services, settings, clock, executor)
    later.engine.recover()  # told again, it changes nothing

    assert (words(later, run), started(executor)) == (["succeeded", "running"], ["step 1", "step 2"])
    later.db.dispose()


def test_a_step_that_a_crash_interrupted_is_a_failure_of_the_queue(
    settings: Settings, services: Services, make_queue: MakeQueue, executor: FakeExecutor, clock: FakeClock
) -> None:
    run = start(services, make_queue(STOP, STOP, ALWAYS))

    later = restart(services, settings, clock, executor)

    assert words(later, run) == ["interrupted", "not_started", "running"]
    end(later, executor, clock)
    assert status_of(later, run) is FAILED
    later.db.dispose()


def test_an_end_that_cannot_be_recorded_starts_no_next_step(
    services: Services, make_queue: MakeQueue, executor: FakeExecutor, clock: FakeClock
) -> None:
    """The end of a step and the start of the next are one transaction: both or none."""
    run = start(services, make_queue(STOP, STOP))
    assignment = executor.assignments[0]

    with pytest.raises(RuntimeError, match="crash"):
        _record_and_crash(services, executor.end(assignment, clock()))

    assert words(services, run) == ["running", "waiting"]
    end(services, executor, clock)
    assert words(services, run) == ["succeeded", "running"]
    assert len(services.runs.list(RunFilter(origin=Origin.QUEUE))) == 2
    with services.db.reading() as session:
        assert len(session.scalars(select(Fire)).all()) == 3


def _record_and_crash(services: Services, ended: Ended) -> None:
    with services.db.transaction() as session:
        recording.write(session, [ended])
        assert len(session.scalars(select(Run)).all()) == 3  # the next step's is there
        raise RuntimeError("crash")


def test_an_end_that_is_reported_twice_starts_one_step(
    services: Services, make_queue: MakeQueue, executor: FakeExecutor, clock: FakeClock
) -> None:
    run = start(services, make_queue(STOP, STOP, STOP))
    again = executor.end(executor.assignments[0], clock())

    end(services, executor, clock)
    services.engine.deliver([again, again])
    services.engine.record()

    assert words(services, run) == ["succeeded", "running", "waiting"]


# Beside what else runs


def test_the_next_step_waits_for_the_last_retry(
    services: Services, make_queue: MakeQueue, executor: FakeExecutor, clock: FakeClock
) -> None:
    queue = make_queue(STOP, STOP)
    retry = RetryPolicy(count=1, delay_seconds=60, jitter=0)
    spec = JobSpec("step 1", "NOTHING", policies=Policies(retry=retry))
    services.jobs.update(queue.steps[0].job.uid, spec, "ada")
    run = start(services, queue)

    end(services, executor, clock, FAILED)
    assert words(services, run) == ["queued", "waiting"]

    clock.advance(seconds=60)
    services.engine.dispatch()
    end(services, executor, clock)
    assert (started(executor), words(services, run)) == (
        ["step 1", "step 1", "step 2"], ["succeeded", "running"],
    )  # fmt: skip


def test_a_step_waits_for_a_run_that_somebody_started(
    services: Services, make_queue: MakeQueue, executor: FakeExecutor, clock: FakeClock
) -> None:
    queue = make_queue(STOP, STOP)
    services.runs.request(queue.steps[1].job.uid, by="bob")
    services.engine.dispatch()
    by_hand = executor.assignments[0]
    run = start(services, queue)

    end(services, executor, clock)
    assert (words(services, run), len(executor.assignments)) == (["succeeded", "queued"], 2)

    services.engine.deliver([executor.end(by_hand, clock())])
    services.engine.record()
    services.engine.dispatch()
    assert words(services, run) == ["succeeded", "running"]
