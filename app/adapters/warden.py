"""The warden stands between the server and the worker processes, and owns everything that runs have started.

It has one thread and never waits for anybody: its sockets do not block, and an attempt that shall end has a moment at
which the next, harder step is taken. With one thread it may fork at any time: a new worker, imports done, takes a few
milliseconds.

The life of an attempt: waiting, handed over, (asked to end, terminated, condemned,) the worker's word or the worker's
death, mourned until no orphan is left, settled.
"""

import gc
import logging
import os
import selectors
import signal
import socket
import time
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from app.adapters import process_tree, warm_worker
from app.adapters.attempts import Attempt, what_ended
from app.adapters.channel import Channel, ChannelClosed
from app.adapters.messages import WardenSettings, is_kind, pack, pack_report, unpack
from app.adapters.result_store import ResultStore
from app.adapters.spool import Spool
from app.adapters.warm_worker import Work
from app.adapters.worker_process import WorkerProcess
from app.core.execution import CANCELLED, SERVER_LOST, SHUTDOWN, Ending, timed_out, worker_lost
from app.core.ports import Clock, Ended, Logged, LogLine, Report, Started

log = logging.getLogger(__name__)

LOOK_AGAIN = 0.005  # seconds between two looks at a tree that is dying, or at a full socket
HIRE_AGAIN = 1.0  # seconds after a worker that died before it was ready
TOO_MUCH = 8 * 1024 * 1024  # bytes unsent to the server; above, the workers have to wait with what they say


class Warden:
    def __init__(
        self, server: Channel, lifeline: int, settings: WardenSettings, work: Work, clock: Clock, results: ResultStore
    ) -> None:
        self._server = server
        self._settings = settings
        self._work = work
        self._clock = clock
        self._results = results
        self._spool = Spool(Path(settings.spool))
        self._selector = selectors.DefaultSelector()
        self._workers: dict[int, WorkerProcess] = {}
        self._idle: list[WorkerProcess] = []
        self._attempts: dict[tuple[int, str], Attempt] = {}
        self._waiting: deque[Attempt] = deque()
        self._mourned: list[Attempt] = []
        self._news = bytearray()
        self._hire_at = 0.0
        self._tick_at = 0.0
        self._bereaved_by: Ending | None = None
        self._listens = True
        self._selector.register(server, selectors.EVENT_READ, self._on_server)
        self._selector.register(lifeline, selectors.EVENT_READ, partial(self._on_guardian_lost, lifeline))
        self._notice_deaths()
        process_tree.become_subreaper()
        process_tree.be_called("carillon-warden")

    def serve(self) -> None:
        """Until the server is gone and nothing of its runs is left."""
        gc.collect()
        gc.freeze()  # so that a worker's collections do not touch, and thereby copy, the pages it shares with us
        while not self._is_over():
            self._keep_time(time.monotonic())
            self._send_news()
            for key, _ in self._selector.select(self._patience()):
                key.data()
        self._send_news()

    def _is_over(self) -> bool:
        return self._bereaved_by is not None and not self._workers and not self._mourned

    def _patience(self) -> float:
        if self._mourned or self._server.unsent or any(worker.reports.unsent for worker in self._workers.values()):
            return LOOK_AGAIN
        steps = [worker.attempt.next_step_at for worker in self._workers.values() if worker.attempt]
        return max(0.0, min([self._tick_at, *steps]) - time.monotonic())

    def _keep_time(self, now: float) -> None:
        for worker in list(self._workers.values()):
            if worker.attempt:
                worker.attempt.go_on(now)
            if worker.reports.unsent:
                worker.reports.flush()
        if self._mourned:
            self._mourn(now)
        while self._is_short_of_workers() and now >= self._hire_at:
            self._hire()
        if now >= self._tick_at:
            self._tick_at = now + self._settings.heartbeat
            self._news += pack("tick")
            if not self._mourned:
                self._kill(self._orphans())  # of runs that were given up: by now it may be possible

    # The server

    def _on_server(self) -> None:
        try:
            for line in self._server.receive():
                self._obey(line)
        except ChannelClosed:
            self._selector.unregister(self._server)
            self._bereave(SERVER_LOST)
        self._hand_over()

    def _obey(self, line: bytes) -> None:
        kind, body = unpack(line)
        match kind:
            case "run":
                self._take(body, line)
            case "cancel":
                if attempt := self._attempts.get((body[0], body[1])):
                    self._end(attempt, CANCELLED)
            case "shutdown":
                self._end_all(SHUTDOWN)

    def _take(self, body: dict[str, Any], line: bytes) -> None:
        fields = {name: body[name] for name in ("run_id", "token", "job_id", "timeout_seconds", "slot")}
        attempt = Attempt(**fields, line=line + b"\n")
        self._attempts[attempt.key] = attempt
        self._waiting.append(attempt)

    def _on_guardian_lost(self, lifeline: int) -> None:
        """Without it we are not safe to work with: give back what has not begun, end the rest."""
        self._selector.unregister(lifeline)
        if not self._bereaved_by:
            self._selector.unregister(self._server)
            self._news += pack("leaving", [attempt.key for attempt in self._waiting])
            for attempt in self._waiting:
                del self._attempts[attempt.key]
            self._waiting.clear()
        self._bereave(worker_lost("the process that guards the workers was killed"))

    def _bereave(self, ending: Ending) -> None:
        """There is nobody left to work for: end all runs soon, and then oneself."""
        if self._bereaved_by:
            return
        self._bereaved_by = ending
        self._end_all(ending)
        for worker in list(self._workers.values()):
            if worker.attempt is None:
                self._condemn(worker)
            elif not worker.is_condemned:
                worker.attempt.plan(time.monotonic() + self._settings.bereaved, partial(self._condemn, worker))
        for attempt in self._mourned:
            attempt.orphans_until = 0.0

    def _tell(self, report: Report) -> None:
        self._news += pack_report(report)

    def _send_news(self) -> None:
        """Once a turn. When the server falls far behind, the workers have to wait with what they say."""
        if self._news:
            self._server.send(bytes(self._news))
            self._news.clear()
        elif self._server.unsent:
            self._server.flush()
        if self._listens is not (self._server.unsent <= TOO_MUCH):
            self._listens = not self._listens
            for worker in self._workers.values():
                self._listen_to(worker) if self._listens else self._turn_from(worker)

    # Workers

    def _is_short_of_workers(self) -> bool:
        at_work = sum(not worker.is_condemned for worker in self._workers.values())
        return at_work < self._settings.workers and not self._bereaved_by

    def _hire(self) -> None:
        try:
            worker = WorkerProcess(*warm_worker.fork(self._work, self._spool))
        except OSError as error:
            log.error("no new worker process: %s", error)
            self._hire_at = time.monotonic() + HIRE_AGAIN
            return
        self._workers[worker.pid] = worker
        if self._listens:
            self._listen_to(worker)

    def _listen_to(self, worker: WorkerProcess) -> None:
        self._selector.register(worker.reports, selectors.EVENT_READ, partial(self._on_worker, worker))

    def _turn_from(self, worker: WorkerProcess) -> None:
        with suppress(KeyError):
            self._selector.unregister(worker.reports)

    def _hand_over(self) -> None:
        while self._waiting and self._idle:
            attempt, worker = self._waiting.popleft(), self._idle.pop()
            at = self._clock()  # now: on a busy machine the worker may be done before we go on
            worker.hand(attempt)
            self._tell(Started(*attempt.key, at, worker.pid, worker.start_ticks))
            if attempt.timeout_seconds is not None:
                step = partial(self._end, attempt, timed_out(attempt.timeout_seconds))
                attempt.plan(time.monotonic() + attempt.timeout_seconds, step)

    def _on_worker(self, worker: WorkerProcess) -> None:
        if worker.pid not in self._workers:
            return  # its death was noticed in the same turn
        try:
            for line in worker.reports.receive():
                self._hear(worker, line)
        except ChannelClosed:
            self._turn_from(worker)
            self._condemn(worker)  # in most cases it is dead already
        except ValueError as error:
            log.error("worker %d speaks in tongues: %s", worker.pid, error)
            self._condemn(worker)

    def _hear(self, worker: WorkerProcess, line: bytes) -> None:
        if is_kind(line, "ended") and worker.attempt:
            worker.attempt.outcome = line + b"\n"
        elif is_kind(line, "idle"):
            _, remains = unpack(line)
            self._part_with(worker, remains) if remains else self._release(worker)
        elif is_kind(line, "ready"):
            worker.is_ready = True
            self._release(worker)
        else:
            self._news += line + b"\n"

    def _release(self, worker: WorkerProcess) -> None:
        attempt, worker.attempt = worker.attempt, None
        if self._bereaved_by:
            self._condemn(worker)
        else:
            self._idle.append(worker)
            self._hand_over()
        if attempt:
            self._settle(attempt)

    def _part_with(self, worker: WorkerProcess, remains: str) -> None:
        """Something of its run is left in it: the run's end is told when it is gone."""
        if remains == "threads" and worker.attempt:
            self._note(worker.attempt, "threads that the run had left behind were ended")
        self._condemn(worker)

    def _condemn(self, worker: WorkerProcess) -> None:
        """Kill it with all that is below it. Its death will be noticed, or else given up waiting for."""
        if worker.is_condemned:
            return
        below = worker.condemn()
        if worker in self._idle:
            self._idle.remove(worker)
        if worker.attempt:
            worker.attempt.ended_processes |= below
            worker.attempt.plan(time.monotonic() + self._settings.hopeless, partial(self._give_up, worker))

    def _give_up(self, worker: WorkerProcess) -> None:
        """It is stuck in the kernel. Its run shall not hang for ever as well."""
        log.error("worker %d cannot be ended", worker.pid)
        if worker.attempt:
            self._settle(worker.attempt)
            worker.attempt = None

    # The steps to an attempt's end

    def _end_all(self, ending: Ending) -> None:
        for attempt in list(self._attempts.values()):
            self._end(attempt, ending)

    def _end(self, attempt: Attempt, ending: Ending) -> None:
        """First ask. A run that is already asked, or that has ended by itself, stays as it is."""
        if attempt.ending or attempt.outcome:
            return
        attempt.ending = ending
        if attempt in self._waiting:
            self._waiting.remove(attempt)
            self._settle(attempt)
        elif worker := self._worker_of(attempt):
            worker.ask_to_end(ending)
            attempt.plan(time.monotonic() + self._settings.cooperative, partial(self._terminate, worker, attempt))

    def _terminate(self, worker: WorkerProcess, attempt: Attempt) -> None:
        worker.terminate()
        attempt.orphans_until = time.monotonic() + self._settings.terminate
        attempt.plan(attempt.orphans_until, partial(self._condemn, worker))

    def _worker_of(self, attempt: Attempt) -> WorkerProcess | None:
        return next((worker for worker in self._workers.values() if worker.attempt is attempt), None)

    # Deaths

    def _notice_deaths(self) -> None:
        woken, waker = socket.socketpair()
        woken.setblocking(False)
        waker.setblocking(False)
        self._waker = waker
        signal.signal(signal.SIGCHLD, lambda *_: None)  # without a handler nothing is written to the waker
        signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
        self._selector.register(woken, selectors.EVENT_READ, partial(self._on_deaths, woken))

    def _on_deaths(self, woken: socket.socket) -> None:
        with suppress(BlockingIOError):
            woken.recv(4096)
        for pid, status in process_tree.reap().items():
            if worker := self._workers.pop(pid, None):
                self._bury(worker, what_ended(status))

    def _bury(self, worker: WorkerProcess, lost: str) -> None:
        for line in worker.reports.drain():
            if not is_kind(line, "idle") and not is_kind(line, "ready"):
                self._hear(worker, line)
        self._turn_from(worker)
        worker.close()
        if worker in self._idle:
            self._idle.remove(worker)
        if not worker.is_ready and not worker.is_condemned:
            log.error("%s before it was ready", lost)
            self._hire_at = time.monotonic() + HIRE_AGAIN
        if worker.attempt:
            worker.attempt.lost = lost
            self._mourned.append(worker.attempt)

    def _mourn(self, now: float) -> None:
        """Settle the attempts whose worker is dead as soon as nothing of them is alive any more."""
        for attempt in self._mourned:
            attempt.hopeless_at = min(attempt.hopeless_at, now + self._settings.hopeless)
        orphans = self._orphans()
        if orphans and any(now >= attempt.orphans_until for attempt in self._mourned):
            self._kill(orphans)
        is_hopeless = any(now >= attempt.hopeless_at for attempt in self._mourned)
        if orphans and is_hopeless:
            log.error("processes that cannot be ended: %s", ", ".join(map(str, orphans)))
        if not orphans or is_hopeless:
            mourned, self._mourned = self._mourned, []
            for attempt in mourned:
                self._settle(attempt)

    def _orphans(self) -> set[int]:
        return process_tree.children(os.getpid()) - self._workers.keys()

    def _kill(self, orphans: Iterable[int]) -> None:
        for orphan in orphans:
            tree = {orphan, *process_tree.descendants(orphan)}
            process_tree.send(tree, signal.SIGKILL)
            for attempt in self._mourned:
                attempt.ended_processes |= tree

    # Outcomes

    def _settle(self, attempt: Attempt) -> None:
        """Its one outcome: what its worker said, or could only write down any more, or what we know."""
        del self._attempts[attempt.key]
        if count := len(attempt.ended_processes):
            self._note(attempt, f"processes that the run had left behind and that were ended: {count}")
        self._news += attempt.outcome or self._written(attempt) or self._concluded(attempt)

    def _note(self, attempt: Attempt, text: str) -> None:
        self._tell(Logged(*attempt.key, (LogLine(self._clock(), "warning", text),)))

    def _written(self, attempt: Attempt) -> bytes | None:
        with suppress(OSError):
            ended = self._spool.read(attempt.slot, attempt.key)
            return pack_report(ended) if ended else None
        return None

    def _concluded(self, attempt: Attempt) -> bytes:
        ending = attempt.ending or worker_lost(attempt.lost)
        outcome = pack_report(Ended(*attempt.key, self._clock(), ending.status, ending.reason, ending.error))
        with suppress(OSError):  # disk full or worse: the report alone has to do
            self._results.remove_attempt(attempt.job_id, *attempt.key)
            self._spool.write(attempt.slot, outcome, sync=False)
        return outcome
