"""Run one assignment: give the job its context, call it, and say how it ended.

Every executor calls ``execute``, in whatever process or thread. Nothing in here knows a database or a framework.
"""

import errno
import re
import threading
import traceback
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import Any, BinaryIO, Protocol
from urllib.parse import parse_qsl, quote, quote_plus, unquote, urlsplit

from app.core.error_text import ERROR_LIMIT, one_line, storable
from app.core.errors import NotFoundError
from app.core.job_types import JobContext, JobError, JobTypes, ResultWriter, RunCancelled
from app.core.ports import Assignment, Clock, Ended, Logged, LogLine, MadeFile, Progressed, Progressing, Report
from app.core.progress import ProgressTree
from app.core.stages import Progress
from app.core.statuses import FailureReason, RunStatus

Emit = Callable[[Report | Progressing], None]

LINE_LIMIT = 8192  # characters of one log line; a job that prints a whole file must not fill the history with it
NO_SPACE = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True)
class Ending:
    """How a run ends, or, when given from outside, how it shall end."""

    status: RunStatus
    reason: FailureReason | None = None
    error: str | None = None


SUCCEEDED = Ending(RunStatus.SUCCEEDED)
CANCELLED = Ending(RunStatus.CANCELLED, None, "the run was cancelled")
SHUTDOWN = Ending(RunStatus.INTERRUPTED, FailureReason.SHUTDOWN, "the server was stopped before the run had ended")
SERVER_LOST = Ending(RunStatus.INTERRUPTED, FailureReason.SERVER_LOST, "the server ended while the run was going on")


def timed_out(limit_seconds: float) -> Ending:
    return Ending(RunStatus.FAILED, FailureReason.TIMEOUT, f"the time limit of {limit_seconds:g} s was exceeded")


def worker_lost(what: str) -> Ending:
    return Ending(RunStatus.INTERRUPTED, FailureReason.WORKER_LOST, what)


class ResultFiles(Protocol):
    """Where an attempt's result files go."""

    def create(
        self, assignment: Assignment, number: int, name: str, media_type: str
    ) -> AbstractContextManager["MakingFile"]: ...

    def open(self, path: str) -> "OpenFile":
        """Raises ``NotFoundError``."""

    def scratch(self) -> BinaryIO:
        """Open a file without a name, for reading and writing."""

    def remove(self, files: Sequence[MadeFile]) -> None:
        """Take files of a run that did not succeed away; those that are gone already are no error."""


class OpenFile(Protocol):
    @property
    def stream(self) -> BinaryIO: ...


class MakingFile(ResultWriter, Protocol):
    def made(self) -> MadeFile:
        """Say what was made; only after the ``with`` block has ended without an exception."""


class CancelFlag:
    """Tells a running job that it shall end, and how its end will be called."""

    def __init__(self) -> None:
        self.ending: Ending | None = None
        self._actions: list[Callable[[], None]] = []
        # Held while actions run: ``during`` must not give a connection back that an action is just about to cancel.
        self._lock = threading.RLock()

    def set(self, ending: Ending) -> None:
        """Ask for the end; only the first asking counts. Called from another thread than the job's."""
        with self._lock:
            if self.ending is not None:
                return
            self.ending = ending
            for action in self._actions:
                action()

    def check(self) -> None:
        if self.ending is not None:
            raise RunCancelled(self.ending.error)

    @contextmanager
    def during(self, action: Callable[[], None]) -> Iterator[None]:
        with self._lock:
            self.check()
            self._actions.append(action)
        try:
            yield
        finally:
            with self._lock:
                self._actions.remove(action)


class Mask:
    """Takes the passwords of a run's connections out of what it says: drivers like to quote them in their errors."""

    def __init__(self, urls: Iterable[str]) -> None:
        patterns = {pattern for url in urls for pattern in _patterns_of_secrets(url)}
        self._pattern = re.compile("|".join(sorted(patterns, key=len, reverse=True))) if patterns else None

    def __call__(self, text: str) -> str:
        return self._pattern.sub("***", text) if self._pattern else text


_SECRET_OPTIONS = ("password", "passwd", "sslpassword", "token")


def _patterns_of_secrets(url: str) -> Iterator[str]:
    """All ways in which they may be written: a driver may quote the URL, or the password alone."""
    try:
        parts = urlsplit(url)
        password = unquote(parts.password or "")
    except ValueError:
        yield re.escape(url)
        return
    options = [value for key, value in parse_qsl(parts.query) if key.lower() in _SECRET_OPTIONS]
    for secret in filter(None, [password, *options]):
        spellings = (secret, quote(secret, safe=""), quote_plus(secret), b64encode(secret.encode()).decode())
        if len(secret) >= 4:
            yield from map(re.escape, spellings)
        else:  # anywhere else it would blacken half of every log
            yield from (f"(?<=[:=]){re.escape(spelling)}(?=@|&|$)" for spelling in spellings)


class RunContext:
    """The ``JobContext`` of a real run."""

    def __init__(
        self, assignment: Assignment, *, emit: Emit, results: ResultFiles, clock: Clock, cancelled: CancelFlag
    ) -> None:
        self.run_id = assignment.run_id
        self.job_id = assignment.job_id
        self.job_name = assignment.job_name
        self.fire_id = assignment.fire_id
        self.attempt = assignment.attempt
        self.job_type = assignment.job_type
        self.parameters: Mapping[str, Any] = assignment.parameters
        self.scheduled_for = assignment.scheduled_for
        self.previous_success = assignment.previous_success
        self.attempt = assignment.attempt
        self.mask = Mask(assignment.connections.values())
        self.files: list[MadeFile] = []
        self._assignment = assignment
        self._emit = emit
        self._results = results
        self._clock = clock
        self._cancelled = cancelled
        clean = lambda text, limit: storable(self.mask(text), limit)  # noqa: E731
        self._tree = ProgressTree(assignment.job_name, clock, clean, self._tell_progress)
        self._progress = Progress(self._tree, cancelled)
        self.process = self._progress.process
        self.stage = self._progress.stage
        self._opened_files = 0

    def connection(self, name: str) -> str:
        try:
            return self._assignment.connections[name]
        except KeyError:
            raise JobError(f"there is no connection {name!r}", FailureReason.CONFIG) from None

    def setting(self, name: str) -> str:
        return self._assignment.settings.get(name, "")

    def log(self, message: str, level: str = "info") -> None:
        line = LogLine(self._clock(), level, storable(self.mask(str(message)), LINE_LIMIT))
        self._emit(Logged(self.run_id, self._assignment.token, (line,)))

    def add_error(self, code: str, *, object_id: str = "", kind: str = "", arguments: Sequence[object] = ()) -> None:
        self._tree.add_error(code, object_id, kind, arguments)

    def progress(self, **values: Any) -> None:
        self._tree.tell(values)

    def _tell_progress(self) -> None:
        self._emit(Progressing(self._read_progress))

    def _read_progress(self) -> Progressed:
        return Progressed(self.run_id, self._assignment.token, self._clock(), self._tree.read())

    def close_progress(self, ending: Ending, error: BaseException | None) -> None:
        """What the job has left open ends as its run does."""
        if ending.status is RunStatus.SUCCEEDED:
            self._tree.end()
        else:
            self._progress.abort(error or JobError(ending.error or ending.status))

    def check_cancelled(self) -> None:
        self._cancelled.check()

    def on_cancel(self, action: Callable[[], None]) -> AbstractContextManager[None]:
        return self._cancelled.during(lambda: self._try(action))

    def _try(self, action: Callable[[], None]) -> None:
        try:
            action()
        except Exception:
            self.log(f"an action for the cancellation failed\n{traceback.format_exc()}", "warning")

    @contextmanager
    def result_file(self, name: str, *, media_type: str = "text/csv") -> Iterator[ResultWriter]:
        self._opened_files += 1
        with self._results.create(self._assignment, self._opened_files, name, media_type) as writer:
            yield writer
        self.files.append(writer.made())

    def open_result(self, path: str) -> BinaryIO:
        try:
            return self._results.open(path).stream
        except NotFoundError:
            raise JobError("a result file that was to be read is gone", FailureReason.CONFIG) from None

    def scratch_file(self) -> BinaryIO:
        return self._results.scratch()

    def look_for_repeats(self, key: Sequence[str]) -> None:
        """See whether a key of the files is unique in each of them; only of CSV files, which can be read again."""
        for number, file in enumerate(self.files if key else ()):
            if file.csv is not None and set(key) <= set(file.columns or ()):
                self.progress(stage="look at the key")
                self.files[number] = replace(file, repeated=self._repeats(file, key))

    def _repeats(self, file: MadeFile, key: Sequence[str]) -> dict[str, Any]:
        from app.core.rows.looks import repeated  # here: only runs that have a key read their files again

        return repeated(file, key, lambda: self.open_result(file.path), self.scratch_file, self.check_cancelled)

    def remove_files(self) -> None:
        """They are given with success only."""
        try:
            self._results.remove(self.files)
        except OSError as error:
            self.log(f"files of this run cannot be removed: {one_line(error)}", "warning")
        self.files.clear()


def execute(
    assignment: Assignment,
    job_types: JobTypes,
    *,
    emit: Emit,
    results: ResultFiles,
    clock: Clock,
    cancelled: CancelFlag,
    around: Callable[[RunContext], AbstractContextManager[object]] = nullcontext,
) -> Ended:
    """Run the job and say how it ended; never raises. ``around`` is entered for the time of the job's own code."""
    context = RunContext(assignment, emit=emit, results=results, clock=clock, cancelled=cancelled)
    raised: BaseException | None = None
    try:
        cancelled.check()
        function = _load(job_types, assignment.job_type, context)
        with around(context):
            function(context)
        context.look_for_repeats(assignment.unique_key)
        ending = _ending_of_success(cancelled)
    except BaseException as error:  # a job may raise anything, SystemExit too: its worker has to live on
        raised, ending = error, _ending_of(error, context, cancelled)
    context.close_progress(ending, raised)
    if ending.status is not RunStatus.SUCCEEDED:
        context.remove_files()
    return ended(assignment, ending, clock, tuple(context.files))


def ended(assignment: Assignment, ending: Ending, clock: Clock, files: Sequence[MadeFile] = ()) -> Ended:
    return Ended(assignment.run_id, assignment.token, clock(), ending.status, ending.reason, ending.error, files)


def _load(job_types: JobTypes, name: str, context: RunContext) -> Callable[[JobContext], None]:
    try:
        return job_types.get(name).load()
    except NotFoundError as error:
        raise JobError(error.message, FailureReason.CONFIG) from None
    except Exception as error:
        context.log(traceback.format_exc(), "error")
        raise JobError(f"job type {name!r} cannot be loaded: {one_line(error)}", FailureReason.CONFIG) from error


def _ending_of_success(cancelled: CancelFlag) -> Ending:
    """A run that got to its end before it noticed a cancellation has succeeded; one that exceeded its time has not."""
    asked = cancelled.ending
    return asked if asked is not None and asked.reason is FailureReason.TIMEOUT else SUCCEEDED


def _ending_of(error: BaseException, context: RunContext, cancelled: CancelFlag) -> Ending:
    if isinstance(error, SystemExit) and not error.code:
        return _ending_of_success(cancelled)
    ending = _ending_of_failure(error)
    if ending.reason is FailureReason.EXCEPTION and not isinstance(error, JobError | RunCancelled):
        context.log("".join(traceback.format_exception(error)).rstrip()[-LINE_LIMIT:], "error")  # the end says most
    # A database's answer to its own cancel is an error like any other: what is raised after the asking is its effect.
    ending = cancelled.ending or ending
    return replace(ending, error=storable(context.mask(ending.error or ""), ERROR_LIMIT))


def _ending_of_failure(error: BaseException) -> Ending:
    match error:
        case JobError():
            return Ending(RunStatus.FAILED, error.reason, str(error))
        case SystemExit():
            return Ending(RunStatus.FAILED, FailureReason.EXIT, f"the job ended with exit code {error.code}")
        case OSError() if error.errno in NO_SPACE:
            return Ending(RunStatus.FAILED, FailureReason.DISK_FULL, f"no space left on the disk: {one_line(error)}")
        case _:
            return Ending(RunStatus.FAILED, FailureReason.EXCEPTION, one_line(error))
