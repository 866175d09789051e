"""``python -m app.job_types.sql_export.arrow.sqlite_reader``: a query of a SQLite file, as frames of CSV on stdout.

The request comes as one JSON document on stdin. One thread reads, the other writes: both work without the
interpreter's lock most of the time.
"""

import json
import queue
import resource
import sys
import threading
from collections.abc import Iterator
from typing import Any

import adbc_driver_manager
import adbc_driver_sqlite
import pyarrow as pa
import pyarrow.compute as pc

from app.job_types.sql_export.arrow.csv_columns import CsvColumns
from app.job_types.sql_export.arrow.frames import DATA, END, REFUSED, pack
from app.job_types.sql_export.csv_text import CsvFormat

MOST_MEMORY = 1 << 30  # bytes; a value that needs more ends this process, and the export starts over without it
AHEAD = 2  # batches
KINDS = {"integer": pa.int64(), "real": pa.float64(), "text": pa.string(), "null": pa.int64()}


class ChangedError(Exception):
    """A value does not fit what the first rows of its column were."""


def main() -> None:
    resource.setrlimit(resource.RLIMIT_DATA, (MOST_MEMORY, MOST_MEMORY))
    pa.set_cpu_count(1)
    request = json.load(sys.stdin)
    out = sys.stdout.buffer
    try:
        for rows, data in frames(request):
            out.write(pack(DATA, rows, len(data)))
            out.write(data)
        out.write(pack(END))
    except (ChangedError, pa.ArrowException, adbc_driver_manager.Error, OSError, MemoryError) as error:
        why = str(error).encode()
        out.write(pack(REFUSED, 0, len(why)) + why)
    out.flush()


def frames(request: dict[str, Any]) -> Iterator[tuple[int, memoryview]]:
    kinds = request["kinds"]
    encoder = CsvColumns(CsvFormat(**request["csv"]), len(kinds))
    for batch in _ahead(_batches(request)):
        *columns, changed = batch.columns
        if batch.schema.types[:-1] != [KINDS[kind] for kind in kinds] or pc.sum(changed).as_py():
            raise ChangedError("a column changes its type")
        yield batch.num_rows, encoder.encode(columns)


def _batches(request: dict[str, Any]) -> Iterator[pa.RecordBatch]:
    with (
        adbc_driver_sqlite.connect(request["uri"]) as database,
        adbc_driver_manager.AdbcConnection(database) as connection,
        adbc_driver_manager.AdbcStatement(connection) as statement,
    ):
        statement.set_options(**{adbc_driver_sqlite.StatementOptions.BATCH_ROWS.value: str(request["batch_rows"])})
        statement.set_sql_query(request["sql"])
        stream, _ = statement.execute_query()
        with pa.RecordBatchReader._import_from_c(stream.address) as reader:
            yield from reader


def _ahead(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The same batches, read by another thread. The process ends with the first error, so nobody has to stop it."""
    waiting: queue.Queue[pa.RecordBatch | Exception | None] = queue.Queue(AHEAD)

    def read() -> None:
        try:
            for batch in batches:
                waiting.put(batch)
            waiting.put(None)
        except Exception as error:
            waiting.put(error)

    threading.Thread(target=read, daemon=True).start()
    while (batch := waiting.get()) is not None:
        if isinstance(batch, Exception):
            raise batch
        yield batch


if __name__ == "__main__":
    main()
