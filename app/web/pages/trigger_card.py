"""One trigger of the job form: from its fields to what the core asks for, and back."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from app.core.statuses import TriggerKind
from app.core.triggers import TriggerSpec, dialect_of
from app.schedule.dialects import FIRST_YEAR, LAST_YEAR
from app.web.pages.problems import Problems
from app.web.pages.trigger_choices import PRESETS, SECONDS, WEEKDAYS

Values = Mapping[str, str]

ALL_DAYS = ",".join(day for day, _ in WEEKDAYS)
BLANK = {
    "mode": "preset", "preset": "0 0 3 ? * *", "expression": "", "dialect": "auto",
    "every": "15", "every_unit": "60", "rate_start": "", "rate_count": "", "delay": "10", "delay_unit": "60",
    "interval_count": "1", "interval_unit": "month", "interval_start": "", "month_end": "clamp",
    "daily_every": "30", "daily_every_unit": "60", "from_time": "08:00", "to_time": "17:00", "weekdays": ALL_DAYS,
    "once_at": "", "timezone": "", "start_at": "", "end_at": "", "calendar": "", "gap": "next", "overlap": "interval",
    "misfire": "smart", "misfire_counted": "smart", "threshold": "60",
    "catch_up_cap": "",
}  # fmt: skip
MORE = ("start_at", "end_at", "calendar", "gap", "overlap", "misfire", "misfire_counted", "threshold", "catch_up_cap")
"""What is folded away while it says nothing of its own; the time zone, too."""
UNSET = {"cron": "expression", "rate": "every", "delay": "delay", "interval": "interval_count", "once": "once_at"}
"""By mode the field without which nothing can be previewed."""
MOMENTS = {"rate": ("rate_start", "end_at"), "interval": ("interval_start", "end_at"), "once": ()}
FIELDS = {  # the form's names for those of the core, by mode
    "preset": {"expression": "preset"},
    "cron": {"expression": "expression", "dialect": "dialect"},
    "rate": {"every_seconds": "every", "start_at": "rate_start", "repeat_count": "rate_count",
             "misfire": "misfire_counted"},
    "delay": {"delay_seconds": "delay"},
    "interval": {"every_count": "interval_count", "every_unit": "interval_unit", "start_at": "interval_start"},
    "daily": {"every_seconds": "daily_every"},
    "once": {"start_at": "once_at", "misfire": "misfire_counted"},
}  # fmt: skip
COMMON = {"misfire_threshold_seconds": "threshold"}


@dataclass(frozen=True)
class Card:
    """``present`` is the stored trigger that the card was made from: it stays as it is while nobody touches the card.

    So a form that shows times in seconds rewrites no part of a second.
    """

    number: int  # from 1
    values: Values
    trigger_id: str = ""
    present: TriggerSpec | None = None

    @property
    def suffix(self) -> str:
        """Behind the names of its fields; those of the first card are plain."""
        return "" if self.number == 1 else f"-{self.number}"

    @property
    def mode(self) -> str:
        return self.values["mode"]

    @property
    def is_unset(self) -> bool:
        """Whether the field that says when is still empty."""
        return not self.values.get(UNSET.get(self.mode, "mode"), "").strip()

    def spec(self) -> TriggerSpec | None:
        """What the card asks for, ``None`` for nothing. What it says wrongly is so that the core refuses it."""
        if self.present is not None and (self.mode == "keep" or read(self.values) == read(shown(self.present))):
            return self.present
        return read(self.values)

    def wrong(self) -> Iterator[tuple[str, str]]:
        """What the core cannot see: texts that would count as left empty."""
        for name in MOMENTS.get(self.mode, ("start_at", "end_at")):
            text = self.values[name].strip()
            if text and read_moment(text, "UTC") is None:
                yield name + self.suffix, f"“{text}” is no date and time; an example: 2026-12-24T18:00."
        if self.spec() is None and self.mode != "hand":
            yield f"mode{self.suffix}", "Choose a kind of schedule."
        if self.mode == "daily" and not self.values["weekdays"]:
            yield f"weekdays{self.suffix}", "Choose at least one day of the week."

    def field_of(self, name: str) -> str:
        """The form's field for one of the core's."""
        known = {**COMMON, **FIELDS.get(self.mode, {})}
        field = known.get(name, name)
        return (field if field in BLANK else "mode") + self.suffix

    def more_is_open(self, zone: str, problems: Problems) -> bool:
        folded = {name + self.suffix for name in (*MORE, "timezone")}
        says_something = any(self.values[name] != BLANK[name] for name in MORE)
        return says_something or self.values["timezone"] != zone or any(field in folded for field, _ in problems)


# From a trigger to the fields


def shown(spec: TriggerSpec) -> dict[str, str]:
    """The fields that say what a trigger says; mode ``keep`` for a kind that this form does not know."""
    maker = SHOWN.get(spec.kind)
    return {**BLANK, **_shown_of_all(spec), **(maker(spec) if maker else {"mode": "keep"})}


def _shown_of_all(spec: TriggerSpec) -> dict[str, str]:
    return {
        "timezone": spec.timezone, "end_at": _wall(spec.end_at, spec.timezone), "calendar": spec.calendar or "",
        "gap": spec.gap, "overlap": spec.overlap, "threshold": str(spec.misfire_threshold_seconds),
        "catch_up_cap": "" if spec.catch_up_cap is None else str(spec.catch_up_cap),
    }  # fmt: skip


def _shown_cron(spec: TriggerSpec) -> dict[str, str]:
    text = spec.expression or ""
    values = {"start_at": _wall(spec.start_at, spec.timezone), "misfire": spec.misfire}
    if text in dict(PRESETS) and spec.dialect in ("quartz", None):
        return {**values, "mode": "preset", "preset": text}
    dialect = spec.dialect or "quartz"
    return {**values, "mode": "cron", "expression": text, "dialect": "auto" if dialect_of(text) == dialect else dialect}


def _shown_simple(spec: TriggerSpec) -> dict[str, str]:
    count = "" if spec.repeat_count is None else str(spec.repeat_count)
    start = _wall(spec.start_at, spec.timezone)
    number = _number_and_unit("every", spec.every_seconds)
    return {"mode": "rate", **number, "rate_start": start, "rate_count": count, "misfire_counted": spec.misfire}


def _shown_delay(spec: TriggerSpec) -> dict[str, str]:
    start = _wall(spec.start_at, spec.timezone)
    return {"mode": "delay", **_number_and_unit("delay", spec.delay_seconds), "start_at": start,
            "misfire": spec.misfire}  # fmt: skip


def _shown_interval(spec: TriggerSpec) -> dict[str, str]:
    return {
        "mode": "interval", "interval_count": str(spec.every_count or ""), "interval_unit": spec.every_unit or "",
        "interval_start": _wall(spec.start_at, spec.timezone), "month_end": spec.month_end or "clamp",
        "misfire": spec.misfire,
    }  # fmt: skip


def _shown_daily(spec: TriggerSpec) -> dict[str, str]:
    return {
        "mode": "daily", **_number_and_unit("daily_every", spec.every_seconds), "from_time": spec.from_time or "",
        "to_time": spec.to_time or "", "weekdays": (spec.weekdays or ALL_DAYS).upper(), "misfire": spec.misfire,
        "start_at": _wall(spec.start_at, spec.timezone),
    }  # fmt: skip


def _shown_once(spec: TriggerSpec) -> dict[str, str]:
    return {"mode": "once", "once_at": _wall(spec.start_at, spec.timezone), "misfire_counted": spec.misfire}


SHOWN: dict[TriggerKind, Callable[[TriggerSpec], dict[str, str]]] = {
    TriggerKind.CRON: _shown_cron,
    TriggerKind.SIMPLE: _shown_simple,
    TriggerKind.FIXED_DELAY: _shown_delay,
    TriggerKind.CALENDAR_INTERVAL: _shown_interval,
    TriggerKind.DAILY_INTERVAL: _shown_daily,
    TriggerKind.ONCE: _shown_once,
}


def _number_and_unit(name: str, seconds: int | None) -> dict[str, str]:
    number, unit = split_seconds(seconds or 0)
    return {name: str(number), f"{name}_unit": str(unit)}


def split_seconds(seconds: int) -> tuple[int, int]:
    """A number and the largest unit (in seconds) in which it is whole."""
    unit = max((size for size, _ in SECONDS if seconds % size == 0), default=1) if seconds else 60
    return seconds // unit, unit


def _wall(moment: datetime | None, zone: str) -> str:
    return f"{moment.astimezone(ZoneInfo(zone)):%Y-%m-%dT%H:%M:%S}" if moment else ""


# From the fields to a trigger


def read(values: Values) -> TriggerSpec | None:
    reader = READERS.get(values["mode"])
    return reader(values) if reader else None


def _read_preset(values: Values) -> TriggerSpec:
    return TriggerSpec(TriggerKind.CRON, expression=values["preset"], dialect="quartz", **_bounded(values))


def _read_cron(values: Values) -> TriggerSpec:
    text, dialect = values["expression"].strip(), values["dialect"]
    dialect = dialect_of(text) if dialect == "auto" else dialect
    return TriggerSpec(TriggerKind.CRON, expression=text, dialect=dialect, **_bounded(values))


def _read_rate(values: Values) -> TriggerSpec:
    start, text = read_moment(values["rate_start"], values["timezone"].strip()), values["rate_count"].strip()
    return TriggerSpec(
        TriggerKind.SIMPLE, every_seconds=read_seconds(values, "every"), start_at=start,
        repeat_count=_count(text, -1) if text else None, **_ended(values, "misfire_counted"),
    )  # fmt: skip


def _read_delay(values: Values) -> TriggerSpec:
    start = read_moment(values["start_at"], values["timezone"].strip())
    seconds = read_seconds(values, "delay")
    return TriggerSpec(TriggerKind.FIXED_DELAY, delay_seconds=seconds, start_at=start, **_ended(values))


def _read_interval(values: Values) -> TriggerSpec:
    unit = values["interval_unit"]
    return TriggerSpec(
        TriggerKind.CALENDAR_INTERVAL, every_count=_count(values["interval_count"], None), every_unit=unit,
        month_end=values["month_end"] if unit in ("month", "year") else None,
        start_at=read_moment(values["interval_start"], values["timezone"].strip()), **_clocks(values), **_ended(values),
    )  # fmt: skip


def _read_daily(values: Values) -> TriggerSpec:
    ticked = values["weekdays"].upper().split(",")
    days = ",".join(day for day, _ in WEEKDAYS if day in ticked)
    return TriggerSpec(
        TriggerKind.DAILY_INTERVAL, every_seconds=read_seconds(values, "daily_every"),
        from_time=_time_of_day(values["from_time"]), to_time=_time_of_day(values["to_time"]),
        weekdays=None if days == ALL_DAYS else days, **_bounded(values),
    )  # fmt: skip


def _read_once(values: Values) -> TriggerSpec:
    moment = read_moment(values["once_at"], values["timezone"].strip())
    return TriggerSpec(TriggerKind.ONCE, start_at=moment, **_of_all(values, "misfire_counted"))


READERS: dict[str, Callable[[Values], TriggerSpec]] = {
    "preset": _read_preset,
    "cron": _read_cron,
    "rate": _read_rate,
    "delay": _read_delay,
    "interval": _read_interval,
    "daily": _read_daily,
    "once": _read_once,
}


def _of_all(values: Values, misfire: str = "misfire") -> dict[str, Any]:
    threshold, cap = values["threshold"].strip(), values["catch_up_cap"].strip()
    return {
        "timezone": values["timezone"].strip(), "calendar": values["calendar"] or None, "misfire": values[misfire],
        "misfire_threshold_seconds": _count(threshold, -1) if threshold else 60,
        "catch_up_cap": _count(cap, -1) if cap else None,
    }  # fmt: skip


def _ended(values: Values, misfire: str = "misfire") -> dict[str, Any]:
    return {**_of_all(values, misfire), "end_at": read_moment(values["end_at"], values["timezone"].strip())}


def _clocks(values: Values) -> dict[str, Any]:
    return {"gap": values["gap"], "overlap": values["overlap"]}


def _bounded(values: Values) -> dict[str, Any]:
    start = read_moment(values["start_at"], values["timezone"].strip())
    return {**_ended(values), **_clocks(values), "start_at": start}


def read_seconds(values: Values, name: str) -> int | None:
    number, unit = _count(values.get(name, ""), None), values.get(f"{name}_unit", "1")
    if number is None:
        return None
    return number * (int(unit) if unit in {str(size) for size, _ in SECONDS} else 1)


def _count(text: str, otherwise: int | None) -> int | None:
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else otherwise


def read_moment(text: str, zone: str) -> datetime | None:
    """A wall time of the zone as a date and time field sends it; ``None`` for what is none, or out of all reason."""
    try:
        moment = datetime.fromisoformat(text.strip()).replace(tzinfo=ZoneInfo(zone))
    except (ValueError, ZoneInfoNotFoundError, OSError):
        return None
    return moment if FIRST_YEAR < moment.year < LAST_YEAR else None


def _time_of_day(text: str) -> str:
    """The shortest way to write it, whatever a browser makes of it; what is none stays as it is."""
    try:
        moment = time.fromisoformat(text.strip())
    except ValueError:
        return text.strip()
    return moment.isoformat("seconds" if moment.second else "minutes")
