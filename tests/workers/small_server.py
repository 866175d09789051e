"""A server in a process of its own, for tests that kill it: runs one job type and says what it hears."""

import sys
import threading
from pathlib import Path

from app.core.ports import Assignment, Ended, Started
from tests.workers.harness import process_executor


def main(directory: str, job_type: str, witness: str) -> None:
    executor = process_executor(Path(directory))
    executor.start(lambda reports: [sys.stdout.write(f"{line}\n") for report in reports if (line := told(report))])
    executor.submit([Assignment(1, "first", 7, "nightly", job_type, {"witness": witness})])
    threading.Event().wait(60)


def told(report: object) -> str | None:
    return type(report).__name__ if isinstance(report, Started | Ended) else None


if __name__ == "__main__":
    main(*sys.argv[1:])
