"""Schedules in words: English, German, and held against the library cron-cron_descriptor."""

from collections import defaultdict
from datetime import UTC, datetime, time, timedelta
from string import Formatter
from zoneinfo import ZoneInfo

import cron_descriptor
import pytest

from app.schedule.calendars import Weekly
from app.schedule.cron import parse
from app.schedule.describe import describe, describe_expression, describe_fire
from app.schedule.simulate import simulate
from app.schedule.triggers import CalendarInterval, Cron, DailyTimeInterval, FixedDelay, Once, Simple
from app.schedule.words import LOCALES, PHRASES
from tests.schedule.test_cron_rows import rows

BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

EXPRESSIONS = """
* * * * * ?
    Every second
    Jede Sekunde
*/10 * * * * ?
    Every 10 seconds
    Alle 10 Sekunden
0 * * * * ?
    Every minute
    Jede Minute
0 */5 * * * ?
    Every 5 minutes
    Alle 5 Minuten
0 0 * * * ?
    Every hour, on the hour
    Jede Stunde zur vollen Stunde
0 5 * * * ?
    At minute 5 of every hour
    In Minute 5 jeder Stunde
0 */7 * * * ?
    Every 7 minutes from minute 0 to 56 of every hour
    Alle 7 Minuten von Minute 0 bis 56 jeder Stunde
30 */5 * * * ?
    Every 5 minutes, at second 30
    Alle 5 Minuten, in Sekunde 30
15,45 * * * * ?
    At second 15 and 45 of every minute
    In Sekunde 15 und 45 jeder Minute
*/20 0-5 9,12 * * ?
    Every 20 seconds in minute 0 to 5 in hour 9 and 12, every day
    Alle 20 Sekunden in Minute 0 bis 5 in Stunde 9 und 12, jeden Tag
*/20 * 9-11 * * ?
    Every 20 seconds from 09:00:00 to 11:59:40, every day
    Alle 20 Sekunden von 09:00:00 bis 11:59:40 Uhr, jeden Tag
0 0 3 ? * MON
    At 03:00, every Monday
    Um 03:00 Uhr, jeden Montag
0 0 3 ? * 2-6
    At 03:00, Monday to Friday
    Um 03:00 Uhr, Montag bis Freitag
0 0 3 ? * FRI-MON
    At 03:00, Friday to Monday
    Um 03:00 Uhr, Freitag bis Montag
0 0 3 ? * SUN,WED
    At 03:00, every Wednesday and Sunday
    Um 03:00 Uhr, jeden Mittwoch und Sonntag
0 0 9-17 * * ?
    Every hour from 09:00 to 17:00, every day
    Jede Stunde von 09:00 bis 17:00 Uhr, jeden Tag
0 5/10 9-17 * * ?
    Every 10 minutes from 09:05 to 17:55, every day
    Alle 10 Minuten von 09:05 bis 17:55 Uhr, jeden Tag
0 */10 22-2 * * ?
    Every 10 minutes from 22:00 to 02:50, every day
    Alle 10 Minuten von 22:00 bis 02:50 Uhr, jeden Tag
0 */10 22-2 ? * MON
    Every 10 minutes in hour 0 to 2, 22 and 23, every Monday
    Alle 10 Minuten in Stunde 0 bis 2, 22 und 23, jeden Montag
0 0 */2 * * ?
    Every 2 hours from 00:00 to 22:00, every day
    Alle 2 Stunden von 00:00 bis 22:00 Uhr, jeden Tag
0 30 8,9,10,12,15,17,20 * * ?
    At 08:30, 09:30, 10:30, 12:30, 15:30, 17:30 and 20:30, every day
    Um 08:30, 09:30, 10:30, 12:30, 15:30, 17:30 und 20:30 Uhr, jeden Tag
0 0 0 29 2 ?
    At 00:00, on the 29th of February (where it exists)
    Um 00:00 Uhr, am 29. im Februar (wo es ihn gibt)
0 0 0 30 2 ?
    Never, as no such day exists: at 00:00, on the 30th of February (where it exists)
    Nie, weil es keinen solchen Tag gibt: um 00:00 Uhr, am 30. im Februar (wo es ihn gibt)
0 0 0 1 1-3,7 ? 2026,2027
    At 00:00, on the 1st of January to March and July, in the years 2026 and 2027
    Um 00:00 Uhr, am 1. in den Monaten Januar bis März und Juli, in den Jahren 2026 und 2027
0 0 0 1 1 ? 2024/4
    At 00:00, on the 1st of January, every 4 years from 2024 to 2196
    Um 00:00 Uhr, am 1. im Januar, alle 4 Jahre von 2024 bis 2196
0 0 0 ? 6 * 2030
    At 00:00, every day in June, in 2030
    Um 00:00 Uhr, jeden Tag im Juni, im Jahr 2030
0 0 0 2,3,11-13,21 * ?
    At 00:00, on the 2nd, 3rd, 11th to 13th and 21st of every month
    Um 00:00 Uhr, am 2., 3., 11. bis 13. und 21. jedes Monats
0 0 0 L-1W * ?
    At 00:00, on the weekday (Mon-Fri) nearest the day 1 day before the last day of every month
    Um 00:00 Uhr, am Werktag (Mo-Fr) nächst dem Tag 1 Tag vor dem letzten Tag jedes Monats
0 0 0 ? * FRI#5
    At 00:00, on the fifth Friday of every month (where it exists)
    Um 00:00 Uhr, am fünften Freitag jedes Monats (wo es ihn gibt)
0 0 0 ? 3 FRIL
    At 00:00, on the last Friday of March
    Um 00:00 Uhr, am letzten Freitag im März
"""

DAYS_TOGETHER = """
0 0 0 13 * FRI
    spring: At 00:00, on the 13th of every month, if that is a Friday
0 0 0 1-7 * 5L,MON
    spring: At 00:00, on the 1st to 7th of every month, if that is a Monday or the last Friday of the month
0 0 0 1-7 * MON#1
    spring: At 00:00, on the 1st to 7th of every month, if that is the first Monday of the month
0 0 0 * 3 MON,FRI#1
    spring: At 00:00, every Monday in March and on the first Friday of March
0 0 0 28W 5 *
    spring: At 00:00, on the weekday (Mon-Fri) nearest the 28th (not if that is a Sunday at the month's end) of May
0 0 13 * FRI
    unix: At 00:00, on the 13th of every month and every Friday
0 0 */13 * FRI
    unix: At 00:00, on the 1st, 14th and 27th of every month, if that is a Friday
0 0 1-31 * FRI
    unix: At 00:00, every day
0 0 13 * 0-7
    unix: At 00:00, every day
@weekly
    unix: At 00:00, every Sunday
"""


def cases(table, lines):
    """Cut a table into tuples of ``lines`` lines."""
    texts = [line.strip() for line in table.strip().splitlines()]
    return list(zip(*[iter(texts)] * lines, strict=True))


@pytest.mark.parametrize(("text", "english", "german"), cases(EXPRESSIONS, 3))
def test_an_expression_in_words(text, english, german):
    assert describe_expression(parse(text)) == english
    assert describe_expression(parse(text), "de_DE") == german


@pytest.mark.parametrize(("text", "expected"), cases(DAYS_TOGETHER, 2))
def test_day_fields_meet_as_the_dialect_lets_them(text, expected):
    dialect, _, english = expected.partition(": ")

    assert describe_expression(parse(text, dialect)) == english


def test_equal_words_mean_equal_times():
    """Over all rows: where words left something out, two expressions would share them."""
    meanings = defaultdict(set)
    for row in rows("cron_quartz.jsonl.gz", "next", "near_miss_valid"):
        expression = parse(row["expr"])
        for locale in LOCALES:
            meanings[describe_expression(expression, locale)].add(meaning(expression.fields))

    assert [words for words, found in meanings.items() if len(found) > 1] == []


def meaning(fields):
    """What the fields select, whether by ``*``, ``?`` or a list of everything."""
    return (
        tuple(fields[name].values for name in (0, 1, 2, 4, 6)),
        fields.day_of_month.specials,
        fields.day_of_week.specials,
        fields.day_of_month.values if 0 < len(fields.day_of_month.values) < 31 else None,
        fields.day_of_week.values if 0 < len(fields.day_of_week.values) < 7 else None,
    )


def test_every_phrase_has_the_same_parts_in_both_languages():
    for phrase, texts in PHRASES.items():
        english, german = (sorted(name for _, name, _, _ in Formatter().parse(text) if name) for text in texts)
        assert english == german, phrase


TRIGGERS = [
    (
        Cron(parse("0 0 3 * * ?"), BERLIN, end=NOON, calendar="bank"),
        "At 03:00, every day (Europe/Berlin), until 31 January 2026 13:00 CET, except in calendar 'bank'",
        "Um 03:00 Uhr, jeden Tag (Europe/Berlin), bis 31. Januar 2026 13:00 CET, außer im Kalender „bank“",
    ),
    (
        Cron(parse("0 0 3 * * ?"), BERLIN, start=NOON),
        "At 03:00, every day (Europe/Berlin), starting 31 January 2026 13:00 CET",
        "Um 03:00 Uhr, jeden Tag (Europe/Berlin), ab 31. Januar 2026 13:00 CET",
    ),
    (
        Simple(90 * MINUTE, NOON),
        "Every 90 minutes, counted from 31 January 2026 12:00 UTC",
        "Alle 90 Minuten, gezählt ab 31. Januar 2026 12:00 UTC",
    ),
    (
        Simple(DAY, NOON, repeat_count=4),
        "Every day, counted from 31 January 2026 12:00 UTC, 5 times in all",
        "Jeden Tag, gezählt ab 31. Januar 2026 12:00 UTC, insgesamt 5-mal",
    ),
    (
        Simple(DAY, NOON, repeat_count=0),
        "Once, at 31 January 2026 12:00 UTC",
        "Einmal, am 31. Januar 2026 12:00 UTC",
    ),
    (
        Once(NOON + timedelta(seconds=5)),
        "Once, at 31 January 2026 12:00:05 UTC",
        "Einmal, am 31. Januar 2026 12:00:05 UTC",
    ),
    (
        FixedDelay(timedelta(0)),
        "Without a pause, one run after the other",
        "Ohne Pause, ein Lauf nach dem anderen",
    ),
    (
        FixedDelay(DAY + 2 * HOUR),
        "1 day and 2 hours after the end of the run before",
        "1 Tag und 2 Stunden nach dem Ende des vorigen Laufs",
    ),
    (
        CalendarInterval(3, "month", NOON, BERLIN),
        "Every 3 months, counted from 31 January 2026 13:00 CET, in shorter months on their last day",
        "Alle 3 Monate, gezählt ab 31. Januar 2026 13:00 CET, in kürzeren Monaten an deren letztem Tag",
    ),
    (
        CalendarInterval(1, "week", NOON, BERLIN),
        "Every week, counted from 31 January 2026 13:00 CET",
        "Jede Woche, gezählt ab 31. Januar 2026 13:00 CET",
    ),
    (
        DailyTimeInterval(72 * MINUTE, time(8), time(17, 30), BERLIN, frozenset(range(5))),
        "Every 72 minutes from 08:00 to 17:30, Monday to Friday (Europe/Berlin)",
        "Alle 72 Minuten von 08:00 bis 17:30 Uhr, Montag bis Freitag (Europe/Berlin)",
    ),
    (
        DailyTimeInterval(HOUR, time(22), time(3), BERLIN),
        "Every hour from 22:00 to 03:00, every day (Europe/Berlin)",
        "Jede Stunde von 22:00 bis 03:00 Uhr, jeden Tag (Europe/Berlin)",
    ),
]


@pytest.mark.parametrize(("trigger", "english", "german"), TRIGGERS, ids=[case[1][:40] for case in TRIGGERS])
def test_a_trigger_in_words(trigger, english, german):
    assert describe(trigger) == english
    assert describe(trigger, "de") == german
    assert describe(trigger, "fr") == english


def test_a_fire_that_is_no_ordinary_one_says_why():
    spring = datetime(2026, 3, 28, 12, tzinfo=UTC)
    trigger = Cron(parse("0 30 2 * * ?"), BERLIN, calendar="mondays")

    moved, excluded, ordinary = simulate({1: trigger}, {"mondays": Weekly(frozenset({0}))}, spring, spring + 3 * DAY)

    assert describe_fire(moved, BERLIN) == "02:30 does not exist on 29 March 2026: fires at 03:00"
    assert describe_fire(moved, BERLIN, "de") == "02:30 Uhr gibt es am 29. März 2026 nicht: läuft um 03:00 Uhr"
    assert describe_fire(excluded, BERLIN) == "Left out by calendar 'mondays'"
    assert describe_fire(ordinary, BERLIN) is None


# What cron-descriptor 2.2 says, and where that is wrong: this is why Carillon has words of its own.
DESCRIPTOR_AGREES = {
    "0 */5 * * * ?": ("Every 5 minutes", "Alle 5 Minuten"),
    "*/10 * * * * ?": ("Every 10 seconds", "Alle 10 Sekunden"),
    "0 0 12 L * ?": ("At 12:00, on the last day of the month", "Um 12:00, am letzten Tag des Monats"),
    "0 0 0 LW * ?": ("At 00:00, on the last weekday of the month", "Um 00:00, am letzten Werktag des Monats"),
}
DESCRIPTOR_IS_WRONG = [
    ("0 0 3 ? * MON", "de_DE", "Um 03:00, nur am Monday", "the weekday stays English"),
    ("0 15 10 ? * 6#3", "de_DE", "Um 10:15, am dritten Friday des Monats", "the weekday stays English"),
    ("0 0 0 L-3 * ?", "de_DE", "Um 00:00", "the day is lost"),
    ("0 0 0 L-3W * ?", "en_US", "At 00:00, 3 days before the last day of the month", "the W is lost"),
    ("0 0 0 1W,15,LW * ?", "en_US", "At 00:00, on the first weekday of the month", "two of three days are lost"),
    ("0 0 0 1/5 * ?", "en_US", "At 00:00, every 5 days", "it begins anew on each 1st"),
    ("0 */7 * * * ?", "en_US", "Every 7 minutes", "after minute 56 it is 4 minutes"),
    ("0 20/15 * * * ?", "de_DE", "Alle 15 Minuten", "from minute 50 to 20 it is 30 minutes"),
    ("0 0 0 31 * ?", "en_US", "At 00:00, on day 31 of the month", "not every month has one"),
    ("0 0 0 30 2 ?", "en_US", "At 00:00, on day 30 of the month, only in February", "it never fires"),
]


def descriptors_words(text, locale):
    options = cron_descriptor.Options()
    options.day_of_week_start_index_zero, options.use_24hour_time_format = False, True
    options.locale_code = locale
    return cron_descriptor.get_description(text, options)


@pytest.mark.parametrize("text", DESCRIPTOR_AGREES)
def test_cron_descriptor_agrees(text):
    english, german = DESCRIPTOR_AGREES[text]

    assert descriptors_words(text, "en_US") == english
    assert descriptors_words(text, "de_DE") == german
    ours = describe_expression(parse(text)), describe_expression(parse(text), "de")
    assert ours[0].replace("every month", "the month").replace(" (Mon-Fri)", "") == english
    assert ours[1].replace("jedes Monats", "des Monats").replace(" (Mo-Fr)", "").replace(" Uhr", "") == german


@pytest.mark.parametrize(("text", "locale", "wrong", "fault"), DESCRIPTOR_IS_WRONG)
def test_cron_descriptor_is_wrong(text, locale, wrong, fault):
    assert descriptors_words(text, locale) == wrong, f"no longer true: {fault}"
    assert describe_expression(parse(text), locale) != wrong


def test_cron_descriptor_cannot_read_the_last_day_of_the_week():

    with pytest.raises(cron_descriptor.FormatError):
        descriptors_words("0 0 0 ? * L", "en_US")
    assert describe_expression(parse("0 0 0 ? * L")) == "At 00:00, every Saturday"
