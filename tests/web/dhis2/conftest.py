"""The DHIS2 dialect with all job types that are installed."""

import pytest

from app.core.job_types import JobTypes


@pytest.fixture
def job_types() -> JobTypes:
    return JobTypes.installed()
