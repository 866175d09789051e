"""The list of runs, one run as it goes on, and what can be done to it."""

from collections.abc import Sequence

from flask import Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.core.errors import NotFoundError
from app.core.models import QUEUE, Attempt, Job, LogEntry, Run, RunStep
from app.core.runs import RunFilter
from app.core.statuses import ACTIVE, Origin, RunStatus
from app.web.auth import Right, allow, current_actor, services
from app.web.pages import first_rows, live, progress
from app.web.pages.links import given, local_path, whole_number
from app.web.pages.queues import told
from app.web.pages.site import pages
from app.web.pages.times import day_start

PER_PAGE = 50
LOG_LINES = 500
STATES: dict[str, tuple[str, Sequence[RunStatus]]] = {
    "": ("All", ()),
    "active": ("Active", ACTIVE),
    "succeeded": ("Succeeded", (RunStatus.SUCCEEDED,)),
    "failed": ("Failed", (RunStatus.FAILED,)),
    "interrupted": ("Interrupted", (RunStatus.INTERRUPTED,)),
    "cancelled": ("Cancelled", (RunStatus.CANCELLED,)),
}


@pages.get("/runs")
@allow(Right.SEE)
def runs() -> Response:
    query, before = (
        given("state", "text", "origin", "from", "to", "job", "system"),
        whole_number(request.args.get("before")),
    )
    job = services().jobs.get(query["job"]) if "job" in query else None
    found = services().runs.list(run_filter(query, job), before=before, limit=PER_PAGE + 1)
    shown = found[:PER_PAGE]
    version = live.fingerprint([(run.id, run.status) for run in shown], len(found))
    return live.answer(
        "runs/index.html", "runs/_list.html", version, runs=shown, query=query, before=before, job=job,
        more=len(found) > PER_PAGE, states=STATES,
    )  # fmt: skip


def run_filter(query: dict[str, str], job: Job | None) -> RunFilter:
    """What the form asks for; values that it cannot send count as not given."""
    origin = query.get("origin", "")
    return RunFilter(
        job_id=job.id if job else None,
        statuses=STATES.get(query.get("state", ""), STATES[""])[1],
        origin=Origin(origin) if origin in list(Origin) else None,
        text=query.get("text", ""),
        system=None if job or "system" in query else False,
        created_from=day_start(query.get("from")),
        created_to=day_start(query.get("to"), days=1),
    )


@pages.get("/runs/<int:run_id>")
@allow(Right.SEE)
def run(run_id: int) -> Response:
    found = _found(run_id)
    steps = services().queues.steps_of([found])[found.id] if found.job_type == QUEUE else []
    waits_for = services().runs.waits_for(found) if found.status is RunStatus.QUEUED else ""
    attempts = services().runs.attempts(run_id)
    facts = (found.status, found.attempts, found.asks, found.started_at, found.pid, found.progress, len(found.files))
    version = live.fingerprint(facts, waits_for, told(steps))
    return live.answer(
        "runs/show.html", "runs/_live.html", version, run=found, job=_job_of(found), progress=progress.shown(found),
        steps=steps, step_runs=services().queues.step_runs(steps), part_of=_part_of(found),
        waits_for=waits_for, attempts=attempts, first_rows={file.id: first_rows.of(file) for file in found.files},
        **_tail(found, attempts),
    )  # fmt: skip


def _part_of(run: Run) -> tuple[Run, RunStep] | None:
    return services().queues.part_of(run) if run.origin is Origin.QUEUE else None


def _found(run_id: int) -> Run:
    if run_id >= 2**63:
        raise NotFoundError(f"no run {run_id}")
    return services().runs.get(run_id)


def _job_of(run: Run) -> Job | None:
    """The job or queue as it is now, or ``None`` when it was deleted."""
    owners = services().queues if run.job_type == QUEUE else services().jobs
    try:
        return owners.get_by_id(run.job_id)
    except NotFoundError:
        return None


def _tail(run: Run, attempts: Sequence[Attempt]) -> dict[str, object]:
    """The newest lines of the log, or those after ``?from=``, and where the log goes on in both directions.

    ``?attempt=`` begins with the first line of that attempt, and shows none of the next.
    """
    ends = [0, *(attempt.last_log for attempt in attempts), run.last_log]
    number = whole_number(request.args.get("attempt")) or 0
    attempt = number if 0 < number < len(ends) else None
    start = ends[attempt - 1] if attempt else whole_number(request.args.get("from"))
    newest = services().runs.log_start(run.id, run.last_log, LOG_LINES)
    after = newest if start is None else min(start, run.last_log)
    most = min(LOG_LINES, ends[attempt] - after) if attempt else LOG_LINES
    lines = services().runs.log_lines(run.id, after=after, limit=most)
    earlier = services().runs.log_start(run.id, after, LOG_LINES) if after else None
    return {"lines": lines, "after": after, "last": _last_number(lines, after), "attempt": attempt, "earlier": earlier}


def _last_number(lines: Sequence[LogEntry], after: int) -> int:
    return lines[-1].number if lines else after


@pages.get("/runs/<int:run_id>/log")
@allow(Right.SEE)
def run_log(run_id: int) -> ResponseReturnValue:
    """The lines after a number, for the live tail. The answer to a run that is over has no trigger: that ends it."""
    found, after = _found(run_id), whole_number(request.args.get("after")) or 0
    lines = services().runs.log_lines(run_id, after=after, limit=LOG_LINES)
    last = _last_number(lines, after)
    if not lines and not found.status.is_final:
        return Response(status=204)
    return render_template("runs/_log_more.html", run=found, lines=lines, last=last, after=after)


@pages.post("/runs/<int:run_id>/cancel")
@allow(Right.RUN)
def cancel_run(run_id: int) -> ResponseReturnValue:
    cancelled = services().runs.cancel(_found(run_id).id, by=current_actor().name)
    flash("The run was cancelled." if cancelled.status.is_final else "The run is being cancelled.")
    return redirect(url_for("pages.run", run_id=run_id), 303)


@pages.post("/runs/<int:run_id>/decide")
@allow(Right.RUN)
def decide_run(run_id: int) -> ResponseReturnValue:
    """Answer an interrupted run that asks."""
    again = request.form.get("again") == "1"
    decided = services().runs.decide(_found(run_id).id, again, by=current_actor().name)
    flash("It runs once more." if again else "It is left as it is.")
    if again:
        return redirect(url_for("pages.run", run_id=decided.id), 303)
    return redirect(local_path(request.form.get("next") or url_for("pages.run", run_id=run_id)), 303)


@pages.post("/runs/<int:run_id>/again")
@allow(Right.RUN)
def run_again(run_id: int) -> ResponseReturnValue:
    """Run the job as it is now, with the parameters that this run had."""
    old = _found(run_id)
    job = _job_of(old)
    if job is None:
        raise NotFoundError(f"the job of run {run_id} was deleted")
    new = services().runs.request(
        job.uid, by=current_actor().name, parameters=old.parameters, arguments=old.arguments
    )  # fmt: skip
    return redirect(url_for("pages.run", run_id=new.id), 303)
