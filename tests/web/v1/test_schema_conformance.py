"""schemathesis asks every operation of the OpenAPI document, rightly and wrongly, and compares the answers with it."""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import load_all_checks
from schemathesis.specs.openapi.checks import positive_data_acceptance

from app.bootstrap import build
from app.core.job_types import JobTypes
from app.core.jobs import JobSpec
from app.core.statuses import Role
from app.job_types.sql_export import JOB_TYPE as SQL_EXPORT
from app.web import create_app
from app.web.v1.routes import OPERATIONS, Operation
from config import Settings
from tests.databases import put_migrated
from tests.fakes import FakeClock, FakeExecutor, PlainHasher
from tests.web.conftest import PASSWORD, ZONE, basic, sql

CREDENTIALS = {"Authorization": basic("ada").to_header()}
FEW = settings(max_examples=2, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
BEYOND_SCHEMAS = [positive_data_acceptance]
"""No schema says which cron expressions, URLs and combinations are right: 422 is right, too."""

load_all_checks()


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The API of one server for all questions, with a job that has been started."""
    data_dir = put_migrated(tmp_path_factory.mktemp("api") / "data")
    services = build(
        Settings(data_dir=data_dir, timezone=ZONE), now=FakeClock(), executor=FakeExecutor(),
        types=JobTypes([SQL_EXPORT]), hasher=PlainHasher(),
    )  # fmt: skip
    services.timer.store.jobs_t.create(services.db.engine, True)
    services.keeper.active = True
    services.users.add("ada", PASSWORD, Role.ADMINISTRATOR)
    job = services.jobs.create(JobSpec("nightly", "SQL_EXPORT", sql()), "ada")
    services.runs.request(job.uid, "ada")
    yield schemathesis.openapi.from_wsgi("/api/v1/openapi.json", create_app(services), headers=CREDENTIALS)
    services.keeper.lease.release()
    services.db.dispose()


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["right", "wrong"])
@pytest.mark.parametrize("declared", OPERATIONS, ids=lambda one: one.name)
def test_every_answer_is_as_described(declared: Operation, mode: GenerationMode, described: Any) -> None:
    operation = described[declared.template][declared.method]

    @FEW
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: schemathesis.Case) -> None:
        case.call_and_validate(headers=CREDENTIALS, excluded_checks=BEYOND_SCHEMAS)

    ask()
