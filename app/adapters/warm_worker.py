"""A worker process: forked warm, runs one assignment after the other until it is ended."""

import os
import resource
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from types import FrameType
from typing import NoReturn

from app.adapters import process_tree
from app.adapters.messages import assignment_of, ending_of, pack, pack_report, unpack
from app.adapters.outbox import Outbox
from app.adapters.run_output import RunOutput
from app.adapters.spool import SYNC_AFTER, Spool
from app.core.execution import CancelFlag, Emit, Ending, RunContext
from app.core.job_types import RunCancelled
from app.core.ports import Assignment, Ended, Progressing, Report

Work = Callable[[Assignment, Emit, CancelFlag, Callable[[RunContext], AbstractContextManager[object]]], Ended]
"""``core.execution.execute`` with the installed job types and the result store."""

RETIRE_ABOVE = 512 * 1024  # KiB of peak memory: what a run has allocated once, Python seldom gives back
OOM_SCORE = b"500"  # when memory is short the kernel shall end a job, not the server
NICENESS = 5  # when the processors are short, the server and its clock get three times as much of them as a job
HOPELESS_AFTER = 5.0  # seconds


class WarmWorker:
    """``reports`` carries assignments in and reports out, ``control`` carries the wish that a run ends."""

    def __init__(self, reports: socket.socket, control: socket.socket, work: Work, spool: Spool) -> None:
        self._reports = reports
        self._control = control
        self._work = work
        self._spool = spool
        self._outbox = Outbox(self._say)
        self._output = RunOutput()
        self._lock = threading.Lock()
        self._attempt: tuple[int, str] | None = None
        self._cancelled = CancelFlag()
        self._asked_early: tuple[tuple[int, str], Ending] | None = None
        self._is_in_job = False
        self._was_interrupted = False
        self._home = os.getcwd()

    def live(self) -> NoReturn:
        """Needs the main thread: only there does Python deliver signals."""
        self._settle_in()
        self._outbox.start()
        threading.Thread(target=self._listen, name="control", daemon=True).start()
        self._own_threads = threading.active_count()
        self._reports.sendall(pack("ready"))
        for line in self._reports.makefile("rb", 64 * 1024):
            _, body = unpack(line)
            self._run(assignment_of(body), body["slot"])
        self._perish()

    def _settle_in(self) -> None:
        os.setsid()
        process_tree.become_subreaper()
        process_tree.be_called("carillon-worker")
        with suppress(OSError), open("/proc/self/oom_score_adj", "wb", buffering=0) as file:
            file.write(OOM_SCORE)
        process_tree.be_nice(NICENESS)
        signal.signal(signal.SIGTERM, self._interrupt)
        self._output.install()

    # A run, in the main thread

    def _run(self, assignment: Assignment, slot: int) -> None:
        cancelled = self._begin(assignment)
        self._outbox.begin(assignment)
        began = time.monotonic()
        ended = self._work(assignment, self._emit, cancelled, self._in_job)
        self._attempt = None
        self._outbox.flush()
        outcome = pack_report(ended)
        was_long = time.monotonic() - began > SYNC_AFTER
        with suppress(OSError):  # disk full: the report alone has to do
            self._spool.write(slot, outcome, sync=was_long or bool(ended.files))
        self._reports.sendall(outcome + pack("idle", self._remains(was_long)))

    def _begin(self, assignment: Assignment) -> CancelFlag:
        attempt = (assignment.run_id, assignment.token)
        with self._lock:
            self._attempt, self._cancelled, self._was_interrupted = attempt, CancelFlag(), False
            if self._asked_early and self._asked_early[0] == attempt:
                self._cancelled.set(self._asked_early[1])
            return self._cancelled

    def _emit(self, report: Report | Progressing) -> None:
        """While a message is on its way the job is not interrupted: half a line would spoil the next one."""
        if threading.current_thread() is not threading.main_thread():
            self._outbox.put(report)
            return
        was_in_job, self._is_in_job = self._is_in_job, False
        try:
            self._outbox.put(report)
        finally:
            self._is_in_job = was_in_job
        if was_in_job and self._was_interrupted:
            self._interrupt(signal.SIGTERM, None)

    @contextmanager
    def _in_job(self, context: RunContext) -> Iterator[None]:
        signal.signal(signal.SIGTERM, self._interrupt)  # each time, as the job before may have changed it
        os.umask(0o077)
        os.chdir(self._home)
        with self._output.of(context):
            self._is_in_job = True
            try:
                yield
            finally:
                self._is_in_job = False

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        """The warden's SIGTERM raises inside the job, so that its ``with`` blocks are left properly.

        One that nobody has asked for, sent by a service manager to the whole group, is for the server to answer.
        """
        if self._cancelled.ending is None:
            return
        self._was_interrupted = not self._is_in_job
        if self._is_in_job:
            raise RunCancelled(self._cancelled.ending.error)

    def _remains(self, was_long: bool) -> str | None:
        """Say what of the run is left in or below this process: with it no other run may begin here."""
        if _has_children():
            return "processes"
        if threading.active_count() > self._own_threads:
            return "threads"
        return "memory" if was_long and _peak_memory() > RETIRE_ABOVE else None

    def _say(self, reports: Sequence[Report]) -> None:
        self._reports.sendall(b"".join(map(_packed, reports)))

    # The wish that it ends, in a thread of its own

    def _listen(self) -> None:
        for line in self._control.makefile("rb"):
            _, body = unpack(line)
            self._stop((body["run_id"], body["token"]), ending_of(body))
        self._perish()

    def _stop(self, attempt: tuple[int, str], ending: Ending) -> None:
        with self._lock:
            self._asked_early = (attempt, ending)  # its assignment may still wait to be read
            cancelled = self._cancelled if attempt == self._attempt else None
        if cancelled:
            cancelled.set(ending)

    def _perish(self) -> NoReturn:
        """The warden is gone. Take everything along: nobody else may be left to do it.

        That is why there is no PR_SET_PDEATHSIG: it would kill us before, and leave what a job has started.
        """
        process_tree.end_all_below(hopeless_after=HOPELESS_AFTER)
        os._exit(1)


def _packed(report: Report) -> bytes:
    try:
        return pack_report(report)
    except (ValueError, TypeError, RecursionError) as error:  # a job's progress may hold what JSON cannot
        print(f"a report that cannot be sent: {error}", file=sys.__stderr__)
        return b""


def _peak_memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _has_children() -> bool:
    """Adopted ones included; one system call, as it is asked after each run. Dead ones are reaped."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    return True


def fork(work: Work, spool: Spool) -> tuple[int, socket.socket, socket.socket]:
    """Gives the pid and the other ends of ``reports`` and ``control``. To be called from a process with one thread."""
    reports_here, reports_there = socket.socketpair()
    control_here, control_there = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        try:
            _leave_the_warden(keep={reports_there.fileno(), control_there.fileno()})
            WarmWorker(reports_there, control_there, work, spool).live()
        finally:
            os._exit(70)
    reports_there.close()
    control_there.close()
    return pid, reports_here, control_here


def _leave_the_warden(keep: set[int]) -> None:
    """Drop what fork has brought along: the warden's handlers, its connections to the server and to other workers."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2 and int(name) not in keep:
            with suppress(OSError):
                os.close(int(name))
