"""From wall times to instants: the search across gaps and overlaps of a zone.

The fires of a schedule are the instants at which a matching wall time is shown, less the pass of an overlap that does
not count, plus (when fixed times move) the first instant after each gap that swallowed a match. Everything here finds
neighbours in that set, so results are strictly monotonic in every zone.
"""

from datetime import UTC, datetime, tzinfo
from typing import Protocol

from app.schedule.zones import EARLIEST, LATEST, SECOND, Stretch, as_utc, timeline_of

GAPS = ("next", "skip")
OVERLAPS = ("interval", "first", "second", "both")


class WallSchedule(Protocol):
    """A schedule as the clock on the wall shows it; times are labelled UTC (see ``wall_times``)."""

    def after(self, wall: datetime) -> datetime | None: ...

    def before(self, wall: datetime) -> datetime | None: ...


def in_zone(schedule: WallSchedule, zone: tzinfo, gap: str, overlap: str, *, is_fixed: bool) -> "ZonedSchedule":
    """Bind wall times to a zone; ``is_fixed`` tells times of day from intervals, which follow elapsed time.

    :raises ValueError: for an unknown policy.
    """
    if gap not in GAPS:
        raise ValueError(f"gap must be one of {', '.join(GAPS)}, not {gap!r}")
    if overlap not in OVERLAPS:
        raise ValueError(f"overlap must be one of {', '.join(OVERLAPS)}, not {overlap!r}")
    passes = {"interval": "first" if is_fixed else "both"}.get(overlap, overlap)
    return ZonedSchedule(schedule, zone, moves=is_fixed and gap == "next", passes=passes)


class ZonedSchedule:
    """The fires of a wall schedule in a zone.

    ``moves`` lets a match inside a gap fire at its end; ``passes`` is ``first``, ``second`` or ``both``.
    """

    __slots__ = ("_after", "_before", "_here", "_moves", "_passes", "_timeline")

    def __init__(self, schedule: WallSchedule, zone: tzinfo, *, moves: bool, passes: str) -> None:
        self._after = schedule.after
        self._before = schedule.before
        self._timeline = timeline_of(zone)
        self._moves = moves
        self._passes = passes
        self._settle(self._timeline.at(EARLIEST))

    def next_after(self, instant: datetime) -> datetime | None:
        """Answer the first fire strictly after an aware time, in UTC."""
        if instant.tzinfo is not UTC:
            instant = as_utc(instant)
        start, end, offset, closes = self._here  # one schedule asks about about the same time again and again
        if start <= instant < end:
            match = self._after(instant + offset)
            if match is not None and match < closes:
                return match - offset
        return self._next_anywhere(instant)

    def _settle(self, stretch: Stretch) -> None:
        """Remember where instants need no look at the zone: inside a stretch, from its first counting wall time on."""
        opens, closes = stretch.windows[self._passes]
        self._here = (opens - stretch.offset, stretch.end, stretch.offset, closes)

    def _next_anywhere(self, instant: datetime) -> datetime | None:
        if instant >= LATEST:
            return None
        instant = max(instant, EARLIEST)
        stretch = self._timeline.at(instant)
        self._settle(stretch)
        opens, closes = stretch.windows[self._passes]
        match = self._after(max(instant + stretch.offset, opens - SECOND))
        if match is not None and match < closes:
            return match - stretch.offset
        return self._in_later_stretch(stretch, match)

    def _in_later_stretch(self, stretch: Stretch, match: datetime | None) -> datetime | None:
        """Go on from a stretch after whose last fire the schedule shows ``match``, or nothing at all."""
        while (following := self._timeline.following(stretch, match)) is not None:
            stretch = following
            if self._moves and stretch.gap is not None and match is not None and match < stretch.gap[1]:
                return stretch.start
            opens, closes = stretch.windows[self._passes]
            if stretch.repeats or (match is not None and match < opens):
                match = self._after(opens - SECOND)
            if match is None:
                return None
            if match < closes:
                return match - stretch.offset
        return None

    def previous_before(self, instant: datetime) -> datetime | None:
        """Answer the last fire strictly before an aware time, in UTC: the mirror image of ``next_after``."""
        instant = min(as_utc(instant), LATEST)
        if instant <= EARLIEST:
            return None
        stretch = self._timeline.at(instant - instant.resolution)
        opens, closes = stretch.windows[self._passes]
        wall = min(instant + stretch.offset, closes)
        match = self._before(wall + SECOND if wall.microsecond else wall)
        if match is not None and match >= opens:
            return match - stretch.offset
        return self._in_earlier_stretch(stretch, match)

    def _in_earlier_stretch(self, stretch: Stretch, match: datetime | None) -> datetime | None:
        """Go back from a stretch before whose first fire the schedule shows ``match``, or nothing at all."""
        while True:
            if self._moves and stretch.gap is not None and match is not None and match >= stretch.gap[0]:
                return stretch.start
            preceding = self._timeline.preceding(stretch, match)
            if preceding is None:
                return None
            repeated, stretch = stretch.repeats, preceding
            opens, closes = stretch.windows[self._passes]
            if repeated or (match is not None and match >= closes):
                match = self._before(closes)
            if match is None:
                return None
            if match >= opens:
                return match - stretch.offset

    def shows_between(self, first: datetime, until: datetime) -> bool:
        """Whether the schedule has a wall time from ``first`` until before ``until``, whatever the zone makes of it."""
        match = self._after(first - SECOND)
        return match is not None and match < until

    def meant_time(self, fire: datetime) -> datetime | None:
        """Answer the local time (naive) inside a gap that a fire (UTC) at the end of the gap stands for.

        ``None`` for every other fire, also for one that matches the end of the gap by itself.
        """
        stretch = self._timeline.at(fire)
        if not self._moves or fire != stretch.start or stretch.gap is None:
            return None
        begins, ends = stretch.gap
        meant = self._after(begins - SECOND)
        if meant is None or meant >= ends or self._after(ends - SECOND) == ends:
            return None
        return meant.replace(tzinfo=None)
