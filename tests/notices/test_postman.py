"""The postman: what is sent, tried again, left alone for a while; from the end of a run to a mail that arrives"""

import pytest

from app.adapters.postman import NobodyThereError, NotTakenError, Postman, RefusedError
from app.adapters.secrets import AesVault
from app.bootstrap import Services, build
from app.core.errors import UnavailableError
from app.core.jobs import JobSpec
from app.core.notice_rules import Rule
from app.core.postroom import GATHER_SECONDS, Due
from app.core.statuses import Channel, DeliveryStatus, FailureReason, NoticeScope, RunStatus
from config import Settings
from tests.databases import put_migrated
from tests.fakes import TYPES, FakeClock, FakeExecutor, PlainHasher
from tests.notices.mail_server import running

SITE = NoticeScope.SITE


class FakeSender:
    """Takes everything but what it shall not, by the target."""

    def __init__(self, only_place: str | None = None, **faults: Exception) -> None:
        self.only_place = only_place
        self.faults = faults
        self.tried: list[str] = []

    def place_of(self, due: Due) -> str:
        return self.only_place or due.target.partition("@")[2]

    def send(self, due: Due) -> None:
        self.tried.append(due.target)
        fault = self.faults.get(due.target.partition("@")[0])
        if fault:
            raise fault


class Seconds:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def postman(services: Services, sender: FakeSender, seconds: Seconds | None = None) -> Postman:
    senders = {Channel.MAIL: sender, Channel.WEBHOOK: sender}
    return Postman(services.postroom, senders, lambda: True, seconds or Seconds())


def send_tests(services: Services, *addresses: str) -> None:
    services.notice_rules.save(SITE, "", Rule(mail=addresses), "ada")
    services.postroom.test(services.notice_rules, SITE, "", "ada")


def states(services: Services) -> dict[str, DeliveryStatus]:
    return {row.target: row.status for row in services.postroom.list()}


def test_one_that_is_not_taken_does_not_hold_up_the_others(services: Services) -> None:
    send_tests(services, "no@x.example", "gone@x.example", "odd@x.example", "yes@x.example")
    sender = FakeSender(no=NotTakenError("later"), gone=RefusedError("never"), odd=ValueError("a bug"))

    assert postman(services, sender).step() == 1

    assert states(services) == {
        "no@x.example": DeliveryStatus.PENDING,
        "gone@x.example": DeliveryStatus.GIVEN_UP,
        "odd@x.example": DeliveryStatus.PENDING,
        "yes@x.example": DeliveryStatus.SENT,
    }


def test_a_server_that_does_not_answer_is_tried_once_and_left_alone(services: Services) -> None:
    send_tests(services, "a@down.example", "b@down.example", "c@up.example")
    down = NobodyThereError("no answer")
    sender, seconds = FakeSender(a=down, b=down), Seconds()
    walks = postman(services, sender, seconds)

    walks.step()
    walks.step()
    assert sender.tried == ["a@down.example", "c@up.example"]

    seconds.now += 31
    walks.step()
    assert sender.tried[2:] == ["b@down.example"]


def test_mail_that_waits_for_its_server_does_not_stand_before_webhooks(services: Services) -> None:
    send_tests(services, "a@x.example", "b@x.example")
    services.notice_rules.save(SITE, "", Rule(webhook="https://hooks.example/x"), "ada")
    services.postroom.test(services.notice_rules, SITE, "", "ada")
    mail, hooks = FakeSender("mail", a=NobodyThereError("no answer")), FakeSender()
    walks = Postman(services.postroom, {Channel.MAIL: mail, Channel.WEBHOOK: hooks}, lambda: True, Seconds())

    walks.step()
    with_rest = services.postroom.due(without=walks._unreachable(), limit=1)

    assert (mail.tried, hooks.tried) == (["a@x.example"], ["https://hooks.example/x"])
    assert list(with_rest) == []
    assert walks._unreachable() == [Channel.MAIL]


def test_while_nothing_can_be_written_down_nothing_is_sent_twice(services: Services) -> None:
    """A full disk is still read: what was sent would be due again at each look."""
    send_tests(services, "a@x.example", "b@x.example")
    sender, sent = FakeSender(), services.postroom.sent
    walks = postman(services, sender)

    def full(delivery_id: int) -> None:
        raise UnavailableError("the disk is full")

    services.postroom.sent = full  # type: ignore[method-assign]
    for _ in range(3):
        with pytest.raises(UnavailableError):
            walks.step()
    assert sender.tried == ["a@x.example"]

    services.postroom.sent = sent  # type: ignore[method-assign]
    walks.step()
    assert sender.tried == ["a@x.example", "b@x.example"]
    assert set(states(services).values()) == {DeliveryStatus.SENT}


def test_a_webhook_that_cannot_be_opened_any_more_keeps_nobody_else_from_being_told(
    services: Services, executor: FakeExecutor, clock: FakeClock
) -> None:
    seconds = services.postroom.monotonic = Seconds()  # type: ignore[assignment]
    services.notice_rules.save(SITE, "", Rule(mail=["a@x.example"], webhook="https://hooks.example/x"), "ada")
    services.postroom.vault = AesVault(b"another key" * 3)
    job = services.jobs.create(JobSpec("nightly", "NOTHING"), "ada")
    services.runs.request(job.uid, "ada")
    services.engine.dispatch()
    ended = executor.end(executor.assignments[0], clock(), RunStatus.FAILED, FailureReason.EXCEPTION, "an error")
    services.engine.deliver([ended])
    services.engine.record()
    sender = FakeSender()
    walks = postman(services, sender)

    walks.step()
    seconds.now += GATHER_SECONDS  # type: ignore[attr-defined]
    walks.step()

    assert sender.tried == ["a@x.example"]
    given_up = [row for row in services.postroom.list() if row.channel is Channel.WEBHOOK]
    assert [row.status for row in given_up] == [DeliveryStatus.GIVEN_UP]
    assert "another secret key" in (given_up[0].error or "")


def test_who_does_not_keep_the_time_sends_nothing(services: Services) -> None:
    send_tests(services, "a@x.example")
    sender = FakeSender()

    assert Postman(services.postroom, {Channel.MAIL: sender}, lambda: False).step() == 0
    assert sender.tried == []


def test_from_a_run_that_fails_to_a_mail_that_arrives(tmp_path: object) -> None:
    """With the sender of the settings, over a real socket; the second try of a message that was not taken arrives."""
    clock, executor, seconds = FakeClock(), FakeExecutor(), Seconds()
    with running(answers={"MAIL": "451 later"}) as server:
        settings = Settings(
            data_dir=put_migrated(tmp_path / "data"),  # type: ignore[operator]
            smtp_url=f"smtp://127.0.0.1:{server.port}", mail_from="carillon@clinic.example",
            public_url="https://jobs.clinic.example",
        )  # fmt: skip
        services = build(settings, now=clock, executor=executor, types=TYPES, hasher=PlainHasher())
        services.timer.store.jobs_t.create(services.db.engine, True)
        services.keeper.active, services.postroom.monotonic = True, seconds
        services.notice_rules.save(SITE, "", Rule(mail=["ops@clinic.example"]), "ada")
        job = services.jobs.create(JobSpec("nightly", "NOTHING"), "ada")
        services.runs.request(job.uid, "ada")
        services.engine.dispatch()
        ended = executor.end(
            executor.assignments[0], clock(), RunStatus.FAILED, FailureReason.EXCEPTION, "no such table"
        )
        services.engine.deliver([ended])
        services.engine.record()

        services.postman.step()
        seconds.now += GATHER_SECONDS
        assert services.postman.step() == 0  # 451
        server.answers.clear()
        clock.advance(minutes=1)
        assert services.postman.step() == 1

        (message,) = server.messages
        assert message["Subject"] == "Carillon: “nightly” failed"
        text = message.get_body(("plain",)).get_content()  # type: ignore[union-attr]
        assert "no such table" in text
        assert "https://jobs.clinic.example/runs/1" in text
        (row,) = services.postroom.list()
        assert (row.status, row.tries) == (DeliveryStatus.SENT, 2)
        services.keeper.lease.release()
        services.db.dispose()


@pytest.mark.parametrize("fault", [RuntimeError, OSError])
def test_the_thread_survives_every_fault(fault: type[Exception], services: Services) -> None:
    walks = postman(services, FakeSender())
    turns = []

    def fail() -> int:
        turns.append(1)
        if len(turns) == 2:
            walks._stopping.set()
        raise fault("a fault")

    walks.step = fail  # type: ignore[method-assign]
    walks._stopping.wait = lambda seconds: walks._stopping.is_set()  # type: ignore[method-assign, assignment, misc]
    walks._work()

    assert len(turns) == 2
