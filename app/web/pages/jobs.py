"""The list of jobs, one job, and what can be done to it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, islice

from flask import Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.core.jobs import next_fire
from app.core.models import Job, ResultFile, Run, Trigger
from app.core.results import ResultFilter
from app.core.runs import RunFilter
from app.core.statuses import RunStatus, TriggerKind
from app.core.triggers import calculator
from app.web.auth import Right, allow, current_actor, services
from app.web.pages import live
from app.web.pages.links import given, local_path, page_number
from app.web.pages.site import pages

PER_PAGE = 50
NEXT_FIRES = 5
LAST_RUNS = 10
LAST_FILES = 5
LEDGER = 15
SWITCHES = {"on": True, "off": False}


@dataclass(frozen=True)
class Row:
    """A job with what its line in the list tells."""

    job: Job
    run: Run | None  # the newest, whatever its status
    active: RunStatus | None
    next: Trigger | None

    @property
    def file(self) -> ResultFile | None:
        """The newest; looked up only when the row is drawn."""
        return newest_file(self.job)

    @property
    def facts(self) -> tuple[object, ...]:
        run = self.run and (self.run.id, self.run.status)
        return (self.job.id, self.job.version, self.job.name, self.job.enabled, run, self.active, _next_at(self.next))


def _next_at(trigger: Trigger | None) -> datetime | None:
    return trigger.next_fire_at if trigger else None


def rows(jobs: Sequence[Job]) -> list[Row]:
    last, active = services().jobs.last_runs(jobs), services().jobs.active_runs(jobs)
    return [Row(job, last.get(job.id), active.get(job.id), next_fire(job)) for job in jobs]


def newest_file(job: Job) -> ResultFile | None:
    return next(iter(services().results.list(ResultFilter(job_id=job.id), limit=1)), None)


@pages.get("/jobs")
@allow(Right.SEE)
def jobs() -> Response:
    query, page = given("text", "state"), page_number()
    text, enabled = query.get("text", ""), SWITCHES.get(query.get("state", ""))
    found = services().jobs.list(text=text, enabled=enabled, offset=(page - 1) * PER_PAGE, limit=PER_PAGE + 1)
    shown = rows(found[:PER_PAGE])
    version = live.fingerprint(*(row.facts for row in shown), len(found))
    return live.answer(
        "jobs/index.html", "jobs/_list.html", version, rows=shown, query=query, page=page,
        total=lambda: services().jobs.count(text=text, enabled=enabled), more=len(found) > PER_PAGE,
        can_load_sample=sample() is not None,
    )  # fmt: skip


def sample() -> object | None:
    """The service that loads the sample, if this installation has one."""
    found: object | None = getattr(services(), "sample", None)
    return found if found and getattr(found, "is_available", True) else None


@pages.post("/jobs/sample")
@allow(Right.EDIT)
def load_sample() -> ResponseReturnValue:
    services().sample.load(current_actor().name)
    flash("The sample is here: a connection and two scheduled exports of real flights.")
    return redirect(url_for("pages.jobs"), 303)


@pages.get("/jobs/<uid>")
@allow(Right.SEE)
def job(uid: str) -> Response:
    found = services().jobs.get(uid)
    row, runs = rows([found])[0], services().runs.list(RunFilter(job_id=found.id), limit=LAST_RUNS)
    fires = services().fires.of_job(found.id, limit=LEDGER)
    version = live.fingerprint(row.facts, [(run.id, run.status) for run in runs], fires[0].id if fires else 0)
    return live.answer(
        "jobs/show.html", "jobs/_live.html", version, job=found, row=row, runs=runs, fires=fires,
        files=services().results.list(ResultFilter(job_id=found.id), limit=LAST_FILES),
        coming=coming(found), job_type=_type_of(found),
    )  # fmt: skip


def _type_of(job: Job) -> object | None:
    return services().types.get(job.job_type) if job.job_type in services().types else None


def coming(job: Job, limit: int = NEXT_FIRES) -> list[tuple[datetime, Trigger]]:
    """The next moments of all triggers, soonest first. Those of fixed delays after the first depend on the run."""
    if not job.enabled:
        return []
    moments = [(moment, trigger) for trigger in job.triggers for moment in islice(_moments(trigger, job.uid), limit)]
    return sorted(moments, key=lambda pair: pair[0])[:limit]


def _moments(trigger: Trigger, seed: str) -> Iterable[datetime]:
    first = trigger.next_fire_at
    if first is None:
        return []
    if trigger.kind is TriggerKind.FIXED_DELAY:
        return [first]
    return chain([first], calculator(trigger, seed).fires_after(first))


@pages.post("/jobs/<uid>/run")
@allow(Right.RUN)
def run_job(uid: str) -> ResponseReturnValue:
    run = services().runs.request(uid, by=current_actor().name)
    return redirect(url_for("pages.run", run_id=run.id), 303)


@pages.post("/jobs/<uid>/enable")
@allow(Right.EDIT)
def enable_job(uid: str) -> ResponseReturnValue:
    return _switched(services().jobs.enable(uid, by=current_actor().name))


@pages.post("/jobs/<uid>/disable")
@allow(Right.EDIT)
def disable_job(uid: str) -> ResponseReturnValue:
    return _switched(services().jobs.disable(uid, by=current_actor().name))


def _switched(job: Job) -> ResponseReturnValue:
    """The one row for htmx, else back to where the button was."""
    if live.wants_part():
        return render_template("jobs/_row.html", row=rows([job])[0])
    flash(f"“{job.name}” is on." if job.enabled else f"“{job.name}” is off. What runs now goes on.")
    return redirect(local_path(request.form.get("next")), 303)


@pages.get("/jobs/<uid>/delete")
@allow(Right.EDIT)
def confirm_delete_job(uid: str) -> str:
    found = services().jobs.get(uid)
    return render_template("jobs/delete.html", job=found, row=rows([found])[0])


@pages.post("/jobs/<uid>/delete")
@allow(Right.EDIT)
def delete_job(uid: str) -> ResponseReturnValue:
    deleted = services().jobs.delete(uid, by=current_actor().name)
    flash(f"“{deleted.name}” was deleted. Its runs and files are still here.")
    return redirect(url_for("pages.jobs"), 303)
