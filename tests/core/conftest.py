"""The core on a real SQLite file, with a clock and an executor that the tests move."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.bootstrap import Services, build
from app.core.job_types import JobTypes
from app.core.jobs import JobSpec
from app.core.models import Job
from app.core.triggers import TriggerSpec
from config import Settings
from tests.databases import put_migrated
from tests.fakes import TYPES, FakeClock, FakeExecutor, PlainHasher

MakeJob = Callable[..., Job]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def executor() -> FakeExecutor:
    return FakeExecutor()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=put_migrated(tmp_path / "data"))


@pytest.fixture
def job_types() -> JobTypes:
    return TYPES


@pytest.fixture
def services(settings: Settings, clock: FakeClock, executor: FakeExecutor, job_types: JobTypes) -> Iterator[Services]:
    built = build(settings, now=clock, executor=executor, types=job_types, hasher=PlainHasher())
    built.timer.store.jobs_t.create(built.db.engine, True)
    yield built
    built.db.dispose()


@pytest.fixture
def make_job(services: Services) -> MakeJob:
    def make(*triggers: TriggerSpec, name: str = "nightly", enabled: bool = True, **fields: object) -> Job:
        spec = JobSpec(name, "NOTHING", triggers=triggers, enabled=enabled, **fields)  # type: ignore[arg-type]
        return services.jobs.create(spec, by="ada")

    return make
