"""Properties of the search, held against a walk over every minute that knows nothing of masks or stretches."""

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from hypothesis import given, settings
from hypothesis import strategies as st

from app.schedule.cron import CronSyntaxError, parse

MINUTE = timedelta(minutes=1)
ZONES = sorted(available_timezones() - {"Factory", "localtime"})
QUICK = settings(deadline=None, max_examples=60)


@lru_cache
def offset_changes(zone_name, year):
    """The UTC days of a year after which the offset is another than before."""
    zone = ZoneInfo(zone_name)
    days = [datetime(year, 1, 1, tzinfo=UTC) + timedelta(days=number) for number in range(367)]
    offsets = [day.astimezone(zone).utcoffset() for day in days]
    return [days[i] for i in range(366) if offsets[i] != offsets[i + 1]]


@st.composite
def places(draw):
    """A zone and a UTC day, mostly one with a clock change."""
    zone_name, year = draw(st.sampled_from(ZONES)), draw(st.integers(1990, 2040))
    changes = offset_changes(zone_name, year)
    if changes and draw(st.integers(0, 4)):
        return ZoneInfo(zone_name), draw(st.sampled_from(changes))
    return ZoneInfo(zone_name), datetime(year, 1, 1, tzinfo=UTC) + timedelta(days=draw(st.integers(0, 364)))


def times(low, high):
    number = st.integers(low, high)
    one_range = st.tuples(number, number).map(lambda pair: f"{pair[0]}-{pair[1]}")
    stepped = st.tuples(st.just("*") | number.map(str), st.integers(1, high)).map(lambda pair: f"{pair[0]}/{pair[1]}")
    values = st.lists(number, min_size=1, max_size=3).map(lambda numbers: ",".join(map(str, numbers)))
    return st.one_of(st.just("*"), values, values, one_range, stepped)


DAYS = st.sampled_from(
    ["* * ?", "? * *", "? * MON-FRI", "L * ?", "LW * ?", "15W * ?", "? * SUNL", "1-7 3,10 ?", "? * SUN#2"]
)
EXPRESSIONS = st.builds("0 {} {} {}".format, times(0, 59), times(0, 23), DAYS)
POLICIES = st.fixed_dictionaries(
    {"gap": st.sampled_from(["next", "skip"]), "overlap": st.sampled_from(["interval", "first", "second", "both"])}
)


def matches(expression, wall):
    """Whether the fields hold a local time; the day fields are tested by days around it."""
    fields = expression.fields
    return (
        wall.minute in fields.minute.values and wall.hour in fields.hour.values and day_matches(expression, wall.date())
    )


@lru_cache(maxsize=10_000)
def day_matches(expression, day: date):
    """One look at a day of a zone without changes: does it fire there at all?"""
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    fire = expression.next_after(start - timedelta(seconds=1), UTC)
    return fire is not None and fire < start + timedelta(days=1)


def walk(expression, zone, start, end, gap, overlap):
    """All fires in [start, end) minute by minute, straight from the meaning of the policies."""
    overlap = {"interval": "first" if expression.is_fixed else "both"}.get(overlap, overlap)
    moves = gap == "next" and expression.is_fixed
    minutes = [start + number * MINUTE for number in range((end - start) // MINUTE)]
    locals_ = [instant.astimezone(zone) for instant in [start - MINUTE, *minutes]]
    return [
        instant
        for instant, before, local in zip(minutes, locals_, locals_[1:], strict=False)
        if (counts(local, overlap) and matches(expression, local)) or (moves and swallowed(expression, before, local))
    ]


def counts(local, overlap):
    """Whether the pass counts that a local time belongs to."""
    comes_twice = local.replace(fold=0).utcoffset() > local.replace(fold=1).utcoffset()
    return not comes_twice or overlap == "both" or (overlap == "second") == bool(local.fold)


def swallowed(expression, before, local):
    """Whether a matching minute lies between what a clock shows in two neighbouring minutes."""
    wall, end = before.replace(tzinfo=None) + MINUTE, local.replace(tzinfo=None)
    while wall < end:
        if matches(expression, wall):
            return True
        wall += MINUTE
    return False


@QUICK
@given(EXPRESSIONS, places(), POLICIES)
def test_a_walk_over_every_minute_finds_the_same_fires(text, place, policies):
    expression, (zone, day) = parse(text), place
    start, end = day - timedelta(hours=14), day + timedelta(hours=38)
    found, instant = [], start - timedelta(seconds=1)

    while (instant := expression.next_after(instant, zone, **policies)) is not None and instant < end:
        found.append(instant)

    assert found == walk(expression, zone, start, end, **policies)


@QUICK
@given(EXPRESSIONS, places(), POLICIES, st.integers(0, 86_400_000))
def test_previous_and_next_are_inverse_and_strict(text, place, policies, milliseconds):
    expression, (zone, day) = parse(text), place
    instant = day + timedelta(milliseconds=milliseconds)
    later = [instant]

    for _ in range(4):
        later.append(expression.next_after(later[-1], zone, **policies))

    assert later == sorted(set(later))
    assert [expression.previous_before(fire, zone, **policies) for fire in later[2:]] == later[1:-1]
    earlier = expression.previous_before(instant, zone, **policies)
    assert earlier < instant
    assert expression.next_after(earlier, zone, **policies) in (instant, later[1])


@QUICK
@given(EXPRESSIONS, st.integers(0, 4_000_000_000))
def test_every_result_matches_the_fields(text, epoch):
    expression = parse(text)
    fire = expression.next_after(datetime.fromtimestamp(epoch, UTC), UTC)

    assert (fire.second, fire.microsecond) == (0, 0)
    assert matches(expression, fire)


JUNK = st.text("0123456789*/-,?LW#HMONFRI() \t@.x", max_size=30)


@settings(deadline=None, max_examples=500)
@given(st.one_of(JUNK, st.text(max_size=20), st.lists(JUNK, min_size=5, max_size=7).map(" ".join)))
def test_no_text_breaks_the_parser(text):
    for dialect in ("quartz", "spring", "unix"):
        try:
            parse(text, dialect, seed="job").next_after(datetime(2026, 1, 1, tzinfo=UTC), UTC)
        except CronSyntaxError as error:
            position = error.position
            assert position in range(len(text) + 1)
