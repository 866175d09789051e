"""What can be chosen for a trigger, in words."""

from app.schedule.misfire import Misfire

PRESETS = (
    ("0 0 * ? * *", "Every hour"),
    ("0 0 0 ? * *", "Every day at midnight"),
    ("0 0 3 ? * *", "Every day at 3 am"),
    ("0 0 12 ? * MON-FRI", "Every weekday at noon"),
    ("0 0 3 ? * MON", "Every week (Monday at 3 am)"),
)
MODES = (
    ("preset", "Predefined"),
    ("cron", "Cron expression"),
    ("rate", "Fixed rate"),
    ("delay", "Fixed delay"),
    ("interval", "Calendar interval"),
    ("daily", "Daily interval"),
    ("once", "Once"),
)
DIALECTS = (("auto", "Automatic"), ("quartz", "Quartz"), ("spring", "Spring"), ("unix", "Unix"))
SECONDS = ((1, "seconds"), (60, "minutes"), (3600, "hours"), (86400, "days"))
INTERVALS = (
    ("day", "days"),
    ("week", "weeks"),
    ("month", "months"),
    ("year", "years"),
    ("hour", "hours"),
    ("minute", "minutes"),
    ("second", "seconds"),
)
MONTH_ENDS = (
    ("clamp", "Its last day"),
    ("skip", "Not in that month"),
    ("spill", "As many days into the next month"),
)
WEEKDAYS = (
    ("MON", "Monday"),
    ("TUE", "Tuesday"),
    ("WED", "Wednesday"),
    ("THU", "Thursday"),
    ("FRI", "Friday"),
    ("SAT", "Saturday"),
    ("SUN", "Sunday"),
)
GAPS = (("next", "Start at the next moment that exists"), ("skip", "Leave it out"))
OVERLAPS = (
    ("interval", "Fixed times once, intervals go on"),
    ("first", "Start the first time"),
    ("second", "Start the second time"),
    ("both", "Start both times"),
)
MISFIRES: tuple[tuple[Misfire, str], ...] = (
    (Misfire.SMART, "One late start for all that were missed"),
    (Misfire.FIRE_ONCE_NOW, "One late start for all that were missed"),
    (Misfire.DO_NOTHING, "Leave them out"),
    (Misfire.IGNORE, "Start each of them late"),
    (Misfire.ASK, "Ask somebody"),
)
COUNTED_MISFIRES: tuple[tuple[Misfire, str], ...] = (
    (Misfire.SMART, "Once: start late; without end: leave them out; counted: begin anew"),
    (Misfire.FIRE_NOW, "Start late, then go on with the repeats that are left"),
    (Misfire.NOW_EXISTING, "Begin anew now, with all repeats"),
    (Misfire.NOW_REMAINING, "Begin anew now, with the repeats that are left"),
    (Misfire.NEXT_REMAINING, "Leave them out; they are used up"),
    (Misfire.NEXT_EXISTING, "Leave them out; they are made up for at the end"),
    (Misfire.IGNORE, "Start each of them late"),
    (Misfire.ASK, "Ask somebody"),
)
"""Of triggers that count their repeats: fixed rate and once."""
OWN = {Misfire.SMART: "the usual", Misfire.ASK: "Carillon's own"}


def _named(choices: tuple[tuple[Misfire, str], ...]) -> tuple[tuple[str, str], ...]:
    """Quartz's name stands behind the words."""
    return tuple((each.value, f"{words} ({OWN.get(each, each.value.upper())})") for each, words in choices)


FOR_TEMPLATES = {
    "presets": PRESETS,
    "modes": MODES,
    "dialects": DIALECTS,
    "units": SECONDS,
    "intervals": INTERVALS,
    "month_ends": MONTH_ENDS,
    "weekdays": WEEKDAYS,
    "gaps": GAPS,
    "overlaps": OVERLAPS,
    "misfires": _named(MISFIRES),
    "counted_misfires": _named(COUNTED_MISFIRES),
}
