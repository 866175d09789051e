"""The values with which the next runs of a job would ask."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from app.job_types.sql_export.arguments import bind_names
from app.job_types.sql_export.binds import MOMENTS, bind_values

STARTS = 3


@dataclass(frozen=True)
class Start:
    """One of the next starts, if each before it succeeds. ``values`` are those of the binds that the query names."""

    at: datetime
    previous_success: datetime | None
    values: Mapping[str, Any] = field(default_factory=dict)


def coming_starts(
    query: str, values: Mapping[str, Any], moments: Sequence[datetime], previous_success: datetime | None
) -> list[Start]:
    """``moments`` are the next ones of the schedule, in their order; the first three count."""
    names = bind_names(query, {*values, *MOMENTS})
    starts = []
    for at in moments[:STARTS]:
        bound = bind_values(values, at, previous_success)
        starts.append(Start(at, previous_success, {name: bound[name] for name in names}))
        previous_success = at
    return starts
