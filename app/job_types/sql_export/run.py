"""One export, in the order in which it happens."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from app.core.job_types import JobContext, JobError, ResultWriter
from app.core.statuses import FailureReason
from app.job_types.sql_export import JOB_TYPE
from app.job_types.sql_export.binds import bind_values
from app.job_types.sql_export.compression import MEDIA_TYPES, SUFFIXES, Write, compressed
from app.job_types.sql_export.csv_text import CsvFormat, delimiter_of
from app.job_types.sql_export.databases import open_source
from app.job_types.sql_export.encoding import Encoded
from app.job_types.sql_export.file_names import Naming, result_name
from app.job_types.sql_export.source import Answer, Batch, Limits, Source, StartOverError

Parameters = Mapping[str, Any]


def run(context: JobContext) -> None:
    parameters = _parameters(context)
    url = context.connection(parameters["connection"])
    limits = Limits(statement_seconds=parameters["statementTimeoutSeconds"])
    context.progress(stage="connect")
    try:
        with open_source(url, limits) as source, context.on_cancel(source.cancel):
            _inspect(context, source)
            _write(context, parameters, _ask(context, parameters, source))
    except JobError:
        context.check_cancelled()  # an error that the cancel itself brought about is not the run's
        raise


def _parameters(context: JobContext) -> Parameters:
    """A job that was saved before a parameter existed has its default."""
    return {parameter.name: parameter.default for parameter in JOB_TYPE.parameters} | dict(context.parameters)


def _inspect(context: JobContext, source: Source) -> None:
    context.log(f"connected to {source.version()}")
    if source.is_carillon():
        raise JobError("this is a database of Carillon's own: it is not for export", FailureReason.CONFIG)
    for concern in source.concerns():
        context.log(concern, "warning")


def _ask(context: JobContext, parameters: Parameters, source: Source) -> Answer:
    values = bind_values(parameters["parameters"] or {}, context.scheduled_for, context.previous_success)
    context.check_cancelled()
    context.progress(stage="query")
    answer = source.ask(parameters["query"], values, CsvFormat.of(parameters))
    for note in answer.notes:
        context.log(note, "warning")
    return answer


def _write(context: JobContext, parameters: Parameters, answer: Answer) -> None:
    try:
        _write_result(context, parameters, answer)
    except StartOverError as again:
        context.log(f"starting over: {again}")
        _write_result(context, parameters, again.answer)


def _write_result(context: JobContext, parameters: Parameters, answer: Answer) -> None:
    """Look for a first row before there is a file: an empty result may be none, or an error."""
    batches = answer.batches()
    first: list[Batch] = []
    for batch in batches:
        first.append(batch)
        if batch.rows:
            break
    if _is_wanted(context, parameters, first):
        _write_file(context, parameters, answer, _chained(first, batches))


def _is_wanted(context: JobContext, parameters: Parameters, first: list[Batch]) -> bool:
    if any(batch.rows for batch in first) or parameters["emptyResult"] == "WRITE":
        return True
    if parameters["emptyResult"] == "FAIL":
        raise JobError("the query found no row, and this job wants at least one")
    context.log("the query found no row: no file is kept")
    return False


def _chained(first: list[Batch], rest: Iterator[Batch]) -> Iterator[Batch]:
    yield from first
    yield from rest


def _write_file(context: JobContext, parameters: Parameters, answer: Answer, batches: Iterator[Batch]) -> None:
    kind = parameters["compression"]
    naming = Naming(context.job_name, context.run_id, context.scheduled_for, parameters["parameters"] or {})
    name = result_name(parameters["filename"], naming, packed=SUFFIXES[kind])
    with context.result_file(name, media_type=MEDIA_TYPES.get(kind, "text/csv")) as file:
        with _writing(file, parameters) as write:
            rows = _copy(context, batches, write, parameters["maxRows"], answer.expected_rows)
        file.describe(rows=rows, columns=answer.columns, csv=_description(parameters))
    context.log(f"{rows} {'row' if rows == 1 else 'rows'} in {name}")


def _description(parameters: Parameters) -> dict[str, Any]:
    return {
        "delimiter": delimiter_of(parameters["delimiter"]),
        "encoding": parameters["encoding"],
        "compression": parameters["compression"],
        "guarded": parameters["formulaGuard"],
    }


@contextmanager
def _writing(file: ResultWriter, parameters: Parameters) -> Iterator[Write]:
    with compressed(file, parameters["compression"]) as write:
        encoding, mark = parameters["encoding"], parameters["byteOrderMark"]
        yield write if encoding == "UTF-8" and not mark else Encoded(write, encoding, mark=mark).write


def _copy(context: JobContext, batches: Iterator[Batch], write: Write, limit: int | None, expected: int | None) -> int:
    rows, started = 0, time.monotonic()
    for batch in batches:
        context.check_cancelled()
        rows += batch.rows
        _check_limit(rows, limit)
        write(batch.data)
        total = expected if expected is not None and rows <= expected else None  # it was too low: nobody knows
        rate = _rate(rows, time.monotonic() - started)
        context.progress(stage="export", rows=rows, rows_per_second=rate, total=total)
    return rows


def _check_limit(rows: int, limit: int | None) -> None:
    if limit is not None and rows > limit:
        raise JobError(f"the result has more than {limit} rows (maxRows): no file is kept", FailureReason.OUTPUT_LIMIT)


def _rate(rows: int, seconds: float) -> int:
    return round(rows / seconds) if seconds > 0 else 0
