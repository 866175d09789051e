"""Every state of a run has its name in OpenSpecimen."""

from app.core.statuses import RunStatus
from app.web.openspecimen.statuses import STATUSES


def test_every_status_has_a_name() -> None:
    assert set(STATUSES) == set(RunStatus)
