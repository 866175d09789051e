"""How a CSV file of ours is written, as its record says."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any


@dataclass(frozen=True)
class Dialect:
    """The members of ``ResultFile.csv``; one that the record lacks has its default."""

    delimiter: str = ","
    encoding: str = "UTF-8"
    compression: str = "NONE"  # GZIP, ZSTD
    guarded: bool = False  # texts that look like formulas begin with an apostrophe
    header: bool = True
    null_text: str = ""
    quoting: str = "NEEDED"  # ALL
    line_ending: str = "LF"  # CRLF
    date_format: str = "ISO"  # DMY_DOTS, DMY_SLASHES, MDY_SLASHES
    decimal_mark: str = "POINT"  # COMMA

    @classmethod
    def of(cls, csv: Mapping[str, Any]) -> "Dialect":
        return cls(**{field.name: csv[field.name] for field in fields(cls) if csv.get(field.name) is not None})

    @property
    def as_read(self) -> "Dialect":
        """What its rows are once they are read: unpacked, without line ends, without the encoding that is not ASCII's.

        Rows of two files with the same one can be compared as they are.
        """
        encoding = "UTF-8" if self.encoding == "UTF-16LE" else self.encoding
        return replace(self, encoding=encoding, compression="NONE", line_ending="LF", header=True)

    def written(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in fields(self)}


PLAIN = Dialect()
