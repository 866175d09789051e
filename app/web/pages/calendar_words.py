"""What exclusion calendars take out, as people read it."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from app.core.models import Calendar
from app.core.statuses import CalendarKind
from app.schedule.cron import CronSyntaxError, parse
from app.schedule.describe import describe_expression
from app.schedule.words import Words
from app.web.pages.site import pages
from app.web.pages.times import counted
from app.web.pages.trigger_choices import WEEKDAYS

ENGLISH = Words("en")
KINDS = (
    (CalendarKind.HOLIDAYS, "Dates"),
    (CalendarKind.WEEKLY, "Days of the week"),
    (CalendarKind.MONTHLY, "Days of the month"),
    (CalendarKind.ANNUAL, "Days of every year"),
    (CalendarKind.DAILY, "Time of day"),
    (CalendarKind.CRON, "Cron expression"),
)
MOST_LISTED = 6


@pages.app_template_filter()
def calendar_kind(kind: str) -> str:
    return dict(KINDS).get(CalendarKind(kind), str(kind)) if kind in list(CalendarKind) else str(kind)


@pages.app_template_filter()
def excluded_words(calendar: Calendar) -> str:
    """What it takes out by itself, without its base."""
    return WORDS[calendar.kind](calendar.content)


def _dates(content: Mapping[str, Any]) -> str:
    days = sorted(content["dates"])
    if not days:
        return "Nothing yet"
    span = f" from {days[0]} to {days[-1]}" if len(days) > 1 else f": {days[0]}"
    return counted(len(days), "day") + span


def _weekdays(content: Mapping[str, Any]) -> str:
    named = dict(WEEKDAYS)
    return _joined([f"{named.get(day.upper(), day)}s" for day in content["weekdays"]])


def _days_of_month(content: Mapping[str, Any]) -> str:
    return _joined([f"the {ENGLISH.day_of_month(int(day))}" for day in content["days"]]) + " of every month"


def _days_of_year(content: Mapping[str, Any]) -> str:
    days = [text.split("-") for text in content["days"]]
    return _joined([f"{int(day)} {ENGLISH.month(int(month))}" for month, day in days]) + ", every year"


def _times(content: Mapping[str, Any]) -> str:
    begin, end = content["from"], content["to"]
    if content.get("inverted"):
        return f"All but {begin} to {end}, every day"
    return f"{begin} to {end}{' of the next day' if end < begin else ''}, every day"


def _matches(content: Mapping[str, Any]) -> str:
    try:
        return describe_expression(parse(content["expression"], content.get("dialect", "quartz")))
    except CronSyntaxError:
        return str(content["expression"])


WORDS: Mapping[CalendarKind, Callable[[Mapping[str, Any]], str]] = {
    CalendarKind.HOLIDAYS: _dates,
    CalendarKind.WEEKLY: _weekdays,
    CalendarKind.MONTHLY: _days_of_month,
    CalendarKind.ANNUAL: _days_of_year,
    CalendarKind.DAILY: _times,
    CalendarKind.CRON: _matches,
}


def _joined(items: list[str]) -> str:
    if not items:
        return "Nothing"
    if len(items) > MOST_LISTED:
        items = [*items[:MOST_LISTED], f"{len(items) - MOST_LISTED} more"]
    text = ENGLISH.join(items)
    return text[:1].upper() + text[1:]


def covers_until(calendar: Calendar) -> date | None:
    """The last date of one that lists dates; the others have no end."""
    if calendar.kind is not CalendarKind.HOLIDAYS or not calendar.content["dates"]:
        return None
    return date.fromisoformat(max(calendar.content["dates"]))
