"""The list of jobs, one job, and what can be done to it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from flask import Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.core.job_order import JobOrder
from app.core.job_types import JobType
from app.core.ledger import LedgerRow
from app.core.members import Place
from app.core.models import Job, ResultFile, Run
from app.core.results import ResultFilter
from app.core.runs import RunFilter
from app.core.statuses import FireOutcome, FireReason, OverlapRule, RunStatus
from app.web.auth import Right, allow, current_actor, services
from app.web.pages import live
from app.web.pages.coming import calendars_of_this_page, coming, next_start
from app.web.pages.ledger import zone_of
from app.web.pages.links import given, local_path, page_number
from app.web.pages.queues import rows as queue_rows
from app.web.pages.site import pages

PER_PAGE = 50
LAST_RUNS = 10
LAST_FILES = 5
MOST_ASKING = 20
LEDGER, LEDGER_LOOKED_AT = 15, 100
SWITCHES = {"on": True, "off": False}
SORTS = {str(order): order for order in JobOrder}


@dataclass(frozen=True)
class Row:
    """A job with what its line in the list tells."""

    job: Job
    run: Run | None  # the newest, whatever its status
    active: RunStatus | None
    next_at: datetime | None
    place: Place | None  # in a queue
    files: Callable[[], Mapping[int, ResultFile]]  # of all lines; looked up only when one is drawn
    is_stale: bool  # its newest good result is older than its contract allows

    @property
    def file(self) -> ResultFile | None:
        """The newest."""
        return self.files().get(self.job.id)

    @property
    def facts(self) -> tuple[object, ...]:
        run = self.run and (self.run.id, self.run.status)
        place = self.place and (self.place.queue.name, self.place.position)
        switches = (self.job.enabled, self.is_paused, self.is_stale)
        return (self.job.id, self.job.version, self.job.name, switches, run, self.active, self.next_at, place)

    @property
    def is_full(self) -> bool:
        """Whether a start by hand would surely be refused."""
        return self.active is not None and self.job.overlap is OverlapRule.SKIP

    @property
    def is_paused(self) -> bool:
        """Whether pauses hold all of its triggers."""
        return bool(self.job.triggers) and all(trigger.is_paused for trigger in self.job.triggers)


def rows(jobs: Sequence[Job]) -> list[Row]:
    last, active = services().jobs.last_runs(jobs), services().jobs.active_runs(jobs)
    places, stale = services().jobs.places(jobs), services().contracts.stale([job.id for job in jobs])
    closed, files = calendars_of_this_page(), cache(lambda: services().results.newest(job.id for job in jobs))
    return [
        Row(
            job,
            last.get(job.id),
            active.get(job.id),
            next_start(job, closed),
            places.get(job.id),
            files,
            job.id in stale,
        )
        for job in jobs
    ]


@pages.get("/jobs")
@allow(Right.SEE)
def jobs() -> Response:
    query, page = given("text", "state", "system", "sort"), page_number()
    order = SORTS.get(query.get("sort", ""), JobOrder.NAME)
    text, enabled = query.get("text", ""), SWITCHES.get(query.get("state", ""))
    system = None if "system" in query else False
    start, most = (page - 1) * PER_PAGE, PER_PAGE + 1
    found = services().jobs.list(text=text, enabled=enabled, system=system, offset=start, limit=most, order=order)
    shown = rows(found[:PER_PAGE])
    queues = queue_rows(_queues(text, enabled)) if page == 1 else []
    version = live.fingerprint(*(row.facts for row in shown), *(row.facts for row in queues), len(found))
    return live.answer(
        "jobs/index.html", "jobs/_list.html", version, rows=shown, queues=queues, query=query, page=page, order=order,
        total=lambda: services().jobs.count(text=text, enabled=enabled, system=system), more=len(found) > PER_PAGE,
        can_load_sample=sample() is not None,
    )  # fmt: skip


def _queues(text: str, enabled: bool | None) -> list[Job]:
    return [queue for queue in services().queues.list(text=text) if enabled in (None, queue.enabled)]


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
    fires = services().ledger.page(uid, limit=LEDGER_LOOKED_AT)
    held = [row for row in fires if row.fire.outcome is FireOutcome.HELD and row.fire.reason is FireReason.ASK]
    pauses, asking, delayed = services().pauses.of(found), _asking(found), services().entries.delayed(found.id)
    files, contract = (
        services().results.list(ResultFilter(found.id), limit=LAST_FILES),
        services().contracts.of_job(found.id),
    )
    waiting = [each.id for each in delayed]
    told = (_told(fires[:LEDGER]), _told(held), waiting, [(file.id, file.held) for file in files], contract)
    version = live.fingerprint(
        row.facts, [(run.id, run.status) for run in (*runs, *asking)], [pause.id for pause in pauses], *told
    )  # fmt: skip
    job_type = _type_of(found)
    return live.answer(
        "jobs/show.html", "jobs/_live.html", version, job=found, row=row, runs=runs, fires=fires[:LEDGER], held=held,
        files=files, contract=contract, makes_files=bool(files) or (job_type is not None and job_type.makes_files),
        asking=asking, delayed=delayed, pauses=pauses, paused_jobs=services().pauses.jobs(pauses),
        coming=lambda: coming(found), job_type=job_type, zone_of_job=zone_of(found),
        notices=lambda: services().notice_rules.of_job(found),
    )  # fmt: skip


def _asking(job: Job) -> Sequence[Run]:
    """The interrupted runs about which somebody is to decide."""
    wanted = RunFilter(job_id=job.id, statuses=[RunStatus.INTERRUPTED], asks=True)
    return services().runs.list(wanted, limit=MOST_ASKING)


def _told(fires: Sequence[LedgerRow]) -> object:
    return [(row.fire.id, row.fire.outcome, row.run_status) for row in fires]


def _type_of(job: Job) -> JobType | None:
    return services().types.get(job.job_type) if job.job_type in services().types else None


@pages.post("/jobs/<uid>/run")
@allow(Right.RUN)
def run_job(uid: str) -> ResponseReturnValue:
    run = services().runs.request(uid, by=current_actor().name)
    return redirect(url_for("pages.run", run_id=run.id), 303)


@pages.post("/jobs/<uid>/delayed/<int:trigger_id>/take-back")
@allow(Right.RUN)
def take_back_run(uid: str, trigger_id: int) -> ResponseReturnValue:
    services().entries.take_back(services().jobs.get(uid).id, trigger_id)
    flash("The run that was asked for later was taken back.")
    return redirect(url_for("pages.job", uid=uid), 303)


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
