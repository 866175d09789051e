"""What there is to tell, who is told, in how many messages, and what becomes of them"""

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import select

from app.bootstrap import Services
from app.core.errors import ConflictError, InvalidError, NotFoundError
from app.core.models import Job
from app.core.models.notices import Delivery, FailingJob, Notice
from app.core.notice_rules import Rule
from app.core.policies import Policies
from app.core.ports import Ended, MadeFile
from app.core.postroom import AFTER, GIVE_UP_AFTER
from app.core.statuses import (
    Channel,
    DeliveryStatus,
    FailureReason,
    NoticeKind,
    NoticeScope,
    OverlapRule,
    RunStatus,
    TriggerKind,
)
from app.core.terms import Terms
from app.core.triggers import TriggerSpec
from tests.core.conftest import MakeJob
from tests.fakes import FakeClock, FakeExecutor

SITE, GROUP, JOB = NoticeScope.SITE, NoticeScope.GROUP, NoticeScope.JOB
HOOK = "https://hooks.example/services/T0/s3cr3t"
HOURLY = TriggerSpec(TriggerKind.CRON, "UTC", expression="0 0 * * * ?", misfire="do_nothing")
End = Callable[..., int]


@pytest.fixture
def end(services: Services, executor: FakeExecutor, clock: FakeClock) -> End:
    """A run of a job that ends in a minute, as told."""

    def run(job: Job, status: RunStatus = RunStatus.FAILED, error: str | None = "no such table", **ending: Any) -> int:
        services.runs.request(job.uid, "ada")
        services.engine.dispatch()
        clock.advance(seconds=60)
        assigned = executor.assignments[-1]
        is_good = status is RunStatus.SUCCEEDED
        reason = None if is_good else FailureReason.EXCEPTION
        report = Ended(
            assigned.run_id,
            assigned.token,
            clock(),
            status,
            reason,
            None if is_good else error,
            ending.get("files", ()),
        )
        services.engine.deliver([report])
        services.engine.record()
        return assigned.run_id

    return run


def good(end: End, job: Job, **ending: Any) -> int:
    return end(job, RunStatus.SUCCEEDED, **ending)


def notices(services: Services) -> list[tuple[NoticeKind, int]]:
    with services.db.reading() as session:
        return [(row.kind, row.count) for row in session.scalars(select(Notice).order_by(Notice.id))]


def rule(services: Services, scope: NoticeScope = SITE, name: str = "", **given: Any) -> Rule:
    return services.notice_rules.save(scope, name, Rule(**{"mail": ["ops@clinic.example"], **given}), "ada")


class Seconds:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seconds(services: Services) -> Seconds:
    made = services.postroom.monotonic = Seconds()  # type: ignore[assignment]
    return made  # type: ignore[return-value]


@pytest.fixture
def messages(services: Services, seconds: Seconds) -> Callable[[], list[Delivery]]:
    """Make them, after the time for which others are waited for; the oldest first."""

    def make() -> list[Delivery]:
        services.postroom.make()
        seconds.now += 61
        services.postroom.make()
        return list(reversed(services.postroom.list()))

    return make


# What there is to tell


def test_each_failure_is_written_down_with_its_place_in_the_row(
    services: Services, make_job: MakeJob, end: End
) -> None:
    job = make_job()

    end(job)
    end(job)

    assert notices(services) == [(NoticeKind.FAILURE, 1), (NoticeKind.FAILURE, 2)]


def test_the_first_success_after_failures_is_a_recovery_and_the_next_is_nothing(
    services: Services, make_job: MakeJob, end: End, clock: FakeClock
) -> None:
    job = make_job()
    good(end, job)
    end(job)
    began = clock()
    end(job)
    good(end, job)
    good(end, job)

    with services.db.reading() as session:
        recovery = session.scalars(select(Notice).where(Notice.kind == NoticeKind.RECOVERY)).one()
        assert session.scalars(select(FailingJob)).all() == []
    assert (recovery.count, recovery.since) == (2, began)


def test_a_row_of_failures_begins_anew_after_a_success(services: Services, make_job: MakeJob, end: End) -> None:
    job = make_job()

    for status in (RunStatus.FAILED, RunStatus.SUCCEEDED, RunStatus.FAILED):
        end(job, status)

    assert notices(services)[-1] == (NoticeKind.FAILURE, 1)


def test_a_job_may_fail_recover_and_fail_again_in_one_transaction(
    services: Services, executor: FakeExecutor, clock: FakeClock, make_job: MakeJob
) -> None:
    job = make_job(policies=Policies(overlap=OverlapRule.PARALLEL, overlap_limit=3))
    for _ in range(3):
        services.runs.request(job.uid, "ada")
    services.engine.dispatch()
    statuses = (RunStatus.FAILED, RunStatus.SUCCEEDED, RunStatus.FAILED)

    services.engine.deliver([
        executor.end(assigned, clock(), status) for assigned, status in zip(executor.assignments, statuses, strict=True)
    ])  # fmt: skip
    services.engine.record()

    assert notices(services) == [(NoticeKind.FAILURE, 1), (NoticeKind.RECOVERY, 1), (NoticeKind.FAILURE, 1)]


def test_a_cancelled_run_is_nothing_to_tell(services: Services, make_job: MakeJob, end: End) -> None:
    end(make_job(), RunStatus.CANCELLED)

    assert notices(services) == []


def test_an_interrupted_run_breaks_its_job_too(services: Services, make_job: MakeJob, end: End) -> None:
    job = make_job()
    end(job, RunStatus.INTERRUPTED)
    end(job)
    good(end, job)

    assert notices(services) == [(NoticeKind.INTERRUPTED, 1), (NoticeKind.FAILURE, 1), (NoticeKind.RECOVERY, 2)]


def test_a_held_result_is_told_with_what_is_wrong(services: Services, make_job: MakeJob, end: End) -> None:
    job = make_job()
    services.contracts.save(job.id, Terms(least_rows=10), is_on=True, by="ada")

    good(end, job, files=[MadeFile("visits.csv", "1/x", "text/csv", 10, "00", 2, ["id"])])

    with services.db.reading() as session:
        held = session.scalars(select(Notice)).one()
    assert (held.kind, held.words) == (NoticeKind.HELD, "visits.csv: it has 2 rows, fewer than 10")


def test_starts_that_were_missed_are_one_notice_with_their_number(
    services: Services, make_job: MakeJob, clock: FakeClock
) -> None:
    make_job(HOURLY)
    first = clock() + timedelta(hours=1)
    clock.advance(hours=5, minutes=30)

    services.fires.wake()

    with services.db.reading() as session:
        missed = session.scalars(select(Notice)).one()
    assert (missed.kind, missed.count, missed.since, missed.words) == (NoticeKind.MISSED, 5, first, "late")


def test_starts_that_somebody_paused_are_nothing_to_tell(
    services: Services, make_job: MakeJob, clock: FakeClock
) -> None:
    make_job(HOURLY)
    pause = services.pauses.begin("all", "", "ada")  # type: ignore[arg-type]
    clock.advance(hours=3)
    services.pauses.end(pause.id, "ada")

    services.fires.wake()

    assert notices(services) == []


# Who is told


def test_the_rule_of_a_job_hides_that_of_its_group_and_of_the_site(services: Services, make_job: MakeJob) -> None:
    job = make_job(group="payroll")
    rule(services, mail=["site@x.example"])
    assert services.notice_rules.of_job(job) == (SITE, Rule(mail=("site@x.example",)))
    rule(services, GROUP, "payroll", mail=["group@x.example"])
    assert services.notice_rules.of_job(job) == (GROUP, Rule(mail=("group@x.example",)))
    rule(services, JOB, job.uid, mail=[])

    assert services.notice_rules.of_job(job) == (JOB, Rule())
    assert [view.scope for view in services.notice_rules.list()] == [SITE, GROUP, JOB]


def test_a_rule_that_names_nobody_is_silence(
    services: Services, make_job: MakeJob, end: End, messages: Callable[[], list[Delivery]]
) -> None:
    job = make_job()
    rule(services)
    rule(services, JOB, job.uid, mail=[])
    end(job)

    assert messages() == []
    assert notices(services) == []


@pytest.mark.parametrize(
    ("given", "kind", "count", "wanted"),
    [
        ({}, NoticeKind.FAILURE, 1, True),
        ({}, NoticeKind.FAILURE, 2, False),
        ({"each_failure": True}, NoticeKind.FAILURE, 2, True),
        ({"kinds": [NoticeKind.RECOVERY]}, NoticeKind.FAILURE, 1, False),
        ({"missed_from": 5}, NoticeKind.MISSED, 4, False),
        ({"missed_from": 5}, NoticeKind.MISSED, 5, True),
        ({}, NoticeKind.RECOVERY, 7, True),
    ],
)
def test_what_a_rule_wants(given: dict[str, Any], kind: NoticeKind, count: int, wanted: bool) -> None:
    assert Rule(**given).wants(kind, count) is wanted


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"mail": ["ada"]}, "mail"),
        ({"mail": ["a@b\r\nBcc: c@d"]}, "mail"),
        ({"mail": [f"a{number}@b.example" for number in range(51)]}, "mail"),
        ({"webhook": "ftp://x"}, "webhook"),
        ({"webhook": "https://user:pw@x.example/"}, "webhook"),
        ({"missed_from": 0}, "missed_from"),
    ],
)
def test_a_rule_that_is_wrong_is_refused(services: Services, given: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidError) as refused:
        rule(services, **given)

    assert [error.field for error in refused.value.errors] == [field]


def test_a_webhook_is_sealed_and_shown_without_what_may_be_secret(services: Services) -> None:
    saved = rule(services, webhook=HOOK)
    again = rule(services, webhook=saved.webhook)

    assert saved.webhook == again.webhook == "https://hooks.example/…"
    assert services.notice_rules.opened(SITE).webhook == HOOK
    with services.db.engine.connect() as connection:
        assert "s3cr3t" not in str(connection.exec_driver_sql("SELECT * FROM notice_rule").all())


def test_a_rule_can_be_removed(services: Services) -> None:
    rule(services)
    services.notice_rules.remove(SITE)

    assert services.notice_rules.list() == []
    with pytest.raises(NotFoundError):
        services.notice_rules.remove(SITE)


# In how many messages


def test_nothing_is_told_before_others_were_waited_for(
    services: Services, seconds: Seconds, make_job: MakeJob, end: End
) -> None:
    rule(services)
    end(make_job())

    assert services.postroom.make() == 0
    seconds.now += 9.9
    assert services.postroom.make() == 0
    seconds.now += 0.2
    assert services.postroom.make() == 1


def test_an_outage_that_interrupts_many_runs_is_one_message(
    services: Services, make_job: MakeJob, messages: Callable[[], list[Delivery]]
) -> None:
    rule(services, mail=["a@x.example", "b@x.example"])
    for number in range(60):
        services.runs.request(make_job(name=f"job {number}").uid, "ada")
    while services.engine.dispatch():
        pass
    services.runs.claimant = type(services.runs.claimant)("the next start", "host")

    assert services.runs.reap() == 60
    made = messages()

    assert [one.target for one in made] == ["a@x.example", "b@x.example"]
    assert {one.subject for one in made} == {"Carillon: 60 runs interrupted (60 jobs)"}
    assert "And 10 more." in made[0].content["text"]


def test_a_recipient_gets_one_message_in_a_minute_at_most(
    services: Services, seconds: Seconds, make_job: MakeJob, end: End
) -> None:
    rule(services, each_failure=True)
    job = make_job()
    made = 0
    for _ in range(30):
        end(job)
        made += services.postroom.make()
        seconds.now += 4

    assert made == 2


def test_missed_starts_below_the_threshold_are_not_told(
    services: Services, make_job: MakeJob, clock: FakeClock, messages: Callable[[], list[Delivery]]
) -> None:
    rule(services, missed_from=3)
    make_job(HOURLY, name="few")
    clock.advance(hours=2, minutes=30)
    services.fires.wake()
    assert messages() == []

    clock.advance(hours=4)
    services.fires.wake()

    assert [one.subject for one in messages()] == ["Carillon: “few” missed 4 starts"]


def test_a_message_says_what_failed_why_since_when_and_where_to_look(
    services: Services, make_job: MakeJob, end: End, messages: Callable[[], list[Delivery]]
) -> None:
    rule(services, each_failure=True, webhook=HOOK)
    job = make_job(name="nightly <b>")
    good(end, job)
    run_id = end(job)
    mail, hook = messages()

    assert mail.subject == "Carillon: “nightly <b>” failed"
    assert "no such table" in mail.content["text"]
    assert f"http://127.0.0.1:8080/runs/{run_id}" in mail.content["text"]
    assert "Last good run: that of 2026-03-02 12:00:00" in mail.content["text"]
    assert "nightly &lt;b&gt;" in mail.content["html"]
    assert (hook.shown, hook.channel) == ("https://hooks.example/…", Channel.WEBHOOK)
    assert "s3cr3t" not in hook.target
    (told,) = hook.content["notices"]
    assert (told["kind"], told["job"]["name"], told["run_id"]) == ("failure", "nightly <b>", run_id)
    assert hook.content["id"] == hook.uid != mail.uid


def test_a_recovery_says_for_how_long_it_was_broken(
    services: Services, make_job: MakeJob, end: End, messages: Callable[[], list[Delivery]], clock: FakeClock
) -> None:
    rule(services, kinds=[NoticeKind.RECOVERY])
    job = make_job()
    end(job)
    clock.advance(hours=2)
    good(end, job)
    (mail,) = messages()

    assert mail.subject == "Carillon: “nightly” works again"
    assert "It was broken for 2 h 1 min; 1 run did not succeed." in mail.content["text"]


def test_a_name_brings_no_line_of_its_own_into_the_head_of_a_mail(
    services: Services, make_job: MakeJob, end: End, messages: Callable[[], list[Delivery]]
) -> None:
    rule(services)
    end(make_job(name="x\u2028Bcc: all@x.example" + "y" * 100))

    assert messages()[0].subject.splitlines() == [messages()[0].subject]


# What becomes of them


def pending(services: Services) -> list[int]:
    return [due.id for due in services.postroom.due()]


def test_a_message_is_tried_again_with_longer_pauses_and_given_up_after_a_day(
    services: Services, make_job: MakeJob, end: End, messages: Callable[[], list[Delivery]], clock: FakeClock
) -> None:
    rule(services)
    end(make_job())
    (made,) = messages()
    tries: list[datetime] = []
    while pending(services):
        services.postroom.failed(made.id, "nobody there")
        tries.append(clock())
        (row,) = services.postroom.list()
        clock.now = row.next_try_at or clock.now

    assert [later - earlier for earlier, later in pairwise(tries)][: len(AFTER)] == list(AFTER)
    assert tries[-1] - tries[0] >= GIVE_UP_AFTER
    assert (row.status, row.error, row.ended_at) == (DeliveryStatus.GIVEN_UP, "nobody there", tries[-1])


def test_what_was_given_up_can_be_sent_again_and_what_was_sent_cannot(
    services: Services, make_job: MakeJob, end: End, messages: Callable[[], list[Delivery]]
) -> None:
    rule(services)
    end(make_job())
    (made,) = messages()
    services.postroom.failed(made.id, "gone", is_final=True)
    assert pending(services) == []

    services.postroom.send_again(made.id)
    assert pending(services) == [made.id]
    services.postroom.sent(made.id)

    assert services.postroom.list()[0].status is DeliveryStatus.SENT
    with pytest.raises(ConflictError):
        services.postroom.send_again(made.id)
    with pytest.raises(NotFoundError):
        services.postroom.send_again(10**30)


def test_a_test_goes_to_all_whom_a_rule_names(services: Services) -> None:
    rule(services, mail=["a@x.example", "b@x.example"], webhook=HOOK)

    assert services.postroom.test(services.notice_rules, SITE, "", "ada") == 3
    assert {due.target for due in services.postroom.due()} == {"a@x.example", "b@x.example", HOOK}
    assert services.postroom.outbox().pending == 3


def test_deliveries_are_forgotten_after_a_while_and_pending_ones_are_not(services: Services, clock: FakeClock) -> None:
    rule(services, mail=["a@x.example", "b@x.example"])
    services.postroom.test(services.notice_rules, SITE, "", "ada")
    services.postroom.sent(services.postroom.due()[0].id)

    assert services.postroom.forget_before(clock()) == 0
    assert services.postroom.forget_before(clock() + timedelta(days=1)) == 1
    assert len(services.postroom.list()) == 1
