"""/api/add, /api/delete, /api/run"""

from datetime import timedelta

import pytest
from sqlalchemy import text

from app.bootstrap import Services
from app.core.jobs import JobSpec
from app.core.runs import RunFilter
from app.core.statuses import FireOutcome, Origin, TriggerKind
from app.core.triggers import TriggerSpec, cron
from tests.fakes import FakeClock
from tests.web.conftest import ZONE, MakeJob, Play, every
from tests.web.control.conftest import Ask, triggers_of

UNKNOWN = ["0", "77", "-1", "asdf", "1.5", "9" * 18, "9" * 400, "%20", "٣"]
INVALID_JOB = {"error": "Invalid job."}


class TestAdd:
    def test_a_task_is_scheduled_and_enabled(self, ask: Ask, services: Services, make_job: MakeJob) -> None:
        job = make_job(enabled=False)

        assert ask(f"/add/{job.id}") == {"message": "Scheduler: task job added!"}

        assert services.jobs.get(job.uid).enabled
        assert ask("/jobs") == ask("/scheduled") == [job.id]

    def test_each_trigger_is_an_entry(self, ask: Ask, make_job: MakeJob, clock: FakeClock) -> None:
        once = TriggerSpec(TriggerKind.ONCE, ZONE, start_at=clock() + timedelta(days=1))
        job = make_job(triggers=[cron("0 0 3 * * ?", ZONE), every(600), once], enabled=False)

        ask(f"/add/{job.id}")

        assert ask("/jobs") == ask("/scheduled") == [job.id] * 3

    def test_a_task_without_triggers_is_enabled_only(self, ask: Ask, services: Services, make_job: MakeJob) -> None:
        job = make_job(triggers=[], enabled=False)

        assert ask(f"/add/{job.id}") == {"message": "Scheduler: task job added!"}

        assert services.jobs.get(job.uid).enabled
        assert ask("/jobs") == []

    def test_it_begins_anew_and_drops_delayed_runs(self, ask: Ask, make_job: MakeJob, clock: FakeClock) -> None:
        job = make_job()
        ask(f"/run/{job.id}/delay/5")
        clock.advance(hours=20)

        ask(f"/add/{job.id}")

        [entry] = ask("/details")
        assert entry["next_run_time"] == "Wed, 04 Mar 2026 02:00:00 GMT"

    @pytest.mark.parametrize("task_id", UNKNOWN)
    def test_an_unknown_task(self, task_id: str, ask: Ask) -> None:
        assert ask(f"/add/{task_id}") == INVALID_JOB

    def test_a_deleted_task_is_unknown(self, ask: Ask, services: Services, make_job: MakeJob) -> None:
        job = make_job()
        services.jobs.delete(job.uid, by="ada")

        assert [ask(f"{path}/{job.id}") for path in ("/add", "/delete", "/run")] == [INVALID_JOB] * 3
        assert ask(f"/run/{job.id}/delay/1") == INVALID_JOB

    def test_a_row_that_is_wrong_says_so_and_changes_nothing(
        self, ask: Ask, services: Services, make_job: MakeJob
    ) -> None:
        job = make_job(triggers=[cron("0 0 3 * * ?", ZONE), every(600)], enabled=False)
        with services.db.transaction() as session:
            session.execute(text("UPDATE trigger SET expression = '0 0 25 * * ?' WHERE kind = 'cron'"))

        answer = ask(f"/add/{job.id}")

        assert answer.keys() == {"error"}
        assert answer["error"].startswith("Scheduler (add job):\ntriggers.0.expression: ")
        assert not services.jobs.get(job.uid).enabled
        assert [row.next_fire_at for row in triggers_of(services, job)] == [None, None]


class TestDelete:
    def test_the_entries_go_and_the_triggers_stay(self, ask: Ask, services: Services, make_job: MakeJob) -> None:
        job = make_job(triggers=[cron("0 0 3 * * ?", ZONE), every(600)])
        ask(f"/run/{job.id}/delay/5")

        assert ask(f"/delete/{job.id}") == {"message": "Scheduler: task job deleted!"}

        assert ask("/jobs") == []
        assert not services.jobs.get(job.uid).enabled
        assert [row.next_fire_at for row in triggers_of(services, job)] == [None, None]
        assert services.fires.next_fire_at() is None

    def test_a_task_without_entries(self, ask: Ask, make_job: MakeJob) -> None:
        job = make_job(enabled=False)

        assert ask(f"/delete/{job.id}") == {"message": "Scheduler: task job deleted!"}

    @pytest.mark.parametrize("task_id", UNKNOWN)
    def test_an_unknown_task(self, task_id: str, ask: Ask) -> None:
        assert ask(f"/delete/{task_id}") == INVALID_JOB

    def test_all_at_once(self, ask: Ask, services: Services, make_job: MakeJob) -> None:
        jobs = [make_job("one"), make_job("two", enabled=False), make_job("three")]
        ask(f"/run/{jobs[1].id}/delay/5")

        assert ask("/delete") == {"message": "Scheduler: all jobs deleted!"}

        assert ask("/jobs") == []
        assert not any(job.enabled for job in services.jobs.list())
        assert [len(job.triggers) for job in services.jobs.list()] == [1, 1, 1]

    def test_nothing_at_all(self, ask: Ask) -> None:
        assert ask("/delete") == {"message": "Scheduler: all jobs deleted!"}


class TestRun:
    @pytest.mark.parametrize("enabled", [True, False])
    def test_a_task_runs_now(self, enabled: bool, ask: Ask, services: Services, make_job: MakeJob) -> None:
        job = make_job(enabled=enabled)

        assert ask(f"/run/{job.id}") == {"message": "Scheduler: task job started!"}

        [run] = services.runs.list(RunFilter())
        assert (run.job_id, run.origin, run.requested_by) == (job.id, Origin.MANUAL, "control API")
        assert services.jobs.get(job.uid).enabled is enabled

    def test_a_task_that_runs_already(self, ask: Ask, services: Services, make_job: MakeJob, play: Play) -> None:
        job = make_job()
        play.begin(job)

        assert ask(f"/run/{job.id}") == {"error": "Scheduler (run task):\nJob is already running."}

        assert len(services.runs.list(RunFilter())) == 1

    @pytest.mark.parametrize("task_id", UNKNOWN)
    def test_an_unknown_task(self, task_id: str, ask: Ask, services: Services) -> None:
        assert ask(f"/run/{task_id}") == ask(f"/run/{task_id}/delay/5") == INVALID_JOB
        assert services.runs.list(RunFilter()) == []


class TestDelayedRun:
    def test_it_is_an_entry_until_it_has_fired(
        self, ask: Ask, services: Services, make_job: MakeJob, clock: FakeClock
    ) -> None:
        job = make_job(enabled=False)

        assert ask(f"/run/{job.id}/delay/5") == {"message": "Scheduler: task scheduled!"}
        [entry] = ask("/details")
        assert entry["name"] == "(one off delay) DEFAULT: nightly visits"
        assert entry["next_run_time"] == "Mon, 02 Mar 2026 12:05:00 GMT"

        clock.advance(minutes=5)
        services.engine.tick()

        assert ask("/details") == []
        [run] = services.runs.list(RunFilter())
        assert (run.job_id, run.origin, run.scheduled_for) == (job.id, Origin.TRIGGER, clock())
        assert not services.jobs.get(job.uid).enabled

    def test_it_survives_a_server_that_was_down(
        self, ask: Ask, services: Services, make_job: MakeJob, clock: FakeClock
    ) -> None:
        job = make_job()
        ask(f"/run/{job.id}/delay/5")
        clock.advance(hours=1)

        services.engine.tick()

        [fire] = services.fires.of_job(job.id)
        assert (fire.outcome, fire.scheduled_for) == (FireOutcome.STARTED, clock() - timedelta(minutes=55))

    def test_nought_is_at_once(self, ask: Ask, services: Services, make_job: MakeJob) -> None:
        job = make_job()

        ask(f"/run/{job.id}/delay/0")
        services.engine.tick()

        assert [run.job_id for run in services.runs.list(RunFilter())] == [job.id]

    def test_several_wait_for_one_task(self, ask: Ask, make_job: MakeJob) -> None:
        job = make_job(triggers=[])

        for minutes in (5, 10, 10):
            ask(f"/run/{job.id}/delay/{minutes}")

        assert ask("/scheduled") == [job.id] * 3
        assert len({entry["job_id"] for entry in ask("/details")}) == 3

    def test_editing_the_schedule_leaves_it(self, ask: Ask, services: Services, make_job: MakeJob) -> None:
        job = make_job()
        ask(f"/run/{job.id}/delay/5")

        services.jobs.update(job.uid, JobSpec(job.name, job.job_type, job.parameters, [every(60)]), by="ada")

        assert [entry["name"][:15] for entry in ask("/details")] == ["(inverval) DEFA", "(one off delay)"]

    @pytest.mark.parametrize("turn_off", ["disable", "delete"])
    def test_who_is_switched_off_has_none(self, turn_off: str, ask: Ask, services: Services, make_job: MakeJob) -> None:
        job = make_job()
        ask(f"/run/{job.id}/delay/5")

        getattr(services.jobs, turn_off)(job.uid, by="ada")

        assert ask("/details") == []

    @pytest.mark.parametrize(
        ("minutes", "words"),
        [
            ("-1", "minutes: must be from 0 to 5270400, but was -1"),
            ("5270401", "minutes: must be from 0 to 5270400, but was 5270401"),
            ("abc", "minutes: 'abc' is no whole number of minutes"),
            ("1.5", "minutes: '1.5' is no whole number of minutes"),
            ("1_0", "minutes: '1_0' is no whole number of minutes"),
            ("9" * 60, f"minutes: '{'9' * 50}' is no whole number of minutes"),
        ],
    )
    def test_a_wrong_delay(self, minutes: str, words: str, ask: Ask, services: Services, make_job: MakeJob) -> None:
        job = make_job(triggers=[])

        assert ask(f"/run/{job.id}/delay/{minutes}") == {"error": f"Scheduler (run task with delay):\n{words}"}

        assert ask("/jobs") == []
