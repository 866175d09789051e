"""Offsets of time zones, and what a clock change does to wall times.

Between two changes of its offset a zone is plain arithmetic. So a zone is cut into stretches of one offset; a search
for fires runs inside one stretch and looks at the rules for gaps and overlaps only at its ends.
"""

from bisect import bisect_right
from datetime import UTC, datetime, timedelta, tzinfo

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)

# Nothing fires outside 1970-2199; the days more hold the zones' distance from UTC.
EARLIEST = datetime(1969, 12, 29, tzinfo=UTC)
LATEST = datetime(2200, 1, 4, tzinfo=UTC)

# The nearest two changes of any zone since 1970 are 6.96 days apart (tzdata 2026): nothing hides between two samples.
_SAMPLING = timedelta(days=2)

Window = tuple[datetime, datetime]


def as_utc(instant: datetime) -> datetime:
    """Convert an aware time to UTC.

    :raises ValueError: for a time without zone.
    """
    if instant.tzinfo is UTC:
        return instant
    if instant.utcoffset() is None:
        raise ValueError(f"an aware time is needed, not {instant!r}")
    return instant.astimezone(UTC)


def as_wall(instant: datetime, zone: tzinfo) -> datetime:
    """Show what the clock on the wall shows at an aware time, with a UTC label (see ``wall_times``)."""
    return instant.astimezone(zone).replace(tzinfo=UTC)


class Stretch:
    """The time from ``start`` until just before ``end`` (UTC) in which a zone has one ``offset``.

    The offset from ``end`` on is ``after``; stretches end with each year too, where nothing changes. ``gap`` holds the
    wall times that do not exist at the start (from, until), or ``None``. A stretch ``repeats`` the last wall times of
    the one before it, and ``is_repeated`` by the one after it. ``windows`` tells which wall times count here (from,
    until), for each answer to "which of the two passes of an overlap": ``first``, ``second`` or ``both``.

    All wall times carry a UTC label, as in ``wall_times``.
    """

    __slots__ = ("after", "end", "gap", "is_repeated", "offset", "repeats", "start", "windows")

    def __init__(
        self, start: datetime, end: datetime, offset: timedelta, *, before: timedelta, after: timedelta
    ) -> None:
        self.start = start
        self.end = end
        self.offset = offset
        self.after = after
        first, until = start + offset, end + offset
        self.gap: Window | None = (start + before, first) if before < offset else None
        self.repeats = before > offset
        self.is_repeated = after < offset
        self.windows: dict[str, Window] = {
            "both": (first, until),
            "first": (max(first, start + before), until),
            "second": (first, min(until, end + after)),
        }


class Timeline:
    """The stretches of one zone, made year by year on first use and shared by all schedules."""

    def __init__(self, zone: tzinfo) -> None:
        self.zone = zone
        self._years: dict[int, tuple[list[datetime], list[Stretch]]] = {}
        self._latest = self._whole_time() or self.stretch_of_year(EARLIEST)

    def at(self, instant: datetime) -> Stretch:
        """Answer the stretch around a UTC instant between ``EARLIEST`` and ``LATEST``."""
        latest = self._latest  # schedules ask about about the same time again and again
        if latest.start <= instant < latest.end:
            return latest
        self._latest = latest = self.stretch_of_year(instant)
        return latest

    def following(self, stretch: Stretch, match: datetime | None) -> Stretch | None:
        """Answer the next stretch, or a later one when the next wall time that matters is known to be ``match``.

        No offset reaches a day, so a stretch that ends a day before ``match`` holds neither it nor a gap around it.
        """
        start = stretch.end
        if match is not None and not stretch.is_repeated:
            start = max(start, match - DAY)
        return self.stretch_of_year(start) if start < LATEST else None

    def preceding(self, stretch: Stretch, match: datetime | None) -> Stretch | None:
        """Answer the stretch before, or an earlier one: the mirror image of ``following``."""
        end = stretch.start - SECOND
        if match is not None and not stretch.repeats:
            end = min(end, match + DAY)
        return self.stretch_of_year(end) if end >= EARLIEST else None

    def stretch_of_year(self, instant: datetime) -> Stretch:
        known = self._years.get(instant.year)
        if known is None:
            stretches = self._cut(instant.year)
            known = self._years[instant.year] = ([stretch.start for stretch in stretches], stretches)
        starts, stretches = known
        return stretches[bisect_right(starts, instant) - 1]

    def offset_at(self, instant: datetime) -> timedelta:
        return instant.astimezone(self.zone).utcoffset() or timedelta(0)

    def _whole_time(self) -> Stretch | None:
        """Answer the only stretch of a zone whose offset never changes: such zones alone know it without a time."""
        offset = self.zone.utcoffset(None)
        return None if offset is None else Stretch(EARLIEST, LATEST, offset, before=offset, after=offset)

    def _cut(self, year: int) -> list[Stretch]:
        start, end = datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC)
        borders = [start, *self.changes(start, end), end]
        offsets = [self.offset_at(start - SECOND), *map(self.offset_at, borders)]
        return [
            Stretch(borders[i], borders[i + 1], offsets[i + 1], before=offsets[i], after=offsets[i + 2])
            for i in range(len(borders) - 1)
        ]

    def changes(self, start: datetime, end: datetime) -> list[datetime]:
        """List the first instants of new offsets strictly between two instants."""
        found = []
        while start < end:
            sample = min(start + _SAMPLING, end)
            if self.offset_at(start) != self.offset_at(sample):
                change = self._bisect(start, sample)
                found += [change] if change < end else []
            start = sample
        return found

    def _bisect(self, low: datetime, high: datetime) -> datetime:
        """Narrow a change between two samples down to its second."""
        offset = self.offset_at(low)
        while high - low > SECOND:
            middle = low + (high - low) // (2 * SECOND) * SECOND
            if self.offset_at(middle) == offset:
                low = middle
            else:
                high = middle
        return high


_timelines: dict[tzinfo, Timeline] = {}


def timeline_of(zone: tzinfo) -> Timeline:
    known = _timelines.get(zone)
    if known is None:
        known = _timelines[zone] = Timeline(zone)
    return known
