"""Somebody puts the wall clock under the real server. Its other clocks, and those of this test, go on."""

import shutil
import struct
import subprocess
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from app.bootstrap import Services, build
from app.core.job_types import JobTypes
from app.core.jobs import JobSpec
from app.core.models import Fire, Job, Run
from app.core.statuses import FireOutcome, FireReason, TriggerKind
from app.core.triggers import TriggerSpec
from config import Settings
from tests import services as outside
from tests.e2e.conftest import StartServer
from tests.e2e.server import ROOT, Server, until
from tests.torture import witness

HOUR = 3600
EVERY_SECOND = {
    "cron": TriggerSpec(TriggerKind.CRON, "UTC", "* * * * * ?", "quartz", misfire="do_nothing"),
    "rate": TriggerSpec(TriggerKind.SIMPLE, "UTC", every_seconds=1),
}


class PutClock:
    """The wall clock of a server: ``put`` moves it by seconds from where the true one is."""

    def __init__(self, folder: Path, shim: Path) -> None:
        self.file = folder / "clock"
        self.put(0)
        self.settings = {"LD_PRELOAD": str(shim), "CLOCK_SHIM": str(self.file)}

    def put(self, seconds: int) -> None:
        with open(self.file, "r+b" if self.file.exists() else "wb") as file:
            file.write(struct.pack("=q", seconds))


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        outside.missing("a C compiler (Debian: apt-get install gcc libc6-dev)")
    made = tmp_path_factory.mktemp("shim") / "put_clock.so"
    source = Path(__file__).with_name("put_clock.c")
    subprocess.run([str(compiler), "-shared", "-fPIC", "-O1", "-Wall", "-o", made, source, "-ldl"], check=True)
    return made


@pytest.fixture
def clock(tmp_path: Path, shim: Path) -> PutClock:
    return PutClock(tmp_path, shim)


@pytest.fixture
def looking(tmp_path: Path) -> Iterator[Services]:
    """A look at the server's database; the jobs are made in it before the server starts."""
    built = build(Settings(data_dir=tmp_path / "data"), types=JobTypes([witness.JOB_TYPE]))
    for name, trigger in EVERY_SECOND.items():
        parameters = {"book": str(tmp_path / "book")}
        built.jobs.create(JobSpec(name, "WITNESS", parameters, [trigger]), by=None)
    yield built
    built.db.dispose()


@pytest.fixture
def server(start_server: StartServer, looking: Services, clock: PutClock, tmp_path: Path) -> Server:
    witness.install(tmp_path / "plugin")
    return start_server(PYTHONPATH=f"{tmp_path / 'plugin'}:{ROOT}", **clock.settings)


def fires(looking: Services, name: str, *conditions: object) -> int:
    query = select(func.coalesce(func.sum(Fire.count), 0)).join(Job, Job.id == Fire.job_id)
    with looking.db.reading() as session:
        return session.scalar(query.where(Job.name == name, *conditions)) or 0  # type: ignore[arg-type]


def more(looking: Services, name: str, count: int) -> Callable[[], bool]:
    """Whether a job has started so many times more than now."""
    wanted = fires(looking, name, Fire.outcome == FireOutcome.STARTED) + count
    return lambda: fires(looking, name, Fire.outcome == FireOutcome.STARTED) >= wanted


def said(server: Server, words: str) -> Callable[[], bool]:
    return lambda: any(words in line for line in server.output)


def test_the_clock_is_put_under_a_running_server(
    server: Server, looking: Services, clock: PutClock, tmp_path: Path
) -> None:
    until(more(looking, "cron", 2), "the first runs")

    clock.put(-HOUR)
    until(said(server, "the clock was put back by"), "the step to be noticed", seconds=2)
    started = fires(looking, "cron", Fire.outcome == FireOutcome.STARTED)
    until(more(looking, "rate", 3), "the fixed rate to go on")
    assert fires(looking, "cron", Fire.outcome == FireOutcome.STARTED) == started
    assert fires(looking, "cron", Fire.outcome == FireOutcome.HELD, Fire.reason == FireReason.CLOCK_BACK) == 1

    clock.put(0)
    until(said(server, "the clock was put forward by"), "the step back to the truth to be noticed", seconds=2)
    until(more(looking, "cron", 2), "the cron to go on")
    assert fires(looking, "cron", Fire.outcome == FireOutcome.HELD) == 0

    clock.put(2 * HOUR)
    jumped = Fire.reason == FireReason.CLOCK_JUMP
    until(lambda: fires(looking, "cron", jumped) > HOUR, "what was left out to be told", seconds=5)
    until(more(looking, "cron", 2), "the cron to go on")

    server.stop()
    assert_nothing_ran_twice(looking, tmp_path / "book")


def assert_nothing_ran_twice(looking: Services, book: Path) -> None:
    began = witness.read(book).began
    with looking.db.reading() as session:
        query = select(Run.id, Fire.trigger_id, Fire.era, Fire.scheduled_for).join(Fire)
        of_runs = session.execute(query.where(Run.job_type == "WITNESS", Run.started_at.is_not(None))).all()
    assert max(began.values()) == 1
    assert began.keys() == {run.id for run in of_runs}
    assert len({row[1:] for row in of_runs}) == len(of_runs)
    cron = [row.scheduled_for for row in of_runs if row.trigger_id == 1]
    assert len(set(cron)) == len(cron)
    assert max(cron) - min(cron) > timedelta(hours=1)
