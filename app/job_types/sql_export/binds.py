"""The values behind the binds of a query: the job's own parameters and the two moments that are always there."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

MOMENTS = ("scheduled_for", "previous_success")


def bind_values(
    given: Mapping[str, Any], scheduled_for: datetime | None, previous_success: datetime | None
) -> dict[str, Any]:
    return {**given, "scheduled_for": scheduled_for, "previous_success": previous_success}
