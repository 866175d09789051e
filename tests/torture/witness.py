"""The outside witness: a job that writes down its own first and last instruction, past everything of Carillon's."""

import os
import threading
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from app.core.job_types import JobContext, JobType, Parameter

JOB_TYPE = JobType(
    "WITNESS",
    "Witness",
    "Writes down that it began and that it ended.",
    f"{__name__}:testify",
    [
        Parameter("book", "text", "File to append to", required=True),
        Parameter("milliseconds", "integer", "How long it lasts", default=0),
        Parameter("megabytes", "integer", "How large a result it makes", default=0),
    ],
)
ENTRY_POINT = f"[carillon.job_types]\nWITNESS = {__name__}:JOB_TYPE\n"


def testify(context: JobContext) -> None:
    """One ``write`` to a file opened for appending is never torn and never overwritten."""
    book = os.open(context.parameters["book"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(book, b"began %d\n" % context.run_id)
        if milliseconds := context.parameters["milliseconds"]:
            threading.Event().wait(milliseconds / 1000)
        if megabytes := context.parameters.get("megabytes"):
            with context.result_file("testimony.csv") as file:
                for _ in range(megabytes):
                    file.write(b"x" * 2**20)
        os.write(book, b"ended %d\n" % context.run_id)
    finally:
        os.close(book)


def install(folder: Path) -> None:
    """Make it an installed job type of every Python that has the folder in its PYTHONPATH."""
    package = folder / "carillon_witness-1.dist-info"
    package.mkdir(parents=True)
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: carillon-witness\nVersion: 1\n")
    (package / "entry_points.txt").write_text(ENTRY_POINT)


@dataclass(frozen=True)
class Book:
    """How often each run began and ended, by run id."""

    began: Counter[int]
    ended: Counter[int]


def read(book: Path) -> Book:
    found = Book(Counter(), Counter())
    for line in book.read_text().splitlines() if book.exists() else ():
        what, run_id = line.split()
        (found.began if what == "began" else found.ended)[int(run_id)] += 1
    return found
