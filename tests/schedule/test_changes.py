"""The next clock change of a zone and its effect on triggers."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from app.schedule.changes import Effect, effect_of, next_change
from app.schedule.cron import parse
from app.schedule.describe import describe_effect
from app.schedule.triggers import Cron, Once, Simple

BERLIN = ZoneInfo("Europe/Berlin")
NEW_YEAR, SUMMER = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_the_next_change_tells_what_the_clocks_show():
    spring, autumn = next_change(BERLIN, NEW_YEAR), next_change(BERLIN, SUMMER)

    assert (spring.at, spring.is_gap) == (datetime(2026, 3, 29, 1, tzinfo=UTC), True)
    assert (autumn.at, autumn.is_gap) == (datetime(2026, 10, 25, 1, tzinfo=UTC), False)
    for change in (spring, autumn):
        assert [moment.hour for moment in change.affected] == [2, 3]
    assert next_change(BERLIN, spring.at).at == autumn.at


def test_a_zone_may_have_no_change_to_come():
    assert next_change(ZoneInfo("UTC"), NEW_YEAR) is None
    assert next_change(ZoneInfo("Asia/Kathmandu"), NEW_YEAR) is None
    assert next_change(BERLIN, datetime(2199, 12, 1, tzinfo=UTC)) is None


@pytest.mark.parametrize(
    ("after", "trigger", "effect", "fires"),
    [
        (NEW_YEAR, Cron(parse("0 30 2 * * ?"), BERLIN), Effect.MOVED, 1),
        (NEW_YEAR, Cron(parse("0 30 2 * * ?"), BERLIN, gap="skip"), Effect.SKIPPED, 0),
        (NEW_YEAR, Cron(parse("0 */30 * * * ?"), BERLIN), Effect.SKIPPED, 0),
        (NEW_YEAR, Cron(parse("0 30 3 * * ?"), BERLIN), Effect.NONE, 0),
        (NEW_YEAR, Cron(parse("0 30 2 * * ?"), BERLIN, end=NEW_YEAR), Effect.NONE, 0),
        (SUMMER, Cron(parse("0 30 2 * * ?"), BERLIN), Effect.ONCE, 1),
        (SUMMER, Cron(parse("0 30 2 * * ?"), BERLIN, overlap="second"), Effect.ONCE, 1),
        (SUMMER, Cron(parse("0 */30 * * * ?"), BERLIN), Effect.TWICE, 4),
        (SUMMER, Cron(parse("0 30 3 * * ?"), BERLIN), Effect.NONE, 0),
        (SUMMER, Simple(24 * HOUR, NEW_YEAR), Effect.SHIFTED, 0),
        (SUMMER, Simple(24 * HOUR, NEW_YEAR, repeat_count=3), Effect.NONE, 0),
        (SUMMER, Once(NEW_YEAR), Effect.NONE, 0),
    ],
)
def test_the_effect_of_a_change(after, trigger, effect, fires):
    touched = effect_of(next_change(BERLIN, after), trigger)

    assert (touched.effect, len(touched.fires)) == (effect, fires)


@pytest.mark.parametrize(
    ("after", "text", "words"),
    [
        (NEW_YEAR, "0 30 2 * * ?", "Fires at 03:00 CEST, when its time is left out"),
        (NEW_YEAR, "0 */30 * * * ?", "Does not fire at the times left out"),
        (NEW_YEAR, "0 30 3 * * ?", "Is not touched"),
        (SUMMER, "0 30 2 * * ?", "Fires once at a time that comes twice: 02:30 CEST"),
        (
            SUMMER,
            "0 */15 * * * ?",
            "Fires in both passes of the hour: "
            "02:00 CEST, 02:15 CEST, 02:30 CEST, 02:45 CEST, 02:00 CET, 02:15 CET and so on",
        ),
    ],
)
def test_the_effect_in_words(after, text, words):
    touched = effect_of(next_change(BERLIN, after), Cron(parse(text), BERLIN))

    assert describe_effect(touched, BERLIN) == words


def test_real_time_goes_on_in_words():
    touched = effect_of(next_change(BERLIN, SUMMER), Simple(24 * HOUR, NEW_YEAR))

    assert describe_effect(touched, BERLIN, "de").startswith("Läuft nach echter Zeit weiter")
