"""The day before and after now, hour by hour."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from flask import render_template

from app.core.statuses import FireOutcome
from app.schedule.counting import clock_hours
from app.web.auth import Right, allow, services
from app.web.pages.site import now, pages

HOURS = 24
WIDEST = 100.0  # per cent, of the longest bar
PARTS = (FireOutcome.STARTED, FireOutcome.HELD, FireOutcome.SKIPPED, FireOutcome.MISSED)


@dataclass(frozen=True)
class Part:
    """A piece of a bar; ``start`` and ``width`` in per cent."""

    kind: str
    start: float
    width: float


@dataclass(frozen=True)
class Line:
    """One hour, which begins at a local time."""

    start: datetime
    counts: Sequence[tuple[str, int]]
    parts: Sequence[Part]

    @property
    def total(self) -> int:
        return sum(count for _, count in self.counts)


@dataclass(frozen=True)
class Day:
    name: str
    lines: Sequence[Line]


@pages.get("/day")
@allow(Right.SEE)
def day() -> str:
    zone = services().settings.zone
    local = now().astimezone(zone)
    hours = services().entries.plan(zone, all_jobs=True)
    ahead = _lines([hour.start for hour in hours], [Counter(planned=hour.count) for hour in hours], ["planned"])
    edges = [*clock_hours(local - timedelta(hours=HOURS), HOURS), now()]
    behind = _lines(edges[:-1], services().ledger.by_hour(edges), list(PARTS))
    return render_template("day/index.html", ahead=_by_day(ahead), behind=_by_day(behind[::-1]), zone_name=zone.key)


def _lines(starts: Sequence[datetime], counts: Sequence[Counter[Any]], kinds: Sequence[str]) -> list[Line]:
    most = max((sum(each.values()) for each in counts), default=0) or 1
    zone = services().settings.zone
    return [
        Line(start.astimezone(zone), [(kind, each[kind]) for kind in kinds if each[kind]], _parts(each, kinds, most))
        for start, each in zip(starts, counts, strict=True)
    ]


def _by_day(lines: Sequence[Line]) -> list[Day]:
    return [
        Day(f"{date:%A} {date.day} {date:%B}", list(of_day))
        for date, of_day in groupby(lines, key=lambda line: line.start.date())
    ]


def _parts(counts: Counter[str], kinds: Sequence[str], most: int) -> list[Part]:
    """The smallest piece is still seen."""
    found, start = [], 0.0
    for kind in kinds:
        if counts[kind]:
            width = max(0.5, WIDEST * counts[kind] / most)
            found.append(Part(kind, round(start, 2), round(width, 2)))
            start += width
    return found
