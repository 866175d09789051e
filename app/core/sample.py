"""A connection and two scheduled exports over a real public data set, to see everything work in a minute."""

from collections.abc import Callable, Sequence
from pathlib import Path

from app.core.connections import Connections
from app.core.errors import ConflictError, NotFoundError
from app.core.jobs import Jobs, JobSpec
from app.core.models import Job
from app.core.triggers import cron

CONNECTION = "flights"
ON_THIS_DAY = """\
-- Every flight that left New York on this day of 2013, the most delayed first.
SELECT f.flight, f.carrier, a.name AS airline, f.origin, f.dest, f.sched_dep_time, f.dep_time, f.dep_delay
FROM flights f JOIN airlines a ON a.carrier = f.carrier
WHERE f.month = CAST(strftime('%m', :scheduled_for) AS INTEGER)
  AND f.day = CAST(strftime('%d', :scheduled_for) AS INTEGER)
ORDER BY f.dep_delay DESC
"""
ALL_FLIGHTS = """\
-- All 336,776 flights of 2013 with the names of their airlines and destinations.
SELECT f.*, a.name AS airline, d.name AS destination
FROM flights f
JOIN airlines a ON a.carrier = f.carrier
LEFT JOIN airports d ON d.faa = f.dest
"""


class Sample:
    def __init__(
        self,
        jobs: Jobs,
        connections: Connections,
        folder: Path,
        timezone: str,
        load_data: Callable[[Path], None] | None,
    ) -> None:
        """``load_data`` fills a SQLite file; ``None`` where the data package is not installed."""
        self.jobs = jobs
        self.connections = connections
        self.path = folder / "sample" / "flights.db"
        self.timezone = timezone
        self.load_data = load_data

    @property
    def is_available(self) -> bool:
        return self.load_data is not None

    def load(self, by: str | None) -> Sequence[Job]:
        """Make what is missing. Raises ``NotFoundError`` without the data, ``ConflictError`` when all is there."""
        if self.load_data is None:
            raise NotFoundError("the sample's data is not installed: pip install 'carillon[sample]'")
        if not self.path.exists():
            self.path.parent.mkdir(mode=0o700, exist_ok=True)
            self.load_data(self.path)
        if CONNECTION not in {view.name for view in self.connections.list()}:
            self.connections.save(CONNECTION, f"sqlite:///{self.path.absolute()}")
        there = {job.name for job in self.jobs.list()}
        made = [self.jobs.create(spec, by) for spec in self._specs() if spec.name not in there]
        if not made:
            raise ConflictError("the sample is loaded already")
        return made

    def _specs(self) -> Sequence[JobSpec]:
        return (
            JobSpec(
                name="Flights on this day",
                job_type="SQL_EXPORT",
                description="About 900 rows, every two minutes.",
                parameters={"connection": CONNECTION, "query": ON_THIS_DAY},
                triggers=[cron("0 0/2 * * * ?", self.timezone)],
            ),
            JobSpec(
                name="All flights of 2013",
                job_type="SQL_EXPORT",
                description="336,776 rows, every night.",
                parameters={"connection": CONNECTION, "query": ALL_FLIGHTS},
                triggers=[cron("0 0 3 ? * *", self.timezone)],
            ),
        )
