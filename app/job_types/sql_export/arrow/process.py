"""The process that reads with Arrow, as the export sees it."""

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict
from io import FileIO
from pathlib import Path
from typing import cast

from app.job_types.sql_export.arrow import frames
from app.job_types.sql_export.csv_text import CsvFormat
from app.job_types.sql_export.source import Batch

BATCH_BYTES = 1 << 20
MOST_ROWS = 16_384
PIPE_BYTES = 1 << 20
_READER = "app.job_types.sql_export.arrow.sqlite_reader"
_ROOT = Path(__file__).parents[4]


class ReaderError(Exception):
    """The reader cannot go on; its words are for the log."""


class Reader:
    """A reader's process. ``kill`` may be called from another thread, whatever it is doing."""

    def __init__(self, uri: str, sql: str, kinds: Sequence[str], csv: CsvFormat, row_bytes: int) -> None:
        rows = min(max(BATCH_BYTES // max(row_bytes, 1), 1), MOST_ROWS)
        request = {"uri": uri, "sql": sql, "kinds": list(kinds), "csv": asdict(csv), "batch_rows": rows}
        search = os.pathsep.join(filter(None, [str(_ROOT), os.environ.get("PYTHONPATH")]))
        self._process = subprocess.Popen(
            [sys.executable, "-m", _READER], bufsize=0, pipesize=PIPE_BYTES,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": search},
        )  # fmt: skip
        self._stdout = cast(FileIO, self._process.stdout)
        with suppress(BrokenPipeError), cast(FileIO, self._process.stdin) as stdin:
            stdin.write(json.dumps(request).encode())

    def batches(self, deadline: float) -> Iterator[Batch]:
        """Raises ``ReaderError``, and ``TimeoutError`` at the deadline (monotonic)."""
        while True:
            if not select.select([self._stdout], [], [], max(deadline - time.monotonic(), 0))[0]:
                raise TimeoutError
            match frames.read(self._stdout):
                case (frames.DATA, rows, data):
                    yield Batch(rows, memoryview(data))
                case (frames.END, _, _):
                    return
                case (_, _, why):
                    raise ReaderError(bytes(why).decode(errors="replace"))
                case None:
                    raise ReaderError(f"it ended with {self._process.wait()}")

    def kill(self) -> None:
        self._process.kill()

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        self._stdout.close()
