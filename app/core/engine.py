"""The engine: wakes, hands queued runs to the executor, writes down what comes back.

Its methods are plain steps, driven by tests one at a time and by two threads in the server.
"""

import logging
import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from app.core.claiming import Claimed, Unsure
from app.core.clock_steps import ClockSteps
from app.core.connections import Connections
from app.core.db import PATIENT, lock_wait_seconds
from app.core.drains import Drains
from app.core.errors import CarillonError, UnavailableError
from app.core.fires import Fires, Wake
from app.core.job_types import JobTypes
from app.core.log_cap import LogLimits, LogSoFar
from app.core.outages import Outages
from app.core.pauses import Pauses
from app.core.ports import Assignment, Clock, Ended, Executor, Report, Unbegun
from app.core.pulse import Pulse
from app.core.report_queue import ReportQueue
from app.core.runs import Runs
from app.core.sleep import Sleep
from app.core.statuses import FailureReason, RunStatus

log = logging.getLogger(__name__)

BATCH = 500
MOST_REPORTS = 50_000  # in memory, while the database is away
GATHER_SECONDS = 0.02
"""Reports wait this long for others: a transaction for each would take the turns of those that start runs."""
LET_WAKE_SECONDS = 0.5
"""So long the other threads keep still while a wake goes on: one of thousands of fires may take longer."""
REST_SECONDS = 0.005
"""Between two transactions of what is not urgent, at least."""
LISTEN_SECONDS = 1.0
"""Nobody reports anything for so long: the thread shows that it lives, and listens again."""
BACK_OFF = (0.2, 0.5, 1.0, 2.0, 5.0)
"""Seconds to wait after the first, second ... fault in a row of the database."""
JOIN_SECONDS = 3.0
"""So long the end of the server waits for a thread of the engine, which may itself wait for the database."""
CHORES_EVERY = timedelta(seconds=1)
"""What is looked after in the ticks besides the fires: pauses, deadlines, forsaken runs."""


class Engine:
    def __init__(
        self,
        fires: Fires,
        runs: Runs,
        pauses: Pauses,
        outages: Outages,
        drains: Drains,
        clock_steps: ClockSteps,
        sleep: Sleep,
        connections: Connections,
        types: JobTypes,
        executor: Executor,
        clock: Clock,
        keeps_time: Callable[[], bool],
        may_begin: Callable[[], bool],
        site: Mapping[str, str] | None = None,
        log_limits: Callable[[], LogLimits] = LogLimits,
    ) -> None:
        """``keeps_time`` tells whether this process still holds the lease; without it nothing is decided or started.
        ``may_begin`` tells whether there is room to write down the end of what would begin.

        ``site`` are settings of the administrator's that job types may ask for.
        """
        self.fires = fires
        self.runs = runs
        self.pauses = pauses
        self.outages = outages
        self.drains = drains
        self.clock_steps = clock_steps
        self.sleep = sleep
        self.connections = connections
        self.types = types
        self.executor = executor
        self.clock = clock
        self.keeps_time = keeps_time
        self.may_begin = may_begin
        self.site = site or {}
        self.log_limits = log_limits
        self._reports = ReportQueue(MOST_REPORTS)
        self._unrecorded: list[Report] = []  # kept over a fault of the database
        self._closed = False
        self._unsure_of_tick, self._unsure_of_dispatch = Unsure(), Unsure()
        self._has_backlog = False  # runs may be queued: more than there was room for, or by an earlier server
        self._next_chores: datetime | None = None
        self._pause_ends_at: datetime | None = None  # as of the last chores
        self._work = threading.Event()
        self._stopping = threading.Event()
        self._is_asleep = threading.Event()  # no wake is going on
        self._is_asleep.set()
        self._threads: list[threading.Thread] = []
        self.pulses = {"dispatch": Pulse(), "record": Pulse()}

    # The steps

    def tick(self) -> datetime | None:
        """Decide what is due. Gives the moment at which to look again at the latest."""
        if self._stopping.is_set() or not self.keeps_time() or not self.may_begin() or self.sleep.holds():
            return None
        self._submit_durable(self._unsure_of_tick)
        self.clock_steps.attend()
        self.outages.attend()
        if self._pause_ends_at is not None and self._pause_ends_at <= self.clock():
            self._pause_ends_at = self.pauses.expire()
        next_fire_at = None if self.drains.look() else self._wake().next_fire_at
        self._do_chores()
        return min((at for at in (next_fire_at, self._pause_ends_at) if at is not None), default=None)

    def _wake(self) -> Wake:
        """The other threads keep still meanwhile: what is due goes before what has ended."""
        self._is_asleep.clear()
        try:
            return self.fires.wake(self._claim, self._begin)
        finally:
            self._is_asleep.set()

    def _claim(self, session: Session) -> Sequence[Claimed]:
        """In the transaction that queues them: those that begin at once need no other one."""
        return self._unsure_of_tick.note(self.runs.claim_in(session, self.executor.free()))

    def _begin(self, claimed: Sequence[Claimed], queued: int) -> None:
        self._unsure_of_tick.forget()
        self._submit(claimed)
        if queued > len(claimed):
            self.notice()

    def _do_chores(self) -> None:
        now = self.clock()
        if self._next_chores is not None and self._next_chores - CHORES_EVERY <= now < self._next_chores:
            return
        self._next_chores = now + CHORES_EVERY
        self._pause_ends_at = self.pauses.expire()
        self.outages.remember()
        self.clock_steps.tidy()
        self.runs.expire()
        if self._threads:
            self._give_up_forsaken()

    def _give_up_forsaken(self) -> None:
        """Runs for which nobody answers, while every report that came in is recorded."""
        forsaken = self.runs.forsaken()
        if forsaken and self._reports.empty() and not self._unrecorded:
            for run_id, token in forsaken:
                if not self.executor.knows(run_id, token):
                    log.error("run %s is not known to the workers; it is given up", run_id, extra={"run_id": run_id})
                    self.runs.give_up(run_id, token)

    def dispatch(self) -> int:
        """Hand queued runs to the executor, as many as it has room for."""
        if not self.keeps_time() or self.sleep.holds():
            return 0
        self._submit_durable(self._unsure_of_dispatch)
        for run_id, token in self.runs.cancelling():
            self.executor.cancel(run_id, token)
        if self._stopping.is_set() or self.drains.is_on or not self.may_begin():
            return 0
        next_begin = self.runs.next_begin()
        self._has_backlog = next_begin is not None and next_begin <= self.clock()
        if not self._has_backlog:
            return 0
        free = self.executor.free()
        if free <= 0:
            return 0
        claimed = self.runs.claim(free, self._unsure_of_dispatch.note)
        self._unsure_of_dispatch.forget()
        self._submit(claimed)
        return len(claimed)

    def _submit_durable(self, unsure: Unsure) -> None:
        """After a fault of the database: what was claimed in spite of it still has to be handed over."""
        if unsure:
            durable = self.runs.durable(unsure)
            unsure.forget()
            self._submit(durable)

    def _submit(self, claimed: Sequence[Claimed]) -> None:
        ready: list[Assignment] = []
        for run in claimed:
            try:
                ready.append(self._assignment(run))
            except CarillonError as error:
                self._cannot_begin(run, error.message)
            except (Exception, SystemExit) as error:  # the job type's own code: only its run fails
                log.exception("run %s of %r cannot begin", run.run_id, run.job_name,
                              extra={"run_id": run.run_id, "job_id": run.job_id, "fire_id": run.fire_id})  # fmt: skip
                self._cannot_begin(run, f"{type(error).__name__}: {error}")
        if ready:
            self.executor.submit(ready)

    def _cannot_begin(self, run: Claimed, why: str) -> None:
        failed = RunStatus.FAILED, FailureReason.CONFIG, why
        self.deliver([Ended(run.run_id, run.token, self.clock(), *failed)])

    def _assignment(self, run: Claimed) -> Assignment:
        job_type, limits = self.types.get(run.job_type), self.log_limits()
        names = job_type.connections(run.parameters)
        return Assignment(
            run_id=run.run_id,
            token=run.token,
            job_id=run.job_id,
            job_name=run.job_name,
            job_type=run.job_type,
            parameters=run.parameters,
            connections={name: self.connections.url(name) for name in names},
            scheduled_for=run.scheduled_for,
            previous_success=run.previous_success,
            timeout_seconds=run.timeout_seconds,
            fire_id=run.fire_id,
            attempt=run.attempt,
            settings={name: self.site[name] for name in job_type.settings if name in self.site},
            unique_key=run.unique_key,
            log_limits=limits,
            log_so_far=LogSoFar.of(run.log_sizes, limits),
        )

    def give_way(self, took: float) -> None:
        """Called by who works through much in small transactions, between two of them: others go first.

        ``took`` are the seconds of the last one: so long everybody else has the database to himself.
        """
        self._stopping.wait(max(took, REST_SECONDS))
        self._is_asleep.wait(LET_WAKE_SECONDS)

    def revert(self, job_id: int, by: str | None) -> None:
        """End a run that is no longer heard of, and whatever is left of it. Raises ``ConflictError``."""
        self.executor.cancel(*self.runs.revert(job_id, by))

    def deliver(self, reports: Sequence[Report]) -> None:
        """Take reports from the executor, from any thread. Waits while too many are unrecorded: jobs then wait, too."""
        for report in reports:
            self._reports.put(report)
        if self._has_backlog and any(isinstance(report, Ended) for report in reports):
            self._work.set()  # a worker is free: the next run need not wait until this end is recorded

    def record(self) -> int:
        """Write down the reports that have come in, many in one transaction."""
        self._unrecorded += self._drain()
        return self._write()

    def _drain(self, block: bool = False) -> list[Report]:
        """Take what has come in; ``block`` waits a while for the first. ``None`` marks the end of all reports."""
        batch: list[Report] = []
        while len(batch) < BATCH and not self._closed:
            try:
                report = self._reports.get(block and not batch, timeout=LISTEN_SECONDS)
            except queue.Empty:
                break
            if report is None:
                self._closed = True
            else:
                batch.append(report)
        return batch

    def _write(self) -> int:
        """Record what is there; it is let go as soon as it is durable, so that nothing is written twice."""
        batch = self._unrecorded
        if batch:
            ended = self._record(batch)
            self._unrecorded = []
            self.executor.acknowledge([(report.run_id, report.token) for report in ended])
            if (self._has_backlog and ended) or any(isinstance(report, Unbegun) for report in batch):
                self.notice()  # what waited for the place of one that has ended
        return len(batch)

    def _record(self, batch: Sequence[Report]) -> list[Ended]:
        """Record a batch; where something in it cannot be written, all but that."""
        try:
            return self.runs.record(batch)
        except UnavailableError:
            raise
        except Exception:
            if len(batch) == 1:
                log.exception("a report cannot be written down and is dropped: %.2000r", batch[0])
                return []
            log.exception("a batch of reports cannot be written down; writing them one by one")
            return [ended for report in batch for ended in self._record([report])]

    def recover(self) -> None:
        """After a start: first the outcomes that could not be recorded, then an end for what was lost."""
        leftovers = self.executor.leftovers()
        self._unrecorded += leftovers
        self._write()
        lost = self.runs.reap()
        if leftovers or lost:
            log.warning("of an earlier server %d outcomes were found, and %d runs without one", len(leftovers), lost)

    def notice(self) -> None:
        """Something was queued or cancelled: dispatch soon. Never blocks."""
        self._has_backlog = True
        self._work.set()

    # The threads

    def begin(self) -> None:
        """Put the house in order after an earlier server, then let the executor work."""
        self.recover()
        self.executor.start(self.deliver)

    def start(self) -> None:
        self.begin()
        self._threads = [
            threading.Thread(target=self._loop, args=(step, self.pulses[name]), name=f"carillon-{name}", daemon=True)
            for name, step in (("dispatch", self._dispatch_step), ("record", self._record_step))
        ]
        for thread in self._threads:
            thread.start()
        self.notice()

    def stop(self, grace_seconds: float) -> None:
        """Start nothing new, give running work the grace time, record how it ended.

        What cannot be recorded, as the database is away, is in the spool for the next start.
        """
        self.begin_to_stop()
        if self._threads:
            self._threads[0].join(JOIN_SECONDS)
        self.executor.stop(grace_seconds)
        self._reports.put(None)
        for thread in self._threads[1:]:
            thread.join(JOIN_SECONDS)
        self._threads = []

    def begin_to_stop(self) -> None:
        """From here on nothing is claimed. Never blocks."""
        self._stopping.set()
        self._work.set()
        self._reports.stop_waiting()

    def _loop(self, step: Callable[[], bool], pulse: Pulse) -> None:
        lock_wait_seconds.set(PATIENT)
        faults = 0
        goes_on = True
        pulse.begin()
        while goes_on:
            pulse.beat()
            try:
                goes_on = step()
                faults = 0
            except UnavailableError:
                log.warning("the database does not answer; trying again")
                self._pause(faults := faults + 1)
            except BaseException:  # SystemExit would end the thread without a word
                log.exception("a step of the engine failed; trying again")
                self._pause(faults := faults + 1)
        pulse.rest()

    def _pause(self, faults: int) -> None:
        threading.Event().wait(BACK_OFF[min(faults, len(BACK_OFF)) - 1])

    def _dispatch_step(self) -> bool:
        self._work.wait(1.0)
        self._work.clear()
        if self._stopping.is_set():
            return False
        while self._is_asleep.wait(LET_WAKE_SECONDS) and self.dispatch():
            self.pulses["dispatch"].beat()
        return True

    def _record_step(self) -> bool:
        if not self._unrecorded:
            self._unrecorded = self._drain(block=True)
            self._stopping.wait(GATHER_SECONDS)
            self._is_asleep.wait(LET_WAKE_SECONDS)
            self._unrecorded += self._drain()
        self._write()
        return bool(self._unrecorded) or not self._closed
