"""What a job type is, and the registry of those that are installed.

This module is imported by every worker process: it must stay free of SQLAlchemy and of every framework.
"""

import importlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, Protocol, TypeVar, overload

from app.core.errors import FieldError, InvalidError, NotFoundError
from app.core.statuses import FailureReason, TriggerKind

if TYPE_CHECKING:
    from app.core.progress import FailurePolicy, Summary
    from app.core.stages import Process, Stage

T = TypeVar("T")

ENTRY_POINT_GROUP = "carillon.job_types"

Kind = Literal["text", "sql", "integer", "boolean", "choice", "list", "object", "connection"]


class JobError(Exception):
    """A job's own way to fail: the message is shown to people, the reason is from the closed list."""

    def __init__(self, message: str, reason: FailureReason = FailureReason.EXCEPTION) -> None:
        super().__init__(message)
        self.reason = reason


class RunCancelled(Exception):  # noqa: N818 - it is no error: it ends a run that somebody cancelled
    """Raised inside a job at the next safe point after its run was cancelled."""


class ResultWriter(Protocol):
    """An unfinished result file. It becomes visible only when its ``with`` block ends without an exception."""

    stream: BinaryIO

    def write(self, data: bytes | memoryview) -> object:
        """Append bytes; counts and hashes them. Raises ``JobError`` with DISK_FULL when there is no room."""

    def describe(
        self,
        *,
        rows: int | None = None,
        columns: Sequence[str] | None = None,
        csv: Mapping[str, Any] | None = None,
        types: Sequence[str | None] | None = None,
        same_name: str | None = None,
    ) -> None:
        """Record what the file holds; may be called more than once, the last values count.

        ``same_name`` says what becomes of it when the job has a result of that name: a ``SameName``.
        ``types`` are those of the columns, in the words of where they come from; ``None`` for one that is not known.

        ``csv`` says of a CSV file how it is written: ``delimiter``, ``encoding``, ``compression`` (NONE, GZIP, ZSTD)
        and ``guarded``, whether its cells are guarded against formulas already; and what else
        ``app.core.rows.dialect.Dialect`` has, where it is not as there.
        """


class JobContext(Protocol):
    """What a running job sees of Carillon. Testable with a fake; needs no database."""

    run_id: int
    job_id: int
    job_name: str
    fire_id: int
    """The same in all attempts of a run: what is asked of others once can carry it."""
    job_type: str
    parameters: Mapping[str, Any]
    scheduled_for: datetime | None
    """The moment the run stands for, aware UTC; for a run by hand, the moment it was asked for."""
    attempt: int
    """Which try of the run this is, from 1."""
    previous_success: datetime | None
    """``scheduled_for`` of the job's newest successful run, aware UTC; ``None`` before the first."""

    def connection(self, name: str) -> str:
        """Give the database URL, password included. Raises ``JobError`` (CONFIG) when there is none of that name."""

    def setting(self, name: str) -> str:
        """What the administrator has set for job types that declare it in ``settings``; empty where nothing is."""

    def log(self, message: str, level: str = "info") -> None: ...

    def process(self, description: str) -> "AbstractContextManager[Process]":
        """While the block runs, stages belong to this process. A job that names none has one with its own name."""

    @overload
    def stage(
        self,
        description: str,
        *,
        on_failure: "FailurePolicy | str" = ...,
        total: int | None = ...,
        summary: "Summary | None" = ...,
    ) -> "Stage[None]": ...

    @overload
    def stage(
        self,
        description: str,
        items: Iterable[T],
        *,
        on_failure: "FailurePolicy | str" = ...,
        total: int | None = ...,
        describe: Callable[[T], object] | None = ...,
        summary: "Summary | None" = ...,
    ) -> "Stage[T]":
        """Begin the next step of the process; ``app.core.stages`` says how its items are run.

        ``total`` is for items that do not know their number. Raises ``RunCancelled``, also between two items, and
        ``JobError`` once a failure has aborted the process.
        """

    def add_error(self, code: str, *, object_id: str = "", kind: str = "", arguments: Sequence[object] = ()) -> None:
        """Note what is wrong with one of the objects that are worked on. The run goes on."""

    def progress(self, **values: Any) -> None:
        """Report the newest ``stage``, ``rows``, ``rows_per_second``, ``total``. Cheap: sent at most once a second."""

    def check_cancelled(self) -> None:
        """Raise ``RunCancelled`` if the run was cancelled."""

    def on_cancel(self, action: Callable[[], None]) -> AbstractContextManager[None]:
        """While the block runs, call ``action`` (from another thread) as soon as the run is cancelled."""

    def result_file(self, name: str, *, media_type: str = "text/csv") -> AbstractContextManager[ResultWriter]: ...

    def open_result(self, path: str) -> AbstractContextManager[BinaryIO]:
        """Open a complete result file of any run. Raises ``JobError`` when it is gone."""

    def scratch_file(self) -> BinaryIO:
        """A file for what does not fit into memory. Nobody sees it, and it goes with the process at the latest."""


@dataclass(frozen=True)
class Parameter:
    """One parameter of a job type; forms, API schemas and checks all come from it."""

    name: str
    kind: Kind
    label: str
    help: str = ""
    default: Any = None
    required: bool = False
    choices: Sequence[tuple[str, str]] = ()  # (value, label)
    minimum: int | None = None
    maximum: int | None = None
    aliases: Sequence[str] = ()
    """Other names under which clients send it; they count only where its own name is absent."""
    section: str = ""
    """The fold of the form that it waits in, by its title; empty: among the main fields or under "More options"."""


def _no_problems(parameters: Mapping[str, Any]) -> Iterable[FieldError]:
    return ()


def _no_connections(parameters: Mapping[str, Any]) -> Sequence[str]:
    return ()


def _no_argument_names(parameters: Mapping[str, Any]) -> Sequence[str]:
    return ()


def _no_examples(parameters: Mapping[str, Any], job_name: str, scheduled_for: datetime) -> Mapping[str, str]:
    return {}


def _no_arguments(parameters: Mapping[str, Any], words: Sequence[str]) -> dict[str, Any]:
    raise InvalidError.of("args", "jobs of this type take no arguments")


@dataclass(frozen=True)
class SystemJob:
    """The one job of its type, made by Carillon itself: only its schedule can be edited."""

    uid: str
    name: str
    expression: str = ""
    """A cron expression; ``{second}``, ``{minute}`` and ``{hour}`` (3 to 5) are drawn when the job is made."""
    delay_seconds: int | None = None
    is_made_on_demand: bool = False
    """It has no schedule, and is made when it is needed first."""


@dataclass(frozen=True)
class JobType:
    """A plug-in. ``function`` is ``module:name`` and is imported in the worker only."""

    name: str  # upper case, for example SQL_EXPORT
    label: str
    description: str
    function: str
    parameters: Sequence[Parameter] = ()
    problems: Callable[[Mapping[str, Any]], Iterable[FieldError]] = field(default=_no_problems)
    """Checks of the type's own, on coerced parameters; fields are named without the ``parameters.`` prefix."""
    connections: Callable[[Mapping[str, Any]], Sequence[str]] = field(default=_no_connections)
    """The names of the connections that a run with these parameters needs."""
    makes_files: bool = False
    settings: Sequence[str] = ()
    """The administrator's settings that a run may see."""
    argument_names: Callable[[Mapping[str, Any]], Sequence[str]] = field(default=_no_argument_names)
    """What a run with these parameters can be given by position, in order, for people to read."""
    arguments: Callable[[Mapping[str, Any], Sequence[str]], dict[str, Any]] = field(default=_no_arguments)
    """Turn words given by position into the parameters that they replace for one run. Raises ``InvalidError``."""
    examples: Callable[[Mapping[str, Any], str, datetime], Mapping[str, str]] = field(default=_no_examples)
    """What some parameters will give, by their names, for a job of this name and a moment: shown while they are typed.
    The parameters are as far as they can be read; those that cannot have their defaults."""
    family: str = ""
    """Types of one family are shown together under its name, after those without one."""
    one_at_a_time: bool = False
    """Whether only one run of the type may go on at a time, whichever of its jobs it is of."""
    system: SystemJob | None = None
    """Set where people cannot make jobs of the type."""
    usual_trigger: TriggerKind = TriggerKind.CRON
    """What a job of the type is expected to have, where somebody has to be told that a schedule is missing."""

    def coerce(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Give all parameters with their types and defaults; unknown ones are dropped. Raises ``InvalidError``."""
        from app.core.parameters import coerce  # here, so that workers do not load it

        return coerce(self, given)

    def load(self) -> Callable[[JobContext], None]:
        module, _, name = self.function.partition(":")
        loaded: Callable[[JobContext], None] = getattr(importlib.import_module(module), name)
        return loaded


class JobTypes:
    """The installed job types by name."""

    def __init__(self, types: Iterable[JobType]) -> None:
        self._by_name = {job_type.name: job_type for job_type in types}

    @classmethod
    def installed(cls) -> "JobTypes":
        """Those of every entry point: one type, or several in the order in which people shall see them."""
        points = sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda point: point.name)
        return cls(job_type for point in points for job_type in _several(point.load()))

    def __iter__(self) -> Iterator[JobType]:
        return iter(self._by_name.values())

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    def for_people(self) -> Sequence[JobType]:
        """Those of which people can make jobs."""
        return [job_type for job_type in self if job_type.system is None]

    def get(self, name: str) -> JobType:
        """Raises ``NotFoundError``."""
        if name not in self._by_name:
            raise NotFoundError(f"no job type {name!r}; there are: {', '.join(self._by_name)}")
        return self._by_name[name]


def _several(loaded: JobType | Iterable[JobType]) -> Iterable[JobType]:
    return (loaded,) if isinstance(loaded, JobType) else loaded
