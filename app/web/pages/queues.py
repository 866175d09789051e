"""The list of queues, one queue, and what can be done to it. Its runs are pages of runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from flask import Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.core.models import QUEUE, Job, Run
from app.core.runs import RunFilter
from app.core.statuses import FireOutcome, RunStatus
from app.core.steps import StepState
from app.web.auth import Right, allow, current_actor, services
from app.web.pages import live
from app.web.pages.coming import calendars_of_this_page, coming, next_start
from app.web.pages.ledger import zone_of
from app.web.pages.links import given, local_path, whole_number
from app.web.pages.site import pages

LAST_RUNS = 20
LEDGER, LEDGER_LOOKED_AT = 15, 100


@dataclass(frozen=True)
class QueueRow:
    """A queue with what its line in a list tells."""

    queue: Job
    run: Run | None  # the newest
    active: RunStatus | None
    next_at: datetime | None
    states: Sequence[StepState]  # the steps of that run

    @property
    def facts(self) -> tuple[object, ...]:
        run = self.run and (self.run.id, self.run.status)
        members = [(step.job.name, step.job.enabled) for step in self.queue.steps]
        queue = (self.queue.id, self.queue.version, self.queue.enabled)
        return (*queue, members, run, self.active, self.next_at, told(self.states))


def rows(queues: Sequence[Job]) -> list[QueueRow]:
    last, active = services().jobs.last_runs(queues), services().jobs.active_runs(queues)
    states, closed = services().queues.steps_of(list(last.values())), calendars_of_this_page()
    return [
        QueueRow(
            queue, run := last.get(queue.id), active.get(queue.id), next_start(queue, closed),
            states[run.id] if run else (),
        )
        for queue in queues
    ]  # fmt: skip


def told(states: Sequence[StepState]) -> list[tuple[int, str, int | None]]:
    """What changes in a page when a step goes on."""
    return [(state.row.position, state.word, state.row.step_run_id) for state in states]


@pages.get("/queues")
@allow(Right.SEE)
def queues() -> Response:
    query = given("text")
    shown = rows(services().queues.list(text=query.get("text", "")))
    version = live.fingerprint([row.facts for row in shown])
    return live.answer("queues/index.html", "queues/_list.html", version, queues=shown, query=query)


@pages.get("/queues/<uid>")
@allow(Right.SEE)
def queue(uid: str) -> Response:
    found = services().queues.get(uid)
    row, runs = rows([found])[0], services().runs.list(RunFilter(job_id=found.id), limit=LAST_RUNS)
    states, members = services().queues.steps_of(runs), _members(found)
    fires = services().ledger.page(uid, limit=LEDGER_LOOKED_AT)
    held = [fire for fire in fires if fire.fire.outcome is FireOutcome.HELD]
    version = live.fingerprint(
        row.facts, [(run.id, run.status, told(states[run.id])) for run in runs],
        [(fire.fire.id, fire.fire.outcome, fire.run_status) for fire in [*fires[:LEDGER], *held]],
        [(run.id, run.status) for run in members.values()],
    )  # fmt: skip
    return live.answer(
        "queues/show.html", "queues/_live.html", version, queue=found, job=found, row=row, runs=runs, states=states,
        members=members, fires=fires[:LEDGER], held=held, coming=lambda: coming(found), zone_of_job=zone_of(found),
    )  # fmt: skip


def _members(queue: Job) -> Mapping[int, Run]:
    """The newest run of each of its jobs, by whatever it was started."""
    return services().jobs.last_runs([step.job for step in queue.steps])


@pages.post("/queues/<uid>/run")
@allow(Right.RUN)
def run_queue(uid: str) -> ResponseReturnValue:
    """From the first step, or from a later one."""
    first_step = whole_number(request.form.get("first_step")) or 0
    run = services().queues.start(uid, by=current_actor().name, first_step=first_step)
    return redirect(url_for("pages.run", run_id=run.id), 303)


@pages.post("/queues/<uid>/enable")
@allow(Right.EDIT)
def enable_queue(uid: str) -> ResponseReturnValue:
    return _switched(services().queues.enable(uid, by=current_actor().name))


@pages.post("/queues/<uid>/disable")
@allow(Right.EDIT)
def disable_queue(uid: str) -> ResponseReturnValue:
    return _switched(services().queues.disable(uid, by=current_actor().name))


def _switched(queue: Job) -> ResponseReturnValue:
    flash(f"“{queue.name}” is on." if queue.enabled else f"“{queue.name}” is off. What runs now goes on.")
    return redirect(local_path(request.form.get("next")), 303)


@pages.get("/queues/<uid>/delete")
@allow(Right.EDIT)
def confirm_delete_queue(uid: str) -> str:
    return render_template("queues/delete.html", row=rows([services().queues.get(uid)])[0])


@pages.post("/queues/<uid>/delete")
@allow(Right.EDIT)
def delete_queue(uid: str) -> ResponseReturnValue:
    deleted = services().queues.delete(uid, by=current_actor().name)
    flash(f"“{deleted.name}” was deleted. Its jobs are switched off; switch on those that shall run by themselves.")
    return redirect(url_for("pages.queues"), 303)


@pages.app_template_filter()
def page_of(owner: Job) -> str:
    """The address of a job's page, or of a queue's."""
    return url_for("pages.queue" if owner.job_type == QUEUE else "pages.job", uid=owner.uid)
