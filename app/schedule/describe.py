"""Triggers and fires in words, English and German."""

from datetime import datetime, tzinfo

from app.schedule.changes import Touched
from app.schedule.cron import CronExpression
from app.schedule.cron_words import MOST_TIMES_LISTED, cron_in_words, weekdays_in_words
from app.schedule.daily_times import EVERY_WEEKDAY
from app.schedule.simulate import Fire
from app.schedule.triggers import (
    CalendarInterval,
    Cron,
    DailyTimeInterval,
    FixedDelay,
    Once,
    Simple,
    Trigger,
    Unreadable,
)
from app.schedule.words import Words, capitalised


def describe(trigger: Trigger, locale: str = "en") -> str:
    """Say when a trigger fires; ``locale`` is ``en`` or ``de``, everything else reads English."""
    words = Words(locale)
    what = _in_words(trigger, words)
    if trigger.calendar is not None:
        what = words.say("less calendar", what=what, name=trigger.calendar)
    return capitalised(what)


def describe_expression(expression: CronExpression, locale: str = "en") -> str:
    """Say when a cron expression fires on the clock of whatever zone it will have."""
    return capitalised(cron_in_words(expression, Words(locale)))


def describe_fire(fire: Fire[object], zone: tzinfo, locale: str = "en") -> str | None:
    """Say why a fire is no ordinary one, in the local time of ``zone``; ``None`` when it is one."""
    words = Words(locale)
    if fire.is_excluded and fire.reason is not None:
        return capitalised(words.say("excluded", name=fire.reason.partition(":")[2]))
    if fire.meant_time is None:
        return None
    meant, shown = words.clock_of(fire.meant_time), words.clock_of(fire.instant.astimezone(zone))
    return words.say("moved", meant=meant, date=words.date(fire.meant_time), fires=shown)


def describe_effect(touched: Touched, zone: tzinfo, locale: str = "en") -> str:
    """Say what a clock change does to a trigger, with the first local times at which it fires in it."""
    words = Words(locale)
    shown = [moment.astimezone(zone) for moment in touched.fires[:MOST_TIMES_LISTED]]
    times = ", ".join(f"{words.clock_of(moment)} {moment.tzname()}" for moment in shown)
    if len(touched.fires) > len(shown):
        times = words.say("and more", times=times)
    return capitalised(words.say(f"effect {touched.effect}", times=times))


def _in_words(trigger: Trigger, words: Words) -> str:
    match trigger:
        case Cron():
            what = words.say("in zone", what=cron_in_words(trigger.expression, words), zone=trigger.zone.key)
            return _with_bounds(what, trigger.start, trigger.end, trigger.zone, words)
        case CalendarInterval():
            return _with_bounds(_calendar_interval(trigger, words), trigger.start, trigger.end, trigger.zone, words)
        case DailyTimeInterval():
            return _with_bounds(_daily(trigger, words), trigger.start, trigger.end, trigger.zone, words)
        case Simple():
            return _with_bounds(_simple(trigger, words), None, trigger.end, None, words)
        case FixedDelay():
            return _with_bounds(_fixed_delay(trigger, words), trigger.start, trigger.end, None, words)
        case Once():
            return words.say("once", moment=_moment(trigger.at, None, words))
        case Unreadable():
            return words.say("unreadable", why=trigger.why)
    raise TypeError(f"no words for a {type(trigger).__name__}")


def _simple(trigger: Simple, words: Words) -> str:
    start = _moment(trigger.start, None, words)
    if trigger.repeat_count == 0:
        return words.say("once", moment=start)
    what = words.say("counted from", rate=words.every_length(trigger.every), moment=start)
    if trigger.repeat_count is None:
        return what
    return words.say("times in all", what=what, count=trigger.repeat_count + 1)


def _fixed_delay(trigger: FixedDelay, words: Words) -> str:
    if trigger.is_continuous:
        return words.say("continuous")
    return words.say("after the end", length=words.length(trigger.delay))


def _calendar_interval(trigger: CalendarInterval, words: Words) -> str:
    moment = _moment(trigger.anchor, trigger.zone, words)
    what = words.say("counted from", rate=words.every(trigger.every, trigger.unit), moment=moment)
    day = trigger.anchor.astimezone(trigger.zone).day
    if trigger.unit in ("month", "year") and day > 28:
        return words.say(trigger.month_end, what=what)
    return what


def _daily(trigger: DailyTimeInterval, words: Words) -> str:
    rate = words.every_length(trigger.every)
    first, last = words.clock_of(trigger.from_time), words.clock_of(trigger.to_time)
    window = words.say("window", rate=rate, first=first, last=last)
    days = words.say("every day") if trigger.weekdays == EVERY_WEEKDAY else weekdays_in_words(trigger.weekdays, words)
    return words.say("in zone", what=f"{window}, {days}", zone=trigger.zone.key)


def _with_bounds(what: str, start: datetime | None, end: datetime | None, zone: tzinfo | None, words: Words) -> str:
    if start is not None:
        what = words.say("starting", what=what, moment=_moment(start, zone, words))
    if end is not None:
        what = words.say("until", what=what, moment=_moment(end, zone, words))
    return what


def _moment(moment: datetime, zone: tzinfo | None, words: Words) -> str:
    shown = moment if zone is None else moment.astimezone(zone)
    return f"{words.moment(shown)} {'UTC' if zone is None else shown.tzname()}"
