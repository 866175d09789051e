"""One export, in the order in which it happens."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from itertools import chain
from typing import Any

from app.core.job_types import JobContext, JobError, ResultWriter
from app.core.statuses import FailureReason
from app.job_types.sql_export import JOB_TYPE
from app.job_types.sql_export.binds import bind_values
from app.job_types.sql_export.compression import compressed
from app.job_types.sql_export.csv_text import CsvFormat, delimiter_of
from app.job_types.sql_export.databases import open_source
from app.job_types.sql_export.encoding import Encoded
from app.job_types.sql_export.file_names import Naming
from app.job_types.sql_export.parquet import Kinds, WiderError
from app.job_types.sql_export.source import Answer, Batch, Limits, Source, StartOverError, TableAnswer
from app.job_types.sql_export.table_files import name_and_type, table_file

Parameters = Mapping[str, Any]


def run(context: JobContext) -> None:
    parameters = _parameters(context)
    url = context.connection(parameters["connection"])
    limits = Limits(statement_seconds=parameters["statementTimeoutSeconds"])
    context.progress(stage="connect")
    try:
        with open_source(url, limits) as source, context.on_cancel(source.cancel):
            _inspect(context, source)
            _write(context, parameters, source, _ask(context, parameters, source))
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
    answer = _answer(source, parameters, values)
    for note in answer.notes:
        context.log(note, "warning")
    return answer


def _answer(source: Source, parameters: Parameters, values: Mapping[str, Any]) -> Answer:
    if parameters["format"] == "CSV":
        return source.ask(parameters["query"], values, CsvFormat.of(parameters))
    return TableAnswer(source.table(parameters["query"], values))


def _write(context: JobContext, parameters: Parameters, source: Source, answer: Answer) -> None:
    """Write the file, from its begin once more when it turns out that it has to be another one."""
    kinds = None
    while True:
        try:
            return _write_result(context, parameters, answer, kinds)
        except StartOverError as again:
            context.log(f"starting over: {again}")
            answer = again.answer
        except WiderError as wider:
            context.log(f"starting over: {wider}")
            kinds, answer = wider.kinds, _ask(context, parameters, source)


def _write_result(context: JobContext, parameters: Parameters, answer: Answer, kinds: Sequence[Kinds] | None) -> None:
    """Look for a first row before there is a file: an empty result may be none, or an error."""
    with closing(answer.batches()) as batches:
        first: list[Batch] = []
        for batch in batches:
            first.append(batch)
            if batch.rows:
                break
        if _is_wanted(context, parameters, first):
            _write_file(context, parameters, answer, chain(first, batches), kinds)


def _is_wanted(context: JobContext, parameters: Parameters, first: list[Batch]) -> bool:
    if any(batch.rows for batch in first) or parameters["emptyResult"] == "WRITE":
        return True
    if parameters["emptyResult"] == "FAIL":
        raise JobError("the query found no row, and this job wants at least one")
    context.log("the query found no row: no file is kept")
    return False


def _write_file(
    context: JobContext,
    parameters: Parameters,
    answer: Answer,
    batches: Iterator[Batch],
    kinds: Sequence[Kinds] | None,
) -> None:
    naming = Naming(context.job_name, context.run_id, context.scheduled_for, parameters["parameters"] or {})
    name, media_type = name_and_type(parameters, naming)
    with context.result_file(name, media_type=media_type) as file:
        with _writing(file, parameters, answer.columns, kinds) as write:
            rows = _copy(context, batches, write, parameters["maxRows"], answer.expected_rows)
        types = answer.types or None
        file.describe(
            rows=rows, columns=answer.columns, csv=_description(parameters), types=types,
            same_name=parameters["sameName"],
        )  # fmt: skip
    context.log(f"{rows} {'row' if rows == 1 else 'rows'} in {name}")


def _description(parameters: Parameters) -> dict[str, Any] | None:
    """How a CSV file is written."""
    if parameters["format"] != "CSV":
        return None
    return {
        "delimiter": delimiter_of(parameters["delimiter"]),
        "encoding": parameters["encoding"],
        "compression": parameters["compression"],
        "guarded": parameters["formulaGuard"],
        "header": parameters["header"],
        "null_text": parameters["nullText"] or "",
        "quoting": parameters["quoting"],
        "line_ending": parameters["lineEnding"],
        "date_format": parameters["dateFormat"],
        "decimal_mark": parameters["decimalMark"],
    }


@contextmanager
def _writing(
    file: ResultWriter, parameters: Parameters, columns: Sequence[str], kinds: Sequence[Kinds] | None
) -> Iterator[Callable[[Any], object]]:
    """Give what takes the batches' data."""
    if parameters["format"] != "CSV":
        table = table_file(file.stream, columns, parameters, kinds)
        try:
            yield table.write
            table.finish()
        finally:
            table.end()
        return
    with compressed(file, parameters["compression"]) as write:
        encoding, mark = parameters["encoding"], parameters["byteOrderMark"]
        yield write if encoding == "UTF-8" and not mark else Encoded(write, encoding, mark=mark).write


def _copy(
    context: JobContext,
    batches: Iterator[Batch],
    write: Callable[[Any], object],
    limit: int | None,
    expected: int | None,
) -> int:
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
