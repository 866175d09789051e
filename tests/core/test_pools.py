"""Pools as administrators keep them; what their places do to runs is in ``test_policies``."""

from dataclasses import astuple

import pytest

from app.bootstrap import Services
from app.core.errors import ConflictError, InvalidError, NotFoundError
from app.core.policies import Policies
from tests.core.conftest import MakeJob
from tests.fakes import FakeExecutor


def test_a_pool_shows_its_places_runs_and_jobs(services: Services, make_job: MakeJob, executor: FakeExecutor) -> None:
    services.pools.create("warehouse", 1)
    jobs = [make_job(name=name, policies=Policies(pool="warehouse")) for name in ("b", "a")]
    for job in jobs:
        services.runs.request(job.uid, by="ada")
    services.engine.dispatch()

    assert astuple(services.pools.get("warehouse")) == ("warehouse", 1, 1, 1, ["a", "b"])

    services.pools.change("warehouse", 2)
    services.engine.dispatch()

    assert astuple(services.pools.get("warehouse")) == ("warehouse", 2, 2, 0, ["a", "b"])


def test_a_pool_goes_when_nothing_needs_it_any_more(services: Services, make_job: MakeJob) -> None:
    services.pools.create("warehouse", 1)
    job = make_job(policies=Policies(pool="warehouse"))
    run = services.runs.request(job.uid, by="ada")

    with pytest.raises(ConflictError, match="used by"):
        services.pools.remove("warehouse")
    services.jobs.delete(job.uid, by="ada")
    services.runs.get(run.id)  # cancelled with its job
    services.pools.remove("warehouse")

    assert services.pools.list() == []


def test_a_pool_stays_while_runs_wait_for_it(services: Services, make_job: MakeJob) -> None:
    from app.core.jobs import JobSpec

    services.pools.create("warehouse", 1)
    job = make_job(policies=Policies(pool="warehouse"))
    services.runs.request(job.uid, by="ada")
    services.jobs.update(job.uid, JobSpec(job.name, job.job_type, policies=Policies()), by="ada")

    with pytest.raises(ConflictError, match="going on or waiting"):
        services.pools.remove("warehouse")


def test_what_is_wrong_with_a_pool_is_said(services: Services) -> None:
    services.pools.create("warehouse", 1)

    with pytest.raises(ConflictError):
        services.pools.create("warehouse", 2)
    with pytest.raises(InvalidError) as refused:
        services.pools.create("a b", 0)
    assert [error.field for error in refused.value.errors] == ["name", "places"]
    for action in (lambda: services.pools.change("none", 1), lambda: services.pools.remove("none")):
        with pytest.raises(NotFoundError):
            action()
