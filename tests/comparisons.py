"""Jobs whose results are given, and comparisons of them, all run where the test runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.adapters.inline_executor import InlineExecutor
from app.bootstrap import Services
from app.core.diffs import Diff
from app.core.execution import CancelFlag, execute
from app.core.job_types import JobContext, JobType, JobTypes, Parameter
from app.core.jobs import JobSpec
from app.core.models import Job, ResultFile
from app.core.results import ResultFilter
from app.job_types.result_diff import JOB_TYPE as RESULT_DIFF
from tests.fakes import FakeExecutor

WRITES = JobType(
    "WRITES",
    "Writes",
    "Writes what it is told.",
    "tests.comparisons:write",
    [
        Parameter("content", "text", "Content", default=""),
        Parameter("columns", "list", "Columns", default=["id", "name"]),
        Parameter("csv", "object", "How it is written", default={}),
        Parameter("types", "list", "Types of the columns", default=[]),
    ],
    makes_files=True,
)
TYPES = JobTypes([WRITES, RESULT_DIFF])
PLAIN = {"delimiter": ",", "encoding": "UTF-8", "compression": "NONE", "guarded": False}


def write(context: JobContext) -> None:
    content = bytes.fromhex(context.parameters["content"])
    columns, csv = context.parameters["columns"], context.parameters["csv"]
    with context.result_file("r.csv") as file:
        file.write(content)
        file.describe(
            rows=content.count(b"\n") - 1, columns=columns or None, csv=csv if columns else None,
            types=context.parameters["types"] or None,
        )  # fmt: skip


@dataclass
class Desk:
    """``executor`` runs in the test's own thread."""

    services: Services
    executor: InlineExecutor

    def __post_init__(self) -> None:
        self.executor.start(self.services.engine.deliver)

    def job(self, name: str = "nightly") -> Job:
        return self.services.jobs.create(JobSpec(name, "WRITES"), by="ada")

    def make(
        self,
        job: Job,
        content: bytes,
        columns: Sequence[str] = ("id", "name"),
        types: Sequence[str | None] = (),
        **csv: Any,
    ) -> ResultFile:
        given = {"content": content.hex(), "columns": list(columns), "csv": PLAIN | csv, "types": list(types)}
        self.services.runs.request(job.uid, "ada", parameters=given)
        self.work()
        return self.services.results.list(ResultFilter(job_id=job.id), limit=1)[0]

    def work(self) -> None:
        self.services.engine.dispatch()
        self.services.engine.record()

    def compare(self, new: ResultFile, old: ResultFile | None = None, key: Sequence[str] | None = None) -> Diff:
        """Ask for it, do it, look at it."""
        self.services.diffs.request(new.id, old and old.id, key, by="uma")
        self.work()
        return self.services.diffs.find(new.id, old and old.id, key)

    def lines(self, diff: Diff) -> list[bytes]:
        """All differences, without the header."""
        assert diff.rows is not None
        with self.services.store.open(diff.rows.path).stream as stream:
            return stream.read().splitlines()[1:]


def perform(services: Services, executor: FakeExecutor) -> None:
    """Do the newest assignment of an executor that runs nothing."""
    assignment = executor.assignments[-1]
    ended = execute(
        assignment, TYPES, emit=lambda report: None, results=services.store, clock=services.clock,
        cancelled=CancelFlag(),
    )  # fmt: skip
    services.engine.deliver([ended])
    services.engine.record()
