"""What a schedule can say, in English and German side by side. Which phrase is meant, ``describe`` knows."""

from collections.abc import Sequence
from datetime import datetime, time, timedelta

LOCALES = ("en", "de")

PHRASES: dict[str, tuple[str, str]] = {
    "and": ("and", "und"),
    "or": ("or", "oder"),
    "range": ("{first} to {last}", "{first} bis {last}"),
    # times of day
    "at times": ("at {times}", "um {times} Uhr"),
    "window": ("{rate} from {first} to {last}", "{rate} von {first} bis {last} Uhr"),
    "on the hour": ("every hour, on the hour", "jede Stunde zur vollen Stunde"),
    "at second": ("at second {runs}", "in Sekunde {runs}"),
    "at minute": ("at minute {runs}", "in Minute {runs}"),
    "second by steps": (
        "every {step} seconds from second {first} to {last}",
        "alle {step} Sekunden von Sekunde {first} bis {last}",
    ),
    "minute by steps": (
        "every {step} minutes from minute {first} to {last}",
        "alle {step} Minuten von Minute {first} bis {last}",
    ),
    "of every minute": ("{what} of every minute", "{what} jeder Minute"),
    "of every hour": ("{what} of every hour", "{what} jeder Stunde"),
    "in minutes": ("{what} in minute {runs}", "{what} in Minute {runs}"),
    "in hours": ("{what} in hour {runs}", "{what} in Stunde {runs}"),
    # days
    "every day": ("every day", "jeden Tag"),
    "each weekday": ("every {weekdays}", "jeden {weekdays}"),
    "on days": ("on the {days}", "am {days}"),
    "last day": ("on the last day", "am letzten Tag"),
    "days before last": ("{days} before the last day", "{days} vor dem letzten Tag"),
    "last workday": ("on the last weekday (Mon-Fri)", "am letzten Werktag (Mo-Fr)"),
    "nearest": ("on the weekday (Mon-Fri) nearest the {day}", "am Werktag (Mo-Fr) nächst dem {day}"),
    "nearest before last": (
        "on the weekday (Mon-Fri) nearest the day {days} before the last day",
        "am Werktag (Mo-Fr) nächst dem Tag {days} vor dem letzten Tag",
    ),
    "not at the end": (
        "{what} (not if that is a Sunday at the month's end)",
        "{what} (nicht, wenn das ein Sonntag am Monatsende ist)",
    ),
    "where it exists": ("{what} (where it exists)", "{what} (wo es ihn gibt)"),
    "on the last": ("on the last {weekday}", "am letzten {weekday}"),
    "on the nth": ("on the {nth} {weekday}", "am {nth}n {weekday}"),
    "if that is": ("{what}, if that is {kinds}", "{what}, falls das {kinds} ist"),
    "a weekday": ("a {weekday}", "ein {weekday}"),
    "the last": ("the last {weekday} of the month", "der letzte {weekday} des Monats"),
    "the nth": ("the {nth} {weekday} of the month", "der {nth} {weekday} des Monats"),
    # months and years
    "of every month": ("{what} of every month", "{what} jedes Monats"),
    "of month": ("{what} of {months}", "{what} im {months}"),
    "of months": ("{what} of {months}", "{what} in den Monaten {months}"),
    "in month": ("{what} in {months}", "{what} im {months}"),
    "in months": ("{what} in {months}", "{what} in den Monaten {months}"),
    "in year": ("in {years}", "im Jahr {years}"),
    "in years": ("in the years {years}", "in den Jahren {years}"),
    "years by steps": ("every {step} years from {first} to {last}", "alle {step} Jahre von {first} bis {last}"),
    "never": ("never, as no such day exists: {what}", "nie, weil es keinen solchen Tag gibt: {what}"),
    # other triggers
    "once": ("once, at {moment}", "einmal, am {moment}"),
    "unreadable": ("never, as this cannot be read: {why}", "nie, denn dies ist nicht lesbar: {why}"),
    "counted from": ("{rate}, counted from {moment}", "{rate}, gezählt ab {moment}"),
    "times in all": ("{what}, {count} times in all", "{what}, insgesamt {count}-mal"),
    "after the end": ("{length} after the end of the run before", "{length} nach dem Ende des vorigen Laufs"),
    "continuous": ("without a pause, one run after the other", "ohne Pause, ein Lauf nach dem anderen"),
    "clamp": ("{what}, in shorter months on their last day", "{what}, in kürzeren Monaten an deren letztem Tag"),
    "skip": ("{what}, not in shorter months", "{what}, nicht in kürzeren Monaten"),
    "spill": (
        "{what}, instead of a missing day as many days into the next month",
        "{what}, statt an einem fehlenden Tag entsprechend später im nächsten Monat",
    ),
    "starting": ("{what}, starting {moment}", "{what}, ab {moment}"),
    "until": ("{what}, until {moment}", "{what}, bis {moment}"),
    "in zone": ("{what} ({zone})", "{what} ({zone})"),
    "less calendar": ("{what}, except in calendar '{name}'", "{what}, außer im Kalender „{name}“"),
    # single fires
    "moved": (
        "{meant} does not exist on {date}: fires at {fires}",
        "{meant} Uhr gibt es am {date} nicht: läuft um {fires} Uhr",
    ),
    # effects of a clock change
    "effect none": ("is not touched", "bleibt unberührt"),
    "effect moved": ("fires at {times}, when its time is left out", "läuft um {times}, weil seine Zeit ausfällt"),
    "effect skipped": ("does not fire at the times left out", "läuft nicht zu den ausgefallenen Zeiten"),
    "effect once": ("fires once at a time that comes twice: {times}", "läuft einmal zu doppelter Zeit: {times}"),
    "effect twice": ("fires in both passes of the hour: {times}", "läuft in beiden Durchgängen der Stunde: {times}"),
    "effect shifted": (
        "goes on in real time: its local times are others from then on",
        "läuft nach echter Zeit weiter: die Ortszeiten sind danach andere",
    ),
    "and more": ("{times} and so on", "{times} und so weiter"),
    # hints
    "weekday number": (
        "weekday numbers: 1 is {first} in the {dialect} dialect, {other_first} in {others}; names are safer",
        "Wochentage als Zahlen: 1 ist {first} im Dialekt {dialect}, {other_first} in {others}; Namen sind sicherer",
    ),
    "uneven step": (
        "steps of {step} do not divide the field {field}: they begin anew after {last}",
        "Schritte von {step} teilen das Feld {field} nicht: nach {last} beginnen sie von vorn",
    ),
    "step too long": (
        "a step of {step} never comes to a second value",
        "ein Schritt von {step} erreicht keinen zweiten Wert",
    ),
    "not every month": (
        "not every month has such a day: those without it are left out",
        "nicht jeder Monat hat einen solchen Tag: die ohne ihn werden ausgelassen",
    ),
    "every second": ("fires every second", "läuft jede Sekunde"),
    "never fires": ("no such day exists: it never fires", "einen solchen Tag gibt es nicht: läuft nie"),
    "both days": ("both day fields must match", "beide Tagesfelder müssen zutreffen"),
    "either day": ("one of the two day fields is enough", "eines der beiden Tagesfelder genügt"),
    "dialects differ": ("{dialects} read this differently", "{dialects} lesen das verschieden"),
    "excluded": ("left out by calendar '{name}'", "ausgelassen durch den Kalender „{name}“"),
}  # fmt: skip

_WEEKDAYS = (
    ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    ("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"),
)
_MONTHS = (
    ("January", "February", "March", "April", "May", "June",
     "July", "August", "September", "October", "November", "December"),
    ("Januar", "Februar", "März", "April", "Mai", "Juni",
     "Juli", "August", "September", "Oktober", "November", "Dezember"),
)  # fmt: skip
_NTH = (("first", "second", "third", "fourth", "fifth"), ("erste", "zweite", "dritte", "vierte", "fünfte"))
_UNITS: dict[str, tuple[tuple[str, str, str], tuple[str, str, str]]] = {
    # unit: every one; one; several
    "second": (("every second", "second", "seconds"), ("jede Sekunde", "Sekunde", "Sekunden")),
    "minute": (("every minute", "minute", "minutes"), ("jede Minute", "Minute", "Minuten")),
    "hour": (("every hour", "hour", "hours"), ("jede Stunde", "Stunde", "Stunden")),
    "day": (("every day", "day", "days"), ("jeden Tag", "Tag", "Tage")),
    "week": (("every week", "week", "weeks"), ("jede Woche", "Woche", "Wochen")),
    "month": (("every month", "month", "months"), ("jeden Monat", "Monat", "Monate")),
    "year": (("every year", "year", "years"), ("jedes Jahr", "Jahr", "Jahre")),
}
_EVERY = ("every", "alle")
_SECONDS = {"day": 86400, "hour": 3600, "minute": 60, "second": 1}


class Words:
    """The words of one locale, ``en`` or ``de`` (a region after it is ignored, other languages read English)."""

    def __init__(self, locale: str) -> None:
        language = locale.lower().replace("_", "-").split("-")[0]
        self.locale = language if language in LOCALES else "en"
        self._index = LOCALES.index(self.locale)

    def say(self, phrase: str, **parts: object) -> str:
        return PHRASES[phrase][self._index].format(**parts)

    def weekday(self, weekday: int) -> str:
        return _WEEKDAYS[self._index][weekday]

    def month(self, month: int) -> str:
        return _MONTHS[self._index][month - 1]

    def nth(self, number: int) -> str:
        return _NTH[self._index][number - 1]

    def day_of_month(self, day: int) -> str:
        if self.locale == "de":
            return f"{day}."
        ending = "th" if 10 < day < 20 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
        return f"{day}{ending}"

    def join(self, items: Sequence[str], conjunction: str = "and") -> str:
        *others, last = items
        return f"{', '.join(others)} {self.say(conjunction)} {last}" if others else last

    def count(self, number: int, unit: str) -> str:
        _, one, several = _UNITS[unit][self._index]
        return f"{number} {one if number == 1 else several}"

    def every(self, number: int, unit: str) -> str:
        return _UNITS[unit][self._index][0] if number == 1 else f"{_EVERY[self._index]} {self.count(number, unit)}"

    def length(self, length: timedelta) -> str:
        """Name a length of time with all units that it needs: 1 day and 12 hours."""
        if not length:
            return self.count(0, "second")
        seconds, parts = length // timedelta(seconds=1), []
        for unit, size in _SECONDS.items():
            number, seconds = divmod(seconds, size)
            parts += [self.count(number, unit)] if number else []
        return self.join(parts)

    def every_length(self, length: timedelta) -> str:
        """Name a rate by the largest unit of which it is a whole number: every 90 minutes, every 2 days."""
        for unit, size in _SECONDS.items():
            number, rest = divmod(length, timedelta(seconds=size))
            if number and not rest:
                return self.every(number, unit)
        return f"{_EVERY[self._index]} {length.total_seconds()} {_UNITS['second'][self._index][2]}"

    def date(self, moment: datetime) -> str:
        if self.locale == "de":
            return f"{moment.day}. {self.month(moment.month)} {moment.year}"
        return f"{moment.day} {self.month(moment.month)} {moment.year}"

    def moment(self, moment: datetime) -> str:
        return f"{self.date(moment)} {self.clock_of(moment)}"

    def clock_of(self, moment: datetime | time) -> str:
        """Show a time of day, with seconds only where there are any."""
        return self.clock(moment.hour, moment.minute, moment.second or None)

    def clock(self, hour: int, minute: int, second: int | None = None) -> str:
        return f"{hour:02}:{minute:02}" if second is None else f"{hour:02}:{minute:02}:{second:02}"


def capitalised(text: str) -> str:
    return text[:1].upper() + text[1:]
