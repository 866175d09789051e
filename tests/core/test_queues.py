"""Queues: which there can be, what they do to their jobs, and what is left when one of both goes."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from app.bootstrap import Services
from app.core.errors import InvalidError, NotFoundError
from app.core.jobs import JobSpec
from app.core.models import Job
from app.core.queues import QueueSpec, StepSpec
from app.core.statuses import OnFailure, RunStatus, TriggerKind
from app.core.triggers import TriggerSpec, cron
from tests.core.conftest import MakeJob
from tests.fakes import FakeClock, FakeExecutor

EVERY_MINUTE, AT_ONE = cron("0 * * * * ?", "UTC"), cron("0 0 1 * * ?", "UTC")


@pytest.fixture
def jobs(make_job: MakeJob) -> list[Job]:
    """Three that would fire each minute."""
    return [make_job(EVERY_MINUTE, name=name) for name in ("one", "two", "three")]


def spec(jobs: Sequence[Job], name: str = "night", **fields: object) -> QueueSpec:
    wanted = {"triggers": [AT_ONE], "steps": [StepSpec(job.uid) for job in jobs], **fields}
    return QueueSpec(name, **wanted)  # type: ignore[arg-type]


def steps(queue: Job) -> list[tuple[int, str, OnFailure]]:
    return [(step.position, step.job.name, step.on_failure) for step in queue.steps]


def next_fires(services: Services, jobs: Sequence[Job]) -> list[bool]:
    """Whether each would fire by itself."""
    return [any(row.next_fire_at for row in services.jobs.get(job.uid).triggers) for job in jobs]


def problems(services: Services, wanted: QueueSpec, uid: str = "") -> list[tuple[str, str]]:
    with pytest.raises(InvalidError) as caught:
        services.queues.update(uid, wanted, "ada") if uid else services.queues.create(wanted, "ada")
    return [(problem.field, problem.code) for problem in caught.value.errors]


def test_a_queue_has_its_jobs_in_order(services: Services, jobs: list[Job]) -> None:
    wanted = spec(jobs, steps=[StepSpec(jobs[2].uid, OnFailure.CONTINUE), StepSpec(jobs[0].uid)])

    made = services.queues.create(wanted, "ada")

    queue = services.queues.named("night")
    assert queue.uid == made.uid
    assert steps(queue) == [(0, "three", OnFailure.CONTINUE), (1, "one", OnFailure.STOP)]
    assert [row.next_fire_at for row in queue.triggers] == [services.clock().replace(hour=1) + timedelta(days=1)]


def test_a_queue_is_no_job(services: Services, jobs: list[Job]) -> None:
    queue = services.queues.create(spec(jobs, name="one"), "ada")  # as one of the jobs is called

    assert [job.name for job in services.jobs.list()] == ["one", "three", "two"]
    assert services.jobs.count() == 3
    for look in (services.jobs.get, services.jobs.get_by_id):
        with pytest.raises(NotFoundError):
            look(queue.uid if look is services.jobs.get else queue.id)  # type: ignore[operator, arg-type]


def test_a_member_does_not_fire_by_itself(services: Services, jobs: list[Job], clock: FakeClock) -> None:
    services.queues.create(spec(jobs[:2]), "ada")
    clock.advance(minutes=1)

    assert services.fires.wake().decided == 1  # the third
    assert next_fires(services, jobs) == [False, False, True]
    assert [job.enabled for job in services.jobs.list()] == [True, True, True]
    assert "a step of the queue 'night'" in services.ledger.why(jobs[0].uid, clock()).answer


def test_a_member_that_is_edited_or_switched_on_stays_suspended(services: Services, jobs: list[Job]) -> None:
    services.queues.create(spec(jobs), "ada")

    services.jobs.update(jobs[0].uid, JobSpec("one", "NOTHING", triggers=[cron("0 0 7 * * ?", "UTC")]), "ada")
    services.jobs.disable(jobs[1].uid, "ada")
    services.jobs.enable(jobs[1].uid, "ada")

    assert next_fires(services, jobs) == [False, False, False]


def test_a_fixed_delay_does_not_begin_to_count_in_a_queue(
    services: Services, make_job: MakeJob, jobs: list[Job], executor: FakeExecutor, clock: FakeClock
) -> None:
    delayed = make_job(TriggerSpec(TriggerKind.FIXED_DELAY, "UTC", delay_seconds=5), name="delayed")
    services.queues.create(spec([jobs[0], delayed]), "ada")

    services.runs.request(delayed.uid, by="ada")
    services.engine.dispatch()
    services.engine.deliver([executor.end(executor.assignments[0], clock())])
    services.engine.record()

    assert next_fires(services, [delayed]) == [False]


def test_who_leaves_is_switched_off_and_gets_its_triggers_back_when_it_is_switched_on(
    services: Services, jobs: list[Job]
) -> None:
    queue = services.queues.create(spec(jobs), "ada")

    services.queues.update(queue.uid, spec(jobs[:2]), "bob")

    left = services.jobs.get(jobs[2].uid)
    assert (left.enabled, left.updated_by, len(left.triggers)) == (False, "bob", 1)
    assert "has left its queue" in services.ledger.why(left.uid, services.clock()).answer
    services.jobs.enable(left.uid, "ada")
    assert next_fires(services, jobs) == [False, False, True]


def test_a_job_that_left_comes_back_with_an_edit_that_switches_it_on(services: Services, jobs: list[Job]) -> None:
    queue = services.queues.create(spec(jobs), "ada")
    services.queues.update(queue.uid, spec(jobs[:2]), "ada")

    services.jobs.update(jobs[2].uid, JobSpec("three", "NOTHING", triggers=[EVERY_MINUTE]), "ada")

    assert next_fires(services, jobs) == [False, False, True]


def test_a_queue_is_reordered_and_renamed_in_place(services: Services, jobs: list[Job]) -> None:
    queue = services.queues.create(spec(jobs[:2]), "ada")
    [trigger] = queue.triggers

    services.queues.update(queue.uid, spec([jobs[2], jobs[1], jobs[0]], name="late"), "ada")

    changed = services.queues.named("late")
    assert [name for _, name, _ in steps(changed)] == ["three", "two", "one"]
    assert [row.id for row in changed.triggers] == [trigger.id]
    assert changed.version == 2
    with pytest.raises(NotFoundError):
        services.queues.named("night")


def test_everything_that_is_wrong_is_said(services: Services, jobs: list[Job], make_job: MakeJob) -> None:
    services.queues.create(spec(jobs[:2]), "ada")
    bad = replace(AT_ONE, expression="0 1 ? * *")
    wanted = spec([jobs[0], jobs[2], jobs[2]], triggers=[bad])
    unknown = replace(wanted, steps=[*wanted.steps, StepSpec("x1234567890")])

    assert problems(services, unknown) == [
        ("name", "taken"),
        ("triggers.0.expression", "cron"),
        ("steps.0.job", "in_queue"),
        ("steps.1.job", "twice"),
        ("steps.2.job", "twice"),
        ("steps.3.job", "unknown"),
    ]


@pytest.mark.parametrize(
    ("name", "code"), [("", "required"), (" ", "required"), ("x" * 51, "too_long"), ("a\x00b", "too_long")]
)
def test_a_name_must_be_one(services: Services, jobs: list[Job], name: str, code: str) -> None:
    assert problems(services, spec(jobs, name=name)) == [("name", code)]


def test_a_queue_needs_two_jobs(services: Services, jobs: list[Job]) -> None:
    assert problems(services, spec(jobs[:1])) == [("steps", "too_few")]


def test_a_queue_is_no_step(services: Services, jobs: list[Job], make_job: MakeJob) -> None:
    inner = services.queues.create(spec(jobs[:2]), "ada")

    assert problems(services, spec([jobs[2], inner], name="outer")) == [("steps.1.job", "unknown")]


def test_nothing_of_a_refused_change_stays(services: Services, jobs: list[Job]) -> None:
    services.queues.create(spec(jobs[:2], name="other"), "ada")
    queue = services.queues.create(spec([jobs[2], *[]], steps=_with(services, jobs[2])), "ada")

    assert problems(services, spec([jobs[2]], name="other"), queue.uid) == [("name", "taken"), ("steps", "too_few")]

    assert [name for _, name, _ in steps(services.queues.get(queue.uid))] == ["three", "four"]


def _with(services: Services, job: Job) -> list[StepSpec]:
    other = services.jobs.create(JobSpec("four", "NOTHING"), "ada")
    return [StepSpec(job.uid), StepSpec(other.uid)]


def test_a_deleted_queue_leaves_its_jobs_switched_off(services: Services, jobs: list[Job]) -> None:
    queue = services.queues.create(spec(jobs[:2]), "ada")

    services.queues.delete(queue.uid, "ada")

    assert services.queues.list() == []
    assert [(job.name, job.enabled) for job in services.jobs.list()] == [
        ("one", False), ("three", True), ("two", False),
    ]  # fmt: skip
    again = services.queues.create(spec(jobs[:2]), "ada")  # the name is free again, and so are the jobs
    assert again.id > queue.id


def test_a_deleted_queue_takes_its_run_along(services: Services, jobs: list[Job]) -> None:
    queue = services.queues.create(spec(jobs), "ada")
    run = services.queues.start(queue.uid, "ada")
    services.engine.dispatch()

    services.queues.delete(queue.uid, "bob")

    assert services.runs.get(run.id).status is RunStatus.CANCELLING


def test_a_deleted_job_leaves_its_queue(services: Services, jobs: list[Job]) -> None:
    queue = services.queues.create(spec(jobs), "ada")

    services.jobs.delete(jobs[0].uid, "ada")
    assert [(number, name) for number, name, _ in steps(services.queues.get(queue.uid))] == [(0, "two"), (1, "three")]

    services.jobs.delete(jobs[1].uid, "ada")  # one job is left: that is a queue still
    assert [name for _, name, _ in steps(services.queues.get(queue.uid))] == ["three"]

    services.jobs.delete(jobs[2].uid, "ada")
    assert services.queues.list() == []


def test_switching_a_queue_off_and_on(services: Services, jobs: list[Job], clock: FakeClock) -> None:
    queue = services.queues.create(spec(jobs, triggers=[EVERY_MINUTE]), "ada")

    services.queues.disable(queue.uid, "ada")
    clock.advance(minutes=5)
    assert services.fires.wake().decided == 0

    services.queues.enable(queue.uid, "ada")
    clock.advance(minutes=1)
    assert services.fires.wake().queued == 1


def test_queues_are_listed_by_name(services: Services, jobs: list[Job], make_job: MakeJob) -> None:
    services.queues.create(spec([jobs[0], jobs[1]], name="b_night"), "ada")
    services.queues.create(spec([jobs[2], make_job(name="four")], name="A day"), "ada")

    assert [queue.name for queue in services.queues.list()] == ["A day", "b_night"]
    assert [queue.name for queue in services.queues.list(text="_")] == ["b_night"]
    assert {job_id: (place.queue.name, place.position) for job_id, place in services.jobs.places(jobs).items()} == {
        jobs[0].id: ("b_night", 0), jobs[1].id: ("b_night", 1), jobs[2].id: ("A day", 0),
    }  # fmt: skip
