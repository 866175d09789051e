"""A run's context without a server: files go to a directory, everything else is kept for the test to look at."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from app.core.job_types import JobError, RunCancelled
from app.core.statuses import FailureReason
from app.job_types.sql_export import JOB_TYPE
from app.job_types.sql_export.run import run

SCHEDULED_FOR = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)
DEFAULTS = {parameter.name: parameter.default for parameter in JOB_TYPE.parameters}


class FakeFile:
    """As the real one it is seen only when it is complete; ``before_write`` may raise or cancel."""

    def __init__(self, stream: Any, before_write: Callable[[int], None]) -> None:
        self.stream = stream
        self.rows: int | None = None
        self.columns: Sequence[str] | None = None
        self.csv: Mapping[str, Any] | None = None
        self.sizes: list[int] = []
        self._before_write = before_write

    def write(self, data: bytes | memoryview) -> object:
        self._before_write(len(self.sizes))
        self.sizes.append(len(data))
        return self.stream.write(data)

    def describe(
        self,
        *,
        rows: int | None = None,
        columns: Sequence[str] | None = None,
        csv: Mapping[str, Any] | None = None,
        types: Sequence[str | None] | None = None,
        same_name: str | None = None,
    ) -> None:
        self.csv = csv
        self.types = types
        self.same_name = same_name
        self.rows = rows if rows is not None else self.rows
        self.columns = columns if columns is not None else self.columns


class FakeContext:
    def __init__(self, directory: Path, url: str, query: str, **parameters: Any) -> None:
        self.run_id = 1
        self.job_name = "nightly flights"
        self.parameters: Mapping[str, Any] = {**DEFAULTS, "connection": "source", "query": query, **parameters}
        self.scheduled_for: datetime | None = SCHEDULED_FOR
        self.previous_success: datetime | None = None
        self.directory = directory
        self.files: dict[str, FakeFile] = {}
        self.logged: list[tuple[str, str]] = []
        self.progressed: list[dict[str, Any]] = []
        self.before_write: Callable[[int], None] = lambda written: None
        self.open_file: Callable[[Path], Any] = lambda path: path.open("wb")
        self._url = url
        self._cancelled = threading.Event()
        self._actions: list[Callable[[], None]] = []

    def connection(self, name: str) -> str:
        if name != "source":
            raise JobError(f"no connection named {name!r}", FailureReason.CONFIG)
        return self._url

    def log(self, message: str, level: str = "info") -> None:
        self.logged.append((level, message))

    def progress(self, **values: Any) -> None:
        self.progressed.append(values)

    def cancel(self) -> None:
        self._cancelled.set()
        for action in self._actions:
            action()

    def check_cancelled(self) -> None:
        if self._cancelled.is_set():
            raise RunCancelled

    @contextmanager
    def on_cancel(self, action: Callable[[], None]) -> Iterator[None]:
        self._actions.append(action)
        yield
        self._actions.remove(action)

    @contextmanager
    def result_file(self, name: str, *, media_type: str = "text/csv") -> Iterator[FakeFile]:
        part = self.directory / f"{name}.part"
        file = FakeFile(self.open_file(part), self.before_write)
        try:
            yield file
        except BaseException:
            with suppress(OSError):
                file.stream.close()
            part.unlink(missing_ok=True)
            raise
        file.stream.close()
        part.rename(self.directory / name)
        self.files[name] = file

    # What tests ask

    def run(self) -> bytes:
        """Run the export and give the bytes of its file."""
        run(self)
        (name,) = self.files
        return (self.directory / name).read_bytes()

    @property
    def file(self) -> FakeFile:
        (file,) = self.files.values()
        return file

    @property
    def left_files(self) -> list[str]:
        return sorted(path.name for path in self.directory.iterdir())
