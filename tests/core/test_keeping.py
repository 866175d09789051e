"""Keep-rules: what they delete, what they never touch, and that a crash in between loses nothing."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.bootstrap import Services
from app.core.db import Database
from app.core.errors import InvalidError, NotFoundError
from app.core.keeping import AT_ONCE, Keeping, Rule, doomed
from app.core.models import Job, ResultFile
from app.core.results import ResultFilter
from app.core.retention_rules import Rules
from tests.core.conftest import MakeJob
from tests.fakes import FakeClock, FakeExecutor

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


@dataclass
class File:
    """``id`` is its age in days; so 0 is the newest."""

    id: int
    size: int = 10
    pinned: bool = False
    held: list[str] | None = None

    @property
    def created_at(self) -> datetime:
        return NOW - timedelta(days=self.id)


FIVE = [File(age) for age in range(5)]


@pytest.mark.parametrize(
    ("rule", "files", "deleted"),
    [
        (Rule(), FIVE, {}),
        (Rule(days=3), FIVE, {4: "older than 3 days"}),
        (Rule(days=1), FIVE, {2: "older than 1 day", 3: "older than 1 day", 4: "older than 1 day"}),
        (Rule(count=3), FIVE, {3: "more than 3", 4: "more than 3"}),
        (Rule(bytes=40), FIVE, {4: "more than 40 bytes in all"}),
        (Rule(days=3, count=4), FIVE, {4: "older than 3 days"}),
        (Rule(count=1), [], {}),
        (Rule(days=1), [File(9)], {}),
        (Rule(bytes=1), [File(0), File(1)], {1: "more than 1 bytes in all"}),
        (Rule(days=1), [File(0, held=["x"]), File(7), File(8)], {8: "older than 1 day"}),
        (Rule(count=1), [File(0), File(1, pinned=True), File(2)], {2: "more than 1"}),
        (Rule(count=2), [File(0), File(1, pinned=True), File(2)], {}),
    ],
)
def test_what_a_rule_deletes(rule: Rule, files: Sequence[File], deleted: dict[int, str]) -> None:
    assert {each.file.id: each.reason for each in doomed(rule, files, NOW)} == deleted


class Maker:
    """Gives a job results, one row and one file each, of 10 bytes."""

    def __init__(self, services: Services, executor: FakeExecutor, clock: FakeClock) -> None:
        self.services, self.executor, self.clock = services, executor, clock

    def __call__(self, job: Job, number: int = 1) -> list[str]:
        self.services.runs.request(job.uid, "ada")
        self.services.engine.dispatch()
        given = self.executor.assignments[-1]
        self.services.engine.deliver([self.executor.end(given, self.clock())])
        self.services.engine.record()
        paths = [f"{job.id}/{given.run_id}-{given.token}-{each}.csv" for each in range(number)]
        with self.services.db.transaction() as session:
            session.add_all([self._row(job, given.run_id, path) for path in paths])
        for path in paths:
            self._file(path).parent.mkdir(parents=True, exist_ok=True)
            self._file(path).write_bytes(b"0123456789")
        return paths

    def _row(self, job: Job, run_id: int, path: str) -> ResultFile:
        return ResultFile(
            run_id=run_id, job_id=job.id, job_name=job.name, scheduled_for=self.clock(), created_at=self.clock(),
            name=path, path=path, media_type="text/csv", size=10, sha256="",
        )  # fmt: skip

    def _file(self, path: str) -> Path:
        return self.services.store.directory / path

    def on_disk(self) -> list[str]:
        return sorted(self.services.store.complete_files())


@pytest.fixture
def make(services: Services, executor: FakeExecutor, clock: FakeClock) -> Maker:
    return Maker(services, executor, clock)


def listed(services: Services) -> list[str]:
    return sorted(made.path for made in services.results.list(ResultFilter(), limit=5000))


def test_upkeep_deletes_rows_and_files_of_jobs_that_have_a_rule(
    services: Services, make_job: MakeJob, make: Maker
) -> None:
    job, other = make_job(), make_job(name="other")
    paths = [path for _ in range(3) for path in make(job)]
    untouched = make(other)
    services.keeping.save(job.id, Rule(count=1))

    assert services.keeping.sweep() == 2

    assert listed(services) == make.on_disk() == sorted([paths[-1], *untouched])
    assert services.runs.get(1).files == []
    assert services.keeping.sweep() == 0
    with pytest.raises(NotFoundError, match="no result file 1"):
        services.results.get(1)


def test_the_preview_says_what_upkeep_does(services: Services, make_job: MakeJob, make: Maker) -> None:
    job = make_job()
    for _ in range(3):
        make(job)

    told = services.keeping.preview(job.id, Rule(count=2))

    assert [(each.file.id, each.reason) for each in told] == [(1, "more than 2")]
    assert services.keeping.rule(job.id) == Rule()
    assert services.keeping.sweep() == 0
    services.keeping.save(job.id, Rule(count=2))
    services.keeping.sweep()
    assert [made.id for made in services.results.list(ResultFilter())] == [3, 2]


def test_a_pinned_result_stays_until_it_is_unpinned(services: Services, make_job: MakeJob, make: Maker) -> None:
    job = make_job()
    make(job), make(job)
    services.keeping.pin(1, pinned=True)
    services.keeping.save(job.id, Rule(count=1))
    assert services.keeping.sweep() == 0

    services.keeping.pin(1, pinned=False)
    services.keeping.save(job.id, Rule(count=1))

    assert services.keeping.sweep() == 1
    with pytest.raises(NotFoundError):
        services.keeping.pin(1, pinned=True)


def test_rules_are_looked_at_once_a_minute(
    services: Services, make_job: MakeJob, make: Maker, clock: FakeClock
) -> None:
    job = make_job()
    make(job)
    services.keeping.save(job.id, Rule(days=1))
    clock.advance(days=1, seconds=1)
    services.keeping.sweep()
    make(job)

    clock.advance(seconds=59)
    assert services.keeping.sweep() == 0
    clock.advance(seconds=1)
    assert services.keeping.sweep() == 1


class FallenError(Exception):
    """The process has died here."""


def failing(after: int, unlink: Callable[[str], None], error: Exception) -> Callable[[str], None]:
    """Unlinks some files; then fails once it has unlinked one more, as the plug is pulled just behind."""
    left = iter(range(after))

    def fall(path: str) -> None:
        unlink(path)
        if next(left, None) is None:
            raise error

    return fall


@pytest.mark.parametrize("after", [0, 1, 3])
def test_after_a_crash_it_goes_on_where_it_was(after: int, services: Services, make_job: MakeJob, make: Maker) -> None:
    job = make_job()
    paths = make(job, 5)
    services.keeping.save(job.id, Rule(count=1))
    dying = Keeping(services.db, services.clock, failing(after, services.store.unlink, FallenError()))
    with pytest.raises(FallenError):
        dying.sweep()
    assert listed(services) == paths[-1:]

    assert services.keeping.sweep() == 4

    assert listed(services) == make.on_disk() == paths[-1:]


def test_a_file_that_cannot_be_deleted_is_tried_again(services: Services, make_job: MakeJob, make: Maker) -> None:
    job = make_job()
    paths = make(job, 3)
    services.keeping.save(job.id, Rule(count=1))

    def refuse(path: str) -> None:
        if path == paths[0]:
            raise PermissionError(13, "not permitted")
        services.store.unlink(path)

    assert Keeping(services.db, services.clock, refuse).sweep() == 1
    assert (listed(services), make.on_disk()) == (paths[-1:], [paths[0], paths[2]])

    assert services.keeping.sweep() == 1
    assert make.on_disk() == paths[-1:]


def test_many_are_deleted_in_small_transactions(
    services: Services, make_job: MakeJob, make: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make_job()
    make(job, 2 * AT_ONCE + 2)
    services.keeping.save(job.id, Rule(count=1))
    counts: list[int] = []
    transaction = Database.transaction
    monkeypatch.setattr(Database, "transaction", lambda db: counts.append(1) or transaction(db))

    assert services.keeping.sweep() == 2 * AT_ONCE + 1

    assert len(counts) == 6


@pytest.mark.parametrize("rule", [Rule(days=0), Rule(count=-1), Rule(bytes=2**60), Rule(days=99_999)])
def test_rules_that_make_no_sense_are_refused(rule: Rule, services: Services, make_job: MakeJob) -> None:
    job = make_job()

    for ask in (services.keeping.save, services.keeping.preview):
        with pytest.raises(InvalidError):
            ask(job.id, rule)
    assert services.keeping.rule(job.id) == Rule()


# Of the site


def test_jobs_without_a_rule_of_their_own_have_the_sites(services: Services, make_job: MakeJob, make: Maker) -> None:
    job, other = make_job(), make_job(name="other")
    paths = [path for _ in range(3) for path in make(job)]
    untouched = [path for _ in range(3) for path in make(other)]
    services.keeping.save(other.id, Rule())
    rules = Rules(result_count=2)
    assert services.retention.preview(rules).of("result").count == 1

    services.retention.save(rules, "ada")
    services.keeping.sweep()

    assert listed(services) == make.on_disk() == sorted([*paths[1:], *untouched])
    assert services.keeping.rule(job.id) == Rule(count=2)


class TestBudget:
    @pytest.fixture
    def files(self, make_job: MakeJob, make: Maker) -> list[str]:
        """Of two jobs in turn, 10 bytes each, the oldest first."""
        jobs = [make_job(), make_job(name="other")]
        return [path for turn in range(6) for path in make(jobs[turn % 2])]

    def keep(self, services: Services, files: Sequence[str]) -> list[str]:
        """The files that are left, of those given; what went is what the preview had said."""
        said = services.retention.preview().of("result")
        services.keeping.look_again()
        removed = services.keeping.sweep()
        assert (said.count, said.bytes) == (removed, 10 * removed)
        left = listed(services)
        return [path for path in files if path in left]

    def test_the_oldest_go_first_whosever_they_are(self, services: Services, files: list[str]) -> None:
        services.retention.save(Rules(folder_bytes=35), "ada")

        assert self.keep(services, files) == files[3:]
        assert services.keeping.over_budget() == 0

    def test_what_a_keep_rule_deletes_counts(self, services: Services, files: list[str]) -> None:
        services.retention.save(Rules(folder_bytes=30, result_count=2), "ada")

        assert self.keep(services, files) == files[3:]

    def test_the_newest_given_out_of_each_job_and_pinned_ones_stay(
        self, services: Services, files: list[str], make_job: MakeJob, make: Maker
    ) -> None:
        services.keeping.pin(1, pinned=True)
        with services.db.transaction() as session:
            session.get_one(ResultFile, 6).held = ["rows"]
        services.retention.save(Rules(folder_bytes=1), "ada")

        assert self.keep(services, files) == [files[0], files[3], files[4]]
        assert services.keeping.over_budget() == 29

    def test_it_may_be_a_part_of_the_disk(self, services: Services, files: list[str]) -> None:
        services.keeping.disk_bytes = lambda: 100
        services.retention.save(Rules(folder_percent=40, folder_bytes=1000), "ada")

        assert self.keep(services, files) == files[2:]

    def test_it_is_remembered_what_went_and_why(self, services: Services, files: list[str]) -> None:
        services.retention.save(Rules(folder_bytes=45), "ada")
        services.keeping.sweep()

        [removal] = services.retention.removals()

        assert (removal.kind, removal.count, removal.bytes) == ("result", 2, 20)
        assert removal.detail == "all results together may take 45 bytes"
