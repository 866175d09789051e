"""The job type SQL_EXPORT: a query on schedule, its result as a CSV file."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.core.job_types import JobType, Parameter
from app.job_types.sql_export.arguments import argument_names, arguments
from app.job_types.sql_export.problems import problems

__all__ = ["JOB_TYPE"]


def _connections(parameters: Mapping[str, Any]) -> Sequence[str]:
    return [parameters["connection"]]


JOB_TYPE = JobType(
    name="SQL_EXPORT",
    label="SQL export",
    description="Runs a query and keeps its result as a CSV file.",
    function="app.job_types.sql_export.run:run",
    makes_files=True,
    problems=problems,
    connections=_connections,
    argument_names=argument_names,
    arguments=arguments,
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
            help="Empty: the job's name and the scheduled moment in UTC, as nightly-flights-20260701T0300Z.csv."
            " Characters that are unsafe in file names become _; without a suffix .csv is added.",
        ),
        Parameter("delimiter", "text", "Delimiter", default=",", help="One character, or the word tab."),
        Parameter("header", "boolean", "Header line", default=True, help="The names of the columns as the first line."),
        Parameter(
            "nullText",
            "text",
            "Text for NULL",
            default="",
            help='Written without quotes; an empty text becomes "".',
        ),
        Parameter(
            "lineEnding",
            "choice",
            "Line ending",
            default="LF",
            choices=[("LF", "LF (Unix)"), ("CRLF", "CRLF (Windows, RFC 4180)")],
        ),
        Parameter(
            "compression",
            "choice",
            "Compression",
            default="NONE",
            choices=[("NONE", "None"), ("GZIP", "gzip (.gz)"), ("ZSTD", "Zstandard (.zst)")],
            help="While writing. Zstandard is smaller and faster, gzip is known everywhere.",
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
