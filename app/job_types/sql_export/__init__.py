"""The job type SQL_EXPORT: a query on schedule, its result as a CSV file."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from app.core.job_types import JobType, Parameter
from app.job_types.sql_export.arguments import argument_names, arguments
from app.job_types.sql_export.encoding import CHOICES as ENCODINGS
from app.job_types.sql_export.file_names import Naming, tells_runs_apart
from app.job_types.sql_export.problems import problems
from app.job_types.sql_export.table_files import name_and_type

__all__ = ["JOB_TYPE"]

SOME_RUN = 1234  # the number of a run in examples
AGAIN = {
    "KEEP": ", whichever run it is of",
    "NUMBER": ", the next runs with (2), (3) before the ending",
    "REPLACE": ", until the next run replaces it",
    "FAIL": ", once: the next run fails",
}
THE_FILE = "The file: name, format, compression"


def _connections(parameters: Mapping[str, Any]) -> Sequence[str]:
    return [parameters["connection"]]


def _examples(parameters: Mapping[str, Any], job_name: str, scheduled_for: datetime) -> Mapping[str, str]:
    naming = Naming(job_name, SOME_RUN, scheduled_for, parameters["parameters"] or {})
    name, _ = name_and_type(parameters, naming)
    return {"filename": name if tells_runs_apart(parameters["filename"]) else f"{name}{AGAIN[parameters['sameName']]}"}


JOB_TYPE = JobType(
    name="SQL_EXPORT",
    label="SQL export",
    description="Runs a query and keeps its result as a file: CSV, Excel or Parquet.",
    function="app.job_types.sql_export.run:run",
    makes_files=True,
    problems=problems,
    connections=_connections,
    argument_names=argument_names,
    arguments=arguments,
    examples=_examples,
    parameters=[
        Parameter(
            "connection", "connection", "Connection", required=True, help="The database to read from, by its name."
        ),
        Parameter(
            "query",
            "sql",
            "Query",
            required=True,
            help="One SELECT, WITH, VALUES or TABLE statement. Values come in by name: :since. Always there:"
            " :scheduled_for, the moment that the run stands for, and :previous_success, that of the newest run that"
            " succeeded (NULL before the first); both in UTC.",
        ),
        Parameter(
            "parameters",
            "object",
            "Values",
            default={},
            help='Default values for the binds of the query: {"since": "2026-01-01", "limit": 100}.'
            " Texts, numbers, true, false or null.",
        ),
        Parameter(
            "filename",
            "text",
            "File name",
            default="",
            help="As flights-{date}.csv. In braces: date, time, year, month, day, hour, minute, week, moment (of the"
            " moment that the run stands for, in UTC), job, run, and :since for the value of a bind. Empty: the job's"
            " name and the moment, as nightly-flights-20260701T0300Z.csv. Unsafe characters become _.",
            section=THE_FILE,
        ),
        Parameter(
            "sameName",
            "choice",
            "When there is a result of that name",
            default="KEEP",
            choices=[
                ("KEEP", "Keep both"),
                ("NUMBER", "Number the new one: flights (2).csv"),
                ("REPLACE", "Replace the earlier one, unless it is pinned"),
                ("FAIL", "Fail the run, and keep the earlier one"),
            ],
            help="Of the same job. A result that its contract holds replaces none.",
            section=THE_FILE,
        ),
        Parameter(
            "format",
            "choice",
            "Format",
            default="CSV",
            choices=[("CSV", "CSV"), ("XLSX", "Excel workbook (XLSX)"), ("PARQUET", "Parquet")],
            help="A workbook is for small results: 1,048,575 rows at most. Delimiter, quotes, text for NULL, line"
            " ending, decimal mark and encoding are for CSV.",
            section=THE_FILE,
        ),
        Parameter(
            "emptyResult",
            "choice",
            "When no row is found",
            default="WRITE",
            choices=[
                ("WRITE", "Keep a file with the header alone"),
                ("SKIP", "Succeed without a file"),
                ("FAIL", "Fail the run"),
            ],
            section=THE_FILE,
        ),
        Parameter(
            "compression",
            "choice",
            "Compression",
            default="NONE",
            choices=[("NONE", "None"), ("GZIP", "gzip (.gz)"), ("ZSTD", "Zstandard (.zst)")],
            help="While writing. Zstandard is smaller and faster, gzip is known everywhere.",
            section=THE_FILE,
        ),
        Parameter(
            "header",
            "boolean",
            "Header line",
            default=True,
            help="The names of the columns as the first line.",
            section=THE_FILE,
        ),
        Parameter(
            "headerNames",
            "object",
            "Names in the header",
            default={},
            help='Other names than those of the columns: {"org_unit": "Facility"}.',
            section=THE_FILE,
        ),
        Parameter(
            "delimiter", "text", "Delimiter", default=",", help="One character, or the word tab.", section=THE_FILE
        ),
        Parameter(
            "quoting",
            "choice",
            "Quotes",
            default="NEEDED",
            choices=[("NEEDED", "Only where they are needed"), ("ALL", "Around every value but NULL")],
            section=THE_FILE,
        ),
        Parameter(
            "nullText",
            "text",
            "Text for NULL",
            default="",
            help='Written without quotes; an empty text becomes "".',
            section=THE_FILE,
        ),
        Parameter(
            "lineEnding",
            "choice",
            "Line ending",
            default="LF",
            choices=[("LF", "LF (Unix)"), ("CRLF", "CRLF (Windows, RFC 4180)")],
            section=THE_FILE,
        ),
        Parameter(
            "dateFormat",
            "choice",
            "Dates",
            default="ISO",
            choices=[
                ("ISO", "2026-12-31 (ISO 8601)"),
                ("DMY_DOTS", "31.12.2026"),
                ("DMY_SLASHES", "31/12/2026"),
                ("MDY_SLASHES", "12/31/2026"),
            ],
            help="Of columns that the database has as dates or moments. SQLite has texts, which stay as they are.",
            section=THE_FILE,
        ),
        Parameter(
            "decimalMark",
            "choice",
            "Decimal mark",
            default="POINT",
            choices=[("POINT", "1.5 (point)"), ("COMMA", "1,5 (comma)")],
            section=THE_FILE,
        ),
        Parameter("encoding", "choice", "Encoding", default="UTF-8", choices=ENCODINGS, section=THE_FILE),
        Parameter(
            "byteOrderMark",
            "boolean",
            "Byte order mark",
            default=False,
            help="Three bytes at the begin of a UTF-8 file by which Excel knows its encoding.",
            section=THE_FILE,
        ),
        Parameter(
            "formulaGuard",
            "boolean",
            "Guard against formulas",
            default=False,
            help="Puts ' before texts that a spreadsheet would take for a formula (they begin with = + - @). It changes"
            " the data. Downloads from these pages are guarded anyway; this guards the file itself.",
            section=THE_FILE,
        ),
        Parameter(
            "maxRows",
            "integer",
            "Most rows allowed",
            minimum=1,
            help="A result with more rows fails the run, and no file is kept: half a result looks like a whole one."
            " To take only the first rows, write LIMIT in the query.",
        ),
        Parameter(
            "statementTimeoutSeconds",
            "integer",
            "Time limit of the query, in seconds",
            default=3600,
            minimum=1,
            maximum=604800,
            help="The database stops the query after this time, and the run fails.",
        ),
    ],
)
