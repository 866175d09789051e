"""APScheduler's table as a projection of ours."""

import pickle
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select, text

from app.adapters import reconciling
from app.adapters.apscheduler_timer import LOOK_EVERY, ApschedulerTimer, row_id
from app.bootstrap import Services
from app.core.triggers import cron
from tests.core.conftest import MakeJob
from tests.fakes import FakeClock

EVERY_MINUTE = cron("0 * * * * ?", "UTC")


def rows(services: Services) -> dict[str, tuple[float | None, bytes]]:
    table = services.timer.store.jobs_t
    with services.db.reading() as session:
        return {row.id: (row.next_run_time, row.job_state) for row in session.execute(select(table))}


def test_each_trigger_has_one_row_with_its_next_time(services: Services, make_job: MakeJob) -> None:
    job = make_job(EVERY_MINUTE)
    services.timer.store.reconcile()

    trigger = job.triggers[0]
    assert trigger.next_fire_at is not None
    assert {name: at for name, (at, _) in rows(services).items()} == {
        row_id(trigger.id): trigger.next_fire_at.timestamp()
    }


def test_a_fire_changes_the_time_and_no_pickle(services: Services, make_job: MakeJob, clock: FakeClock) -> None:
    make_job(EVERY_MINUTE)
    services.timer.store.reconcile()
    [(before, blob)] = rows(services).values()
    clock.advance(minutes=1)

    services.fires.wake()

    assert list(rows(services).values()) == [((before or 0) + 60, blob)]


def test_reconciling_mends_whatever_the_table_says(services: Services, make_job: MakeJob) -> None:
    first, second = make_job(EVERY_MINUTE, name="one"), make_job(EVERY_MINUTE, name="two")
    store = services.timer.store
    store.reconcile()
    wanted = rows(services)
    services.jobs.delete(second.uid, "ada")
    third = make_job(EVERY_MINUTE, name="three")
    with services.db.transaction() as session:
        session.execute(store.jobs_t.update().values(next_run_time=1.0))

    assert store.reconcile() == 3
    assert rows(services).keys() == {row_id(job.triggers[0].id) for job in (first, third)}
    assert rows(services)[row_id(first.triggers[0].id)] == wanted[row_id(first.triggers[0].id)]
    assert store.reconcile() == 0


def test_an_unreadable_row_is_left_alone_and_the_others_are_read(
    services: Services, make_job: MakeJob, caplog: pytest.LogCaptureFixture
) -> None:
    make_job(EVERY_MINUTE)
    store = services.timer.store
    store.reconcile()
    evil = pickle.dumps({"version": 1, "func": "os:system"})
    with services.db.transaction() as session:
        session.execute(store.jobs_t.insert().values(id="evil", next_run_time=1.0, job_state=evil))

    assert [job.id for job in store.get_all_jobs()] == [name for name in rows(services) if name != "evil"]
    assert "evil" in rows(services)
    assert "'evil' of the job store cannot be read" in caplog.text


def test_a_pickle_of_other_classes_is_refused_even_with_our_mark(services: Services) -> None:
    store = services.timer.store
    sealed = store._seal({"trigger": Flask})

    with pytest.raises(pickle.UnpicklingError, match="no place"):
        store._open(sealed)


def test_apscheduler_can_list_our_rows(services: Services, make_job: MakeJob) -> None:
    job = make_job(EVERY_MINUTE)
    services.timer.store.reconcile()

    [listed] = services.timer.store.get_all_jobs()

    due = job.triggers[0].next_fire_at
    assert listed.next_run_time == due
    assert listed.args == (job.triggers[0].id,)
    assert listed.trigger.get_next_fire_time(None, due) == due
    assert listed.trigger.get_next_fire_time(due, due) == due + timedelta(minutes=1)


def test_a_turn_survives_a_broken_database(services: Services, caplog: pytest.LogCaptureFixture) -> None:
    with services.db.transaction() as session:
        session.execute(text("ALTER TABLE trigger RENAME TO hidden"))

    waits = [services.timer.step() for _ in range(3)]

    assert waits == [0.2, 0.5, 1.0]
    assert services.timer.tick_age() is None
    with services.db.transaction() as session:
        session.execute(text("ALTER TABLE hidden RENAME TO trigger"))
    services.timer.step()
    assert services.timer.tick_age() is not None


def test_ticks_come_between_the_parts_of_a_reconciliation(
    services: Services, make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciling, "AT_ONCE", 2)
    for number in range(5):
        make_job(EVERY_MINUTE, name=f"job {number}")
    timer, rows = services.timer, []
    timer.tick = lambda: rows.append(len(timer.store.get_all_jobs()))  # type: ignore[func-returns-value]

    waits = [timer.step() for _ in range(6)]

    assert rows == [0, 2, 4, 5, 5, 5]
    assert waits[:4] == [0, 0, 0, 0]
    assert waits[4:] == [LOOK_EVERY, LOOK_EVERY]


def test_a_reconciliation_that_failed_begins_anew(
    services: Services, make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciling, "AT_ONCE", 1)
    seconds = iter(range(0, 10_000, 100))
    timer = ApschedulerTimer(services.db, b"k" * 32, services.clock, monotonic=lambda: next(seconds))
    make_job(EVERY_MINUTE, name="one")
    make_job(EVERY_MINUTE, name="two")
    timer.step()

    with services.db.transaction() as session:
        session.execute(text("ALTER TABLE trigger RENAME TO hidden"))
    timer.step()
    with services.db.transaction() as session:
        session.execute(text("ALTER TABLE hidden RENAME TO trigger"))
    for _ in range(4):
        timer.step()

    assert len(timer.store.get_all_jobs()) == 2
    assert timer.store.reconcile() == 0
