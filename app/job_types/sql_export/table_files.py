"""The formats of files, by the name that a job has for them."""

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any, BinaryIO, NamedTuple, Protocol

from app.core.job_types import JobError
from app.core.statuses import FailureReason
from app.job_types.sql_export.compression import MEDIA_TYPES, SUFFIXES
from app.job_types.sql_export.file_names import Naming, result_name


class TableFile(Protocol):
    def write(self, rows: Sequence[Sequence[Any]]) -> None: ...

    def finish(self) -> None: ...

    def end(self) -> None:
        """Leave nothing behind, finished or not; never raises."""


class FileFormat(NamedTuple):
    suffix: str
    media_type: str


FORMATS = {
    "CSV": FileFormat(".csv", "text/csv"),
    "XLSX": FileFormat(".xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    "PARQUET": FileFormat(".parquet", "application/vnd.apache.parquet"),
}


def name_and_type(parameters: Mapping[str, Any], naming: Naming) -> tuple[str, str]:
    """The name of a file and its media type. Only CSV is compressed as a whole; the others are within."""
    suffix, media_type = FORMATS[parameters["format"]]
    if parameters["format"] != "CSV":
        return result_name(parameters["filename"], naming, suffix, only=True), media_type
    packed = parameters["compression"]
    name = result_name(parameters["filename"], naming, suffix, SUFFIXES[packed])
    return name, MEDIA_TYPES.get(packed, media_type)


def table_file(stream: BinaryIO, columns: Sequence[str], parameters: Mapping[str, Any], kinds: Any) -> TableFile:
    """``kinds`` are those of a ``WiderError``, for a file that starts over."""
    names = [(parameters["headerNames"] or {}).get(name, name) for name in columns]
    if parameters["format"] == "XLSX":
        from app.job_types.sql_export.spreadsheet import Spreadsheet

        return Spreadsheet(stream, names if parameters["header"] else [], parameters["dateFormat"])
    if find_spec("pyarrow") is None:
        raise JobError("Parquet needs the package pyarrow: pip install carillon[arrow]", FailureReason.CONFIG)
    from app.job_types.sql_export.parquet import Parquet

    return Parquet(stream, names, parameters["compression"], kinds)
