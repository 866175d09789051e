"""/api, /api/shutdown, /api/kill, and what /healthz says of them"""

from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from app.bootstrap import Services
from app.core.runs import RunFilter
from app.core.statuses import PauseScope
from tests.fakes import FakeClock
from tests.web.conftest import MakeJob, Play, every
from tests.web.control.conftest import Ask

STOPPED = {
    "shutdown": {"message": "Scheduler: scheduler shutdown!"},
    "kill": {"message": "Scheduler: scheduler killed!"},
}
both = pytest.mark.parametrize("how", STOPPED)


def test_it_is_alive(ask: Ask) -> None:
    assert ask("") == ask("/") == {"status": "alive"}


@both
def test_a_stop_is_told_once(how: str, ask: Ask) -> None:
    assert ask(f"/{how}") == STOPPED[how]
    assert ask("/shutdown") == {"error": "Scheduler (shutdown):\nScheduler is not running"}
    assert ask("/kill") == {"error": "Scheduler (kill):\nScheduler is not running"}


PAUSED, RESUMED = {"message": "Scheduler: all jobs paused!"}, {"message": "Scheduler: all jobs resumed!"}


def test_a_pause_holds_everything_until_somebody_resumes(
    ask: Ask, services: Services, make_job: MakeJob, clock: FakeClock
) -> None:
    job = make_job(triggers=[every(60)])
    assert ask("/pause") == ask("/pause") == PAUSED
    ask(f"/run/{job.id}/delay/1")
    next_run = ask("/details")[0]["next_run_time"]
    clock.advance(minutes=5)

    services.engine.tick()

    assert services.runs.list(RunFilter()) == []
    assert ask("/scheduled") == [job.id, job.id]
    assert ask("/details")[0]["next_run_time"] == next_run

    assert ask("/resume") == ask("/resume") == RESUMED
    services.engine.tick()

    assert len(services.runs.list(RunFilter())) == 1
    assert [pause.ended_by for pause in services.pauses.current()] == []


def test_what_is_added_meanwhile_is_paused_too(
    ask: Ask, services: Services, make_job: MakeJob, clock: FakeClock
) -> None:
    ask("/pause")
    job = make_job(triggers=[every(60)], enabled=False)
    ask(f"/add/{job.id}")
    clock.advance(minutes=5)

    services.engine.tick()

    assert services.runs.list(RunFilter()) == []


def test_resuming_leaves_the_pause_of_a_job(ask: Ask, services: Services, make_job: MakeJob) -> None:
    job = make_job()
    services.pauses.begin(PauseScope.JOB, job.uid, by="ada")
    ask("/pause")

    ask("/resume")

    assert [(pause.scope, pause.began_by) for pause in services.pauses.current()] == [(PauseScope.JOB, "ada")]


@both
def test_what_is_stopped_is_neither_paused_nor_resumed(how: str, ask: Ask, services: Services) -> None:
    ask(f"/{how}")

    assert ask("/pause") == {"error": "Scheduler (pause all jobs):\nScheduler is not running"}
    assert ask("/resume") == {"error": "Scheduler (resume jobs):\nScheduler is not running"}
    assert services.pauses.current() == []


@both
def test_the_timer_ends(how: str, ask: Ask, services: Services) -> None:
    services.timer.start()
    assert services.timer.scheduler.running

    ask(f"/{how}")

    assert not services.timer.scheduler.running


@both
def test_the_http_server_goes_on(how: str, ask: Ask, services: Services, make_job: MakeJob) -> None:
    """As the real one: tasks can be added, deleted, delayed, and run by hand."""
    job = make_job()
    ask(f"/{how}")

    assert ask("") == {"status": "alive"}
    assert ask(f"/add/{job.id}") == {"message": "Scheduler: task job added!"}
    assert ask(f"/run/{job.id}/delay/5") == {"message": "Scheduler: task scheduled!"}
    assert ask("/scheduled") == [job.id, job.id]
    assert ask(f"/run/{job.id}") == {"message": "Scheduler: task job started!"}
    assert services.engine.dispatch() == 1
    assert ask(f"/delete/{job.id}") == {"message": "Scheduler: task job deleted!"}
    assert ask("/delete") == {"message": "Scheduler: all jobs deleted!"}


@both
def test_health_names_it(how: str, ask: Ask, client: FlaskClient, services: Services, clock: FakeClock) -> None:
    ask(f"/{how}")

    answer = client.get("/healthz")

    assert (answer.status_code, answer.get_json()["status"]) == (200, "stopped")
    assert answer.get_json()["stopped"] == f"stopped by control API (/api/{how}) at 2026-03-02 12:00:00 UTC"
    far = client.get("/healthz", environ_base={"REMOTE_ADDR": "192.0.2.1"})
    assert (far.status_code, far.get_json()) == (200, {"status": "stopped"})


def test_kill_waits_for_nothing(ask: Ask, services: Services, make_job: MakeJob, play: Play) -> None:
    services.ends.wait = _must_not_wait  # type: ignore[method-assign, assignment]
    play.begin(make_job())

    ask("/kill")

    assert len(services.runs.list(RunFilter())) == 1


def _must_not_wait(is_over: object, seconds: float) -> None:
    assert seconds == 0


def test_shutdown_waits_for_runs(ask: Ask, services: Services, make_job: MakeJob, play: Play) -> None:
    running = play.begin(make_job())
    looks = []

    def look_until_it_ends(is_over: object, seconds: float) -> None:
        looks.append((is_over(), seconds))  # type: ignore[operator]
        play.end(running)
        looks.append((is_over(), seconds))  # type: ignore[operator]

    services.ends.wait = look_until_it_ends  # type: ignore[method-assign, assignment]

    assert ask("/shutdown") == STOPPED["shutdown"]

    assert looks == [(False, 30), (True, 30)]


@both
def test_it_can_be_switched_off(how: str, client: FlaskClient, services: Services) -> None:
    services.settings = replace(services.settings, control_stop=False)

    answer = client.get(f"/api/{how}")

    assert answer.status_code == 403
    assert answer.get_json() == {"error": f"/api/{how} is switched off by CARILLON_CONTROL_STOP"}
    assert services.stopped is None
