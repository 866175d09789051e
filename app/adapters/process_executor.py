"""Runs in worker processes of this machine: the server's end. The other end is ``warden``."""

import logging
import select
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from app.adapters.bell import Bell
from app.adapters.channel import ChannelClosed
from app.adapters.clock import utc_now
from app.adapters.in_flight import Attempt, InFlight, key
from app.adapters.messages import WardenSettings, is_kind, pack, pack_assignment, report_of, unpack
from app.adapters.result_store import ResultStore
from app.adapters.spool import Spool
from app.adapters.takeover import Takeover
from app.adapters.warden_process import WardenProcess
from app.core import tallies
from app.core.execution import CANCELLED, SHUTDOWN, Ending, ended, worker_lost
from app.core.ports import Alive, Assignment, Clock, Ended, Occupancy, Report, Unbegun

log = logging.getLogger(__name__)

BACK_OFF = (0.1, 0.5, 1.0, 2.0, 5.0)  # seconds before the next warden, after the first, second ... that did not last
LASTING = 10.0  # seconds
SYNC_AFTER = 1.0  # seconds without acknowledgement after which an outcome is brought to the disk
POLL = 1000  # milliseconds
POLL_WHEN_FULL = 5  # milliseconds, while the warden's socket has no room
WARDEN_MAY_TAKE = 30.0  # seconds to end its trees
WARDEN_LOST = worker_lost("the process that watches over the workers was killed")


class ProcessExecutor:
    def __init__(
        self,
        command: Sequence[str],
        workers: int,
        directory: Path,
        *,
        clock: Clock = utc_now,
        times: Mapping[str, float] | None = None,
    ) -> None:
        """``directory`` gets ``spool`` and ``results``; ``times`` replaces some of those in ``WardenSettings``."""
        directory = directory.resolve()  # a job may change its working directory
        self._command = command
        self._clock = clock
        self._results = ResultStore(directory / "results")
        self._spool = Spool(directory / "spool")
        self._takeover = Takeover(directory / "spool")
        self._settings = WardenSettings(
            workers, str(self._spool.directory), str(self._results.directory), **(times or {})
        )
        self._lock = threading.RLock()
        self._nothing_in_flight = threading.Condition(self._lock)
        self._in_flight = InFlight(workers)
        self._own_reports: list[Report] = []
        self._warden: WardenProcess | None = None
        self._is_fed = False  # the warden takes assignments
        self._is_down = False  # the last warden was lost, and the next one has not spoken yet
        self._is_stopping = False
        self._over = threading.Event()
        self._alive_at = 0.0
        self._bell = Bell()  # rung for reports of our own
        self._thread = threading.Thread(target=self._serve, name="carillon-workers", daemon=True)

    # The port

    def start(self, deliver: Callable[[Sequence[Report]], None]) -> None:
        """Raises ``UnavailableError`` while an earlier server's runs are still alive."""
        self._take_over()
        self._deliver = deliver
        self._thread.start()

    def _take_over(self) -> None:
        if self._takeover.take():
            left = self._spool.read_all()
            self._in_flight.reserve({slot: (ended.run_id, ended.token) for slot, ended in left.items()})
            self._left = tuple(left.values())

    def free(self) -> int:
        if self._is_down or self._is_stopping:
            return 0
        with self._lock:
            return self._in_flight.room(time.monotonic())

    def occupancy(self) -> Occupancy:
        waiting = len(self._in_flight.waiting)
        busy = min(self._settings.workers, len(self._in_flight.attempts) - waiting)
        return Occupancy(self._settings.workers, busy, waiting, is_up=self._is_fed)

    def submit(self, assignments: Sequence[Assignment]) -> None:
        with self._lock:
            self._in_flight.add(assignments)
            if self._is_stopping:
                self._give_back()
            else:
                self._feed()

    def cancel(self, run_id: int, token: str) -> None:
        with self._lock:
            if waiting := self._in_flight.pick_waiting((run_id, token)):
                self._conclude([waiting], CANCELLED)
            elif self._warden and (run_id, token) in self._in_flight.attempts:
                self._warden.channel.send(pack("cancel", (run_id, token)))

    def knows(self, run_id: int, token: str) -> bool:
        return (run_id, token) in self._in_flight.attempts

    def acknowledge(self, ended: Sequence[Attempt]) -> None:
        with self._lock:
            slots = self._in_flight.acknowledge(ended)
        self._spool.clear(slots)
        with self._lock:
            self._in_flight.release(slots)

    def leftovers(self) -> Sequence[Ended]:
        """Raises ``UnavailableError`` while an earlier server's runs are still alive."""
        self._take_over()
        return self._left

    def stop(self, grace_seconds: float) -> None:
        """A second call, from another thread, with a shorter time ends the waiting of the first."""
        self._is_stopping = True
        with self._lock:
            self._give_back()
        if not self._wait_for_runs(grace_seconds):
            self._end_runs()
        with self._lock:
            self._over.set()
            if self._warden:
                self._warden.hang_up()
        if self._thread.is_alive():
            self._thread.join()
        with self._lock:
            self._takeover.release()
        self._bell.close()

    def _wait_for_runs(self, seconds: float) -> bool:
        with self._lock:
            return self._nothing_in_flight.wait_for(lambda: not self._in_flight.attempts, seconds)

    def _end_runs(self) -> None:
        times = self._settings
        with self._lock:
            if self._warden:
                self._warden.channel.send(pack("shutdown"))
        self._wait_for_runs(times.cooperative + times.terminate + times.hopeless + 1)

    # To the warden

    def _feed(self) -> None:
        if self._warden and self._is_fed and (taken := self._in_flight.take()):
            self._warden.channel.send(b"".join(pack_assignment(assignment, slot) for assignment, slot in taken))

    def _conclude(self, assignments: Iterable[Assignment], ending: Ending) -> None:
        """End attempts that have not begun. Reported by our own thread, as all reports are."""
        self._own_reports += [ended(assignment, ending, self._clock) for assignment in assignments]
        self._bell.ring()

    def _give_back(self) -> None:
        """What the warden does not have yet waits for the next start of the server."""
        waiting = self._in_flight.clear_waiting()
        self._own_reports += [Unbegun(*key(assignment), self._clock()) for assignment in waiting]
        self._bell.ring()

    # From the warden, in a thread of its own

    def _serve(self) -> None:
        faults = 0
        while not self._over.is_set():
            began = time.monotonic()
            try:
                self._serve_with_a_warden()
            except Exception:
                log.exception("the workers cannot be reached")
            if not self._over.is_set():
                log.error("the warden has ended; starting another")
                tallies.worker_restarts.add()
                faults = 1 if time.monotonic() - began > LASTING else faults + 1
                self._over.wait(BACK_OFF[min(faults, len(BACK_OFF)) - 1])
        self._pass_on([self._last_word(assignment, SHUTDOWN) for assignment in self._in_flight.attempts.values()])

    def _serve_with_a_warden(self) -> None:
        warden = WardenProcess(self._command, self._settings, self._takeover)
        with self._lock:
            self._warden = warden
            if self._over.is_set():
                warden.hang_up()
        try:
            self._listen(warden)
        finally:
            with self._lock:
                self._warden, self._is_fed, self._is_down = None, False, True
            self._bury(warden)

    def _listen(self, warden: WardenProcess) -> None:
        """Until the channel ends: then nothing of the warden's runs is alive."""
        poll = select.poll()
        poll.register(warden.channel, select.POLLIN)
        poll.register(self._bell, select.POLLIN)
        while True:
            began = time.monotonic()
            poll.poll(POLL_WHEN_FULL if warden.channel.unsent else POLL)
            warden.channel.flush()
            try:
                lines = warden.channel.receive()
            except ChannelClosed:
                return
            self._attend(warden, bool(lines), time.monotonic() - began)
            self._pass_on([report for line in lines if (report := self._report(line))])
            self._keep_time()

    def _attend(self, warden: WardenProcess, has_spoken: bool, waited: float) -> None:
        """Only after its first word it gets assignments: one that fails at its start must not take runs along."""
        if has_spoken and not warden.has_spoken:
            with self._lock:
                self._is_fed, self._is_down = True, False
                self._feed()
        warden.listened(has_spoken, waited)
        if warden.is_silent():
            log.error("the warden is silent; killing it")
            warden.kill()

    def _report(self, line: bytes) -> Report | None:
        try:
            if not is_kind(line, "tick") and not is_kind(line, "leaving"):
                return report_of(line)
            _, unbegun = unpack(line)
            if unbegun is not None:
                self._take_back([(run_id, token) for run_id, token in unbegun])
        except ValueError:
            log.exception("an unreadable report from the workers")
        return None

    def _take_back(self, unbegun: Iterable[Attempt]) -> None:
        """The warden is about to end: what it has not begun is for the next one."""
        with self._lock:
            self._is_fed, self._is_down = False, True
            self._in_flight.take_back(unbegun)

    def _pass_on(self, reports: list[Report]) -> None:
        self._bell.hush()
        now = time.monotonic()
        with self._lock:
            own, self._own_reports = self._own_reports, []
            current = [report for report in own + reports if self._in_flight.note(report, now)]
            self._feed()
            if not self._in_flight.attempts:
                self._nothing_in_flight.notify_all()
        if current:
            self._hand_on(current)

    def _hand_on(self, reports: Sequence[Report]) -> None:
        try:
            self._deliver(reports)
        except Exception:
            log.exception("%d reports were not taken", len(reports))  # no reason to let go of the running ones

    def _keep_time(self) -> None:
        now = time.monotonic()
        if now >= self._alive_at:
            self._alive_at = now + self._settings.heartbeat
            self._tell_who_is_alive()
            self._sync_late_outcomes(now - SYNC_AFTER)

    def _tell_who_is_alive(self) -> None:
        with self._lock:
            attempts = tuple(self._in_flight.attempts)
        if attempts:
            self._hand_on([Alive(self._clock(), attempts)])

    def _sync_late_outcomes(self, before: float) -> None:
        """The database does not answer at the moment: bring to the disk what was written in trust of its commit."""
        with self._lock:
            late = [self._in_flight.slots[attempt] for attempt in self._in_flight.late(before)]
        if late:
            self._spool.sync(late)

    # Ends of wardens

    def _bury(self, warden: WardenProcess) -> None:
        """What it had has ended with it: report how, from the spool if that could still be written down."""
        warden.hang_up()
        warden.wait(WARDEN_MAY_TAKE)
        self._takeover.end_strays()
        with self._lock:
            lost = self._in_flight.handed()
        self._pass_on([self._last_word(assignment, WARDEN_LOST) for assignment in lost])

    def _last_word(self, assignment: Assignment, ending: Ending) -> Ended:
        slot = self._in_flight.slots.get(key(assignment))
        written = self._spool.read(slot, key(assignment)) if slot is not None else None
        if written is None:
            self._results.remove_attempt(assignment.job_id, *key(assignment))
        return written or ended(assignment, ending, self._clock)
