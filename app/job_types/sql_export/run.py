"""One export, in the order in which it happens."""

import time

from app.core.job_types import JobContext, JobError
from app.core.statuses import FailureReason
from app.job_types.sql_export.binds import bind_values
from app.job_types.sql_export.compression import MEDIA_TYPES, SUFFIXES, Write, compressed
from app.job_types.sql_export.csv_text import CsvFormat
from app.job_types.sql_export.databases import open_source
from app.job_types.sql_export.file_names import result_name
from app.job_types.sql_export.source import Answer, Limits, Source, StartOverError


def run(context: JobContext) -> None:
    url = context.connection(context.parameters["connection"])
    limits = Limits(statement_seconds=context.parameters["statementTimeoutSeconds"])
    context.progress(stage="connect")
    try:
        with open_source(url, limits) as source, context.on_cancel(source.cancel):
            _inspect(context, source)
            _write(context, _ask(context, source))
    except JobError:
        context.check_cancelled()  # an error that the cancel itself brought about is not the run's
        raise


def _inspect(context: JobContext, source: Source) -> None:
    context.log(f"connected to {source.version()}")
    if source.is_carillon():
        raise JobError("this is a database of Carillon's own: it is not for export", FailureReason.CONFIG)
    for concern in source.concerns():
        context.log(concern, "warning")


def _ask(context: JobContext, source: Source) -> Answer:
    values = bind_values(context.parameters["parameters"] or {}, context.scheduled_for, context.previous_success)
    context.check_cancelled()
    context.progress(stage="query")
    answer = source.ask(context.parameters["query"], values, CsvFormat.of(context.parameters))
    for note in answer.notes:
        context.log(note, "warning")
    return answer


def _write(context: JobContext, answer: Answer) -> None:
    try:
        _write_file(context, answer)
    except StartOverError as again:
        context.log(f"starting over: {again}")
        _write_file(context, again.answer)


def _write_file(context: JobContext, answer: Answer) -> None:
    kind = context.parameters.get("compression") or "NONE"
    name = result_name(context.parameters["filename"], context.job_name, context.scheduled_for, SUFFIXES[kind])
    with context.result_file(name, media_type=MEDIA_TYPES.get(kind, "text/csv")) as file:
        with compressed(file, kind) as write:
            rows = _copy(context, answer, write)
        file.describe(rows=rows, columns=answer.columns)
    context.log(f"{rows} {'row' if rows == 1 else 'rows'} in {name}")


def _copy(context: JobContext, answer: Answer, write: Write) -> int:
    rows, started = 0, time.monotonic()
    for batch in answer.batches():
        context.check_cancelled()
        rows += batch.rows
        _check_limit(rows, context.parameters["maxRows"])
        write(batch.data)
        context.progress(stage="export", rows=rows, rows_per_second=_rate(rows, time.monotonic() - started))
    return rows


def _check_limit(rows: int, limit: int | None) -> None:
    if limit is not None and rows > limit:
        raise JobError(f"the result has more than {limit} rows (maxRows): no file is kept", FailureReason.OUTPUT_LIMIT)


def _rate(rows: int, seconds: float) -> int:
    return round(rows / seconds) if seconds > 0 else 0
