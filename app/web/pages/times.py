"""Times, durations and amounts in words."""

from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from app.web.auth import services
from app.web.pages.site import pages

STEPS = ((86400 * 365, "years", "year"), (86400, "days", "day"), (3600, "h", "h"), (60, "min", "min"), (1, "s", "s"))


@pages.app_template_filter()
def iso(moment: datetime) -> str:
    """As ``datetime`` attributes want it: UTC, whole seconds."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


@pages.app_template_filter()
def exact(moment: datetime, zone: str | None = None, *, seconds: bool | None = None) -> str:
    """Date, time and zone on the clock of ``zone`` or the server's; seconds where there are any."""
    return f"{_local(moment, zone, seconds)} {zone_name(moment, zone)}"


@pages.app_template_filter()
def clock_time(moment: datetime) -> str:
    """The time of day with milliseconds, for log lines."""
    return f"{moment.astimezone(_zone(None)):%H:%M:%S.%f}"[:-3]


def _local(moment: datetime, zone: str | None, seconds: bool | None) -> str:
    local = moment.astimezone(_zone(zone))
    wants_seconds = bool(local.second) if seconds is None else seconds
    return f"{local:%Y-%m-%d %H:%M:%S}" if wants_seconds else f"{local:%Y-%m-%d %H:%M}"


def zone_name(moment: datetime, zone: str | None = None) -> str:
    """The zone's abbreviation at that moment; zones that have none print their offset."""
    name = moment.astimezone(_zone(zone)).tzname() or ""
    return f"UTC{name}" if name[:1] in "+-" else name


def _zone(name: str | None) -> tzinfo:
    return ZoneInfo(name) if name else services().settings.zone


@pages.app_template_filter()
def ago(moment: datetime, now: datetime | None = None) -> str:
    """``in 5 min``, ``3 h ago``. `carillon.js` says the same while the page stays open."""
    seconds = (moment - (now or services().clock())).total_seconds()
    if abs(seconds) < 1:
        return "now"
    words = rough(abs(seconds))
    return f"in {words}" if seconds > 0 else f"{words} ago"


def rough(seconds: float) -> str:
    """The largest unit only."""
    for size, many, one in STEPS:
        number = int(seconds // size)
        if number:
            return f"{number} {one if number == 1 else many}"
    return "0 s"


@pages.app_template_filter()
def duration(seconds: float | timedelta | None) -> str:
    """``40 ms``, ``0.4 s``, ``3 min 12 s``, ``2 h 5 min``, ``3 d 4 h``; two units at the most."""
    if seconds is None:
        return ""
    if isinstance(seconds, timedelta):
        seconds = seconds.total_seconds()
    if 0.0005 <= seconds < 0.0995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 9.95:
        return f"{max(seconds, 0):.1f} s".replace(".0 s", " s")
    return _two_units(round(seconds))


def _two_units(seconds: int) -> str:
    days, rest = divmod(seconds, 86400)
    hours, rest = divmod(rest, 3600)
    minutes, rest = divmod(rest, 60)
    parts = [(days, "d"), (hours, "h"), (minutes, "min"), (rest, "s")]
    first = next(index for index, (number, _) in enumerate(parts) if number)
    return " ".join(f"{number} {unit}" for number, unit in parts[first : first + 2] if number)


@pages.app_template_filter()
def amount(number: float | None) -> str:
    return "" if number is None else f"{number:,.0f}"


@pages.app_template_filter()
def counted(number: int, noun: str, plural: str = "") -> str:
    """``1 row``, ``1,204 rows``."""
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"


@pages.app_template_filter()
def bytes_size(size: int) -> str:
    """``812 B``, ``3.1 MB``: powers of 1000, as disks and browsers count."""
    if size < 1000:
        return f"{size} B"
    value = float(size)
    for unit in ("kB", "MB", "GB", "TB"):
        value /= 1000
        if value < 999.5 or unit == "TB":
            break
    return f"{value:.0f} {unit}" if value >= 99.5 else f"{value:.1f} {unit}"


def day_start(text: str | None, *, days: int = 0) -> datetime | None:
    """The first moment of a day as a date field sends it, ``days`` later; ``None`` for what is no date of use."""
    try:
        day = datetime.strptime(text or "", "%Y-%m-%d")  # noqa: DTZ007 - the zone follows
        return (day + timedelta(days=days)).replace(tzinfo=services().settings.zone).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
