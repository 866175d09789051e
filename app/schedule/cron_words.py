"""Cron expressions in words, built from the numbers that the fields hold, not from their text.

So ``0/15``, ``*/15`` and ``0,15,30,45`` read alike, and the words cannot promise what the evaluator does not do. Two
expressions have the same words only if they have the same times.
"""

from collections.abc import Callable, Collection, Sequence

from app.schedule.cron import CronExpression
from app.schedule.cron_fields import DayElement
from app.schedule.dialects import DIALECTS, FIRST_YEAR, LAST_YEAR
from app.schedule.month_days import FromMonthEnd, LastWeekday, NearestWorkday, NthWeekday, shortest_of
from app.schedule.number_patterns import circular_run, cycle_step, even_step, runs
from app.schedule.words import Words

MOST_TIMES_LISTED = 6
SHORTEST_STEPPED = 4


def cron_in_words(expression: CronExpression, words: Words) -> str:
    fields = expression.fields
    days, years = _Days(words, expression), _years(fields.year.values, words)
    times = _Times(words, fields.second.values, fields.minute.values, fields.hour.values)
    times.may_pass_midnight = days.are_all and not years
    parts = [times.phrase(), days.phrase(), years]
    what = ", ".join(part for part in parts if part)
    return words.say("never", what=what) if expression.never_fires else what


class _Times:
    """The times of day: a list when they are few, else rates and windows, most general last."""

    def __init__(
        self, words: Words, seconds: Collection[int], minutes: Collection[int], hours: Collection[int]
    ) -> None:
        self.words = words
        self.seconds, self.minutes, self.hours = sorted(seconds), sorted(minutes), sorted(hours)
        self.may_pass_midnight = False  # "22:00 to 02:00, Monday" would promise Tuesday's first hours

    def phrase(self) -> str:
        if len(self.seconds) * len(self.minutes) * len(self.hours) <= MOST_TIMES_LISTED:
            return self._listed()
        if len(self.seconds) > 1:
            return self._by_seconds()
        what = self._by_the_hour() if len(self.minutes) == 1 else self._by_minutes()
        second = self.seconds[0]
        return what if second == 0 else f"{what}, {self.words.say('at second', runs=second)}"

    def _listed(self) -> str:
        shows_seconds = self.seconds != [0]
        times = [
            self.words.clock(hour, minute, second if shows_seconds else None)
            for hour in self.hours
            for minute in self.minutes
            for second in self.seconds
        ]
        return self.words.say("at times", times=self.words.join(times))

    def _by_the_hour(self) -> str:
        """One minute, more hours than a list takes."""
        words, minute = self.words, self.minutes[0]
        if len(self.hours) == 24:
            at_minute = words.say("of every hour", what=words.say("at minute", runs=minute))
            return at_minute if minute else words.say("on the hour")
        step = even_step(self.hours)
        run = self._run_of_hours()
        if step is None and run is None:
            return words.say("at times", times=words.join([words.clock(hour, minute) for hour in self.hours]))
        first, last = run or (self.hours[0], self.hours[-1])
        rate = words.every(1 if run else step or 1, "hour")
        return words.say("window", rate=rate, first=words.clock(first, minute), last=words.clock(last, minute))

    def _by_minutes(self) -> str:
        step = cycle_step(self.minutes, 60)
        shows_first = len(self.hours) < 24 and self._run_of_hours() is not None
        if step is None or (self.minutes[0] > 0 and not shows_first):
            return self._in_hours(self._numbers("minute", self.minutes), always=True)
        return self._in_window(self.words.every(step, "minute"))

    def _in_window(self, rate: str) -> str:
        """Add the hours to a rate that goes on evenly from one hour to the next."""
        run = self._run_of_hours()
        if len(self.hours) == 24 or run is None:
            return self._in_hours(rate)
        seconds = (self.seconds[0], self.seconds[-1]) if len(self.seconds) > 1 else (None, None)
        first = self.words.clock(run[0], self.minutes[0], seconds[0])
        last = self.words.clock(run[1], self.minutes[-1], seconds[1])
        return self.words.say("window", rate=rate, first=first, last=last)

    def _run_of_hours(self) -> tuple[int, int] | None:
        run = circular_run(self.hours, 0, 23)
        return run if run and (self.may_pass_midnight or run[0] <= run[1]) else None

    def _by_seconds(self) -> str:
        step = cycle_step(self.seconds, 60) if self.seconds[0] == 0 else None
        rate = self._numbers("second", self.seconds) if step is None else self.words.every(step, "second")
        if len(self.minutes) < 60:
            return self._in_hours(self._in_minutes(rate), always=True)
        if step is not None:
            return self._in_window(rate)
        return self._in_hours(self.words.say("of every minute", what=rate))

    def _in_minutes(self, what: str) -> str:
        return self.words.say("in minutes", what=what, runs=named_runs(runs(self.minutes), self.words))

    def _in_hours(self, what: str, *, always: bool = False) -> str:
        if len(self.hours) < 24:
            return self.words.say("in hours", what=what, runs=named_runs(runs(self.hours), self.words))
        return self.words.say("of every hour", what=what) if always else what

    def _numbers(self, unit: str, numbers: Sequence[int]) -> str:
        step = even_step(numbers)
        if step is not None and step > 1 and len(numbers) >= SHORTEST_STEPPED:
            return self.words.say(f"{unit} by steps", step=step, first=numbers[0], last=numbers[-1])
        return self.words.say(f"at {unit}", runs=named_runs(runs(numbers), self.words))


class _Days:
    """The days: by their number in the month, by weekday, or by both together."""

    def __init__(self, words: Words, expression: CronExpression) -> None:
        fields = expression.fields
        self.words = words
        self.dialect = DIALECTS[expression.dialect]
        self.of_month, self.of_week = fields.day_of_month, fields.day_of_week
        self.months = sorted(fields.month.values)
        self.every_hour = len(fields.hour.values) == 24
        self.takes_either = self._takes_either()
        self.by_number = bool(self.of_month.elements) and len(self.of_month.values) < 31
        self.by_weekday = bool(self.of_week.elements) and len(self._weekdays()) < 7
        if self.takes_either and not (self.by_number and self.by_weekday):
            self.by_number = self.by_weekday = False  # every day, or any: every day
        self.are_all = len(self.months) == 12 and not self.by_number and not self.by_weekday

    def phrase(self) -> str:
        if self.are_all:
            return "" if self.every_hour else self.words.say("every day")
        if self.by_number and self.by_weekday:
            return self._either() if self.takes_either else self._both()
        if self.by_number:
            return self._by_number()
        if self.by_weekday:
            return self._by_weekday()
        return self._in_months(self.words.say("every day"))

    def _takes_either(self) -> bool:
        return self.dialect.days_combine == "or" and not (
            self.of_month.begins_with_star or self.of_week.begins_with_star
        )

    def _either(self) -> str:
        return f"{self._by_number()} {self.words.say('and')} {self._by_weekday()}"

    def _both(self) -> str:
        kinds = [self.words.say("a weekday", weekday=self.words.weekday(day)) for day in self._weekdays()]
        kinds += [self._kind(element) for element in self.of_week.specials]
        return self.words.say("if that is", what=self._by_number(), kinds=self.words.join(kinds, "or"))

    def _kind(self, element: DayElement) -> str:
        if isinstance(element, NthWeekday):
            return self.words.say(
                "the nth", nth=self.words.nth(element.nth), weekday=self.words.weekday(element.weekday)
            )
        assert isinstance(element, LastWeekday)  # noqa: S101 - the only other kind in this field
        return self.words.say("the last", weekday=self.words.weekday(element.weekday))

    def _by_number(self) -> str:
        phrases = [self._special_day(element) for element in self.of_month.specials]
        days = self.of_month.values
        if days:
            named = named_runs(runs(days), self.words, self.words.day_of_month)
            phrases.insert(0, self.words.say("on days", days=named))
        what = self._of_months(self.words.join(phrases))
        return self._where_it_exists(what, [*days, *(element.needed_length for element in self.of_month.specials)])

    def _where_it_exists(self, what: str, needed_lengths: Sequence[int]) -> str:
        is_sure = max(needed_lengths) <= shortest_of(self.months)
        return what if is_sure else self.words.say("where it exists", what=what)

    def _special_day(self, element: DayElement) -> str:
        words = self.words
        match element:
            case NearestWorkday(day, forward_only):
                what = words.say("nearest", day=words.day_of_month(day))
                return words.say("not at the end", what=what) if forward_only and day >= 28 else what
            case FromMonthEnd(0, workday):
                return words.say("last workday" if workday else "last day")
            case FromMonthEnd(days_before, workday):
                days = words.count(days_before, "day")
                return words.say("nearest before last" if workday else "days before last", days=days)
        raise AssertionError(element)  # a weekday rule: not in this field

    def _by_weekday(self) -> str:
        phrases = []
        if self._weekdays():
            phrases.append(self._in_months(weekdays_in_words(self._weekdays(), self.words)))
        if self.of_week.specials:
            named = [self._special_weekday(element) for element in self.of_week.specials]
            lengths = [element.needed_length for element in self.of_week.specials]
            phrases.append(self._where_it_exists(self._of_months(self.words.join(named)), lengths))
        return self.words.join(phrases)

    def _special_weekday(self, element: DayElement) -> str:
        words = self.words
        if isinstance(element, NthWeekday):
            return words.say("on the nth", nth=words.nth(element.nth), weekday=words.weekday(element.weekday))
        assert isinstance(element, LastWeekday)  # noqa: S101 - the only other kind in this field
        return words.say("on the last", weekday=words.weekday(element.weekday))

    def _weekdays(self) -> list[int]:
        return sorted({self.dialect.weekday(number) for number in self.of_week.values})

    def _of_months(self, what: str) -> str:
        if len(self.months) == 12:
            return self.words.say("of every month", what=what)
        return self._with_months("of month", what)

    def _in_months(self, what: str) -> str:
        return what if len(self.months) == 12 else self._with_months("in month", what)

    def _with_months(self, phrase: str, what: str) -> str:
        months = named_runs(runs(self.months), self.words, self.words.month)
        return self.words.say(phrase if len(self.months) == 1 else f"{phrase}s", what=what, months=months)


def weekdays_in_words(weekdays: Collection[int], words: Words) -> str:
    """Name weekdays (0 = Monday): three and more in a row as a range, also past Sunday."""
    run = circular_run(weekdays, 0, 6)
    if run and len(weekdays) > 2:
        return words.say("range", first=words.weekday(run[0]), last=words.weekday(run[1]))
    return words.say("each weekday", weekdays=words.join([words.weekday(day) for day in sorted(weekdays)]))


def _years(years: Collection[int], words: Words) -> str:
    if len(years) == LAST_YEAR - FIRST_YEAR + 1:
        return ""
    step = even_step(years)
    if step is not None and step > 1 and len(years) >= SHORTEST_STEPPED:
        return words.say("years by steps", step=step, first=min(years), last=max(years))
    return words.say("in year" if len(years) == 1 else "in years", years=named_runs(runs(years), words))


def named_runs(found: Sequence[tuple[int, int]], words: Words, name: Callable[[int], str] = str) -> str:
    """Name numbers: neighbours one by one, three and more as a range."""
    parts: list[str] = []
    for first, last in found:
        if last > first + 1:
            parts.append(words.say("range", first=name(first), last=name(last)))
        else:
            parts += [name(number) for number in range(first, last + 1)]
    return words.join(parts)
