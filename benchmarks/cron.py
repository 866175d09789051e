"""Next-fire calls per second: Carillon against croniter and APScheduler's CronTrigger, in the same run.

Every library walks along its own fires from the same start, as it is meant to be used. All are warm: each round
repeats the same walk, and the best of the rounds counts. Time is processor time, and the libraries take turns, so that
what else the machine does hits all of them alike.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from time import process_time
from zoneinfo import ZoneInfo

from apscheduler.triggers.cron import CronTrigger
from croniter import croniter

from app.schedule.cron import parse
from app.schedule.simulate import simulate
from app.schedule.triggers import Cron

# Quartz's text, the same for croniter (which counts weekdays from 0), the same in APScheduler's keywords
EXPRESSIONS: list[tuple[str, str, dict[str, str]]] = [
    ("0 0 3 ? * MON", "0 0 3 * * MON", {"day_of_week": "mon", "hour": "3"}),
    ("0 */5 * * * ?", "0 */5 * * * *", {"minute": "*/5"}),
    ("0 0 12 L * ?", "0 0 12 L * *", {"day": "last", "hour": "12"}),
    ("0 0 0 29 2 ? *", "0 0 0 29 2 * *", {"month": "2", "day": "29"}),
    ("0 15 10 ? * 6#3", "0 15 10 * * FRI#3", {"day": "3rd fri", "hour": "10", "minute": "15"}),
    ("*/10 * * * * ?", "*/10 * * * * *", {"second": "*/10"}),
]
ZONES = ["UTC", "Europe/Berlin"]
START = datetime(2026, 1, 1, tzinfo=UTC)
ROUNDS = 7
SECONDS_PER_ROUND = 0.1
LONGEST_WALK = 2000  # and 15 leap days, which end before croniter's and APScheduler's last year

Walk = Callable[[int], list[datetime]]


def carillon(quartz: str, zone: ZoneInfo) -> Walk:
    trigger = Cron(parse(quartz), zone)

    def walk(count: int) -> list[datetime]:
        fires, instant = [], START
        for _ in range(count):
            instant = trigger.next_after(instant) or START
            fires.append(instant)
        return fires

    return walk


def croniter_walk(text: str, zone: ZoneInfo) -> Walk:
    def walk(count: int) -> list[datetime]:
        fires = croniter(text, START.astimezone(zone), second_at_beginning=True)
        return [fires.get_next(datetime) for _ in range(count)]

    return walk


def apscheduler_walk(fields: dict[str, str], zone: ZoneInfo) -> Walk:
    trigger = CronTrigger(**fields, timezone=zone)

    def walk(count: int) -> list[datetime]:
        fires: list[datetime] = []
        instant = START.astimezone(zone)
        for _ in range(count):
            instant = trigger.get_next_fire_time(instant if fires else None, instant)
            fires.append(instant)
        return fires

    return walk


def calls_per_second(walks: list[Walk], longest: int) -> list[float]:
    counts = [_count_for_a_round(walk, longest) for walk in walks]
    best = [0.0] * len(walks)
    for _ in range(ROUNDS):
        for number, (walk, count) in enumerate(zip(walks, counts, strict=True)):
            best[number] = max(best[number], _rate(walk, count))
    return best


def _rate(walk: Walk, count: int) -> float:
    calls, began = 0, process_time()
    while (spent := process_time() - began) < SECONDS_PER_ROUND:
        walk(count)
        calls += count
    return calls / spent


def _count_for_a_round(walk: Walk, longest: int) -> int:
    """A walk of at most a round's time, so that slow libraries do not stretch the whole run."""
    began = process_time()
    walk(5)
    return max(5, min(longest, int(5 * SECONDS_PER_ROUND / (process_time() - began))))


def simulated_year(triggers: int = 1000) -> tuple[int, float]:
    """Count the fires of nightly triggers in a year, and the seconds that it takes to list them in order."""
    zone = ZoneInfo("Europe/Berlin")
    nightly = {number: Cron(parse(f"0 {number % 60} {number % 6} * * ?"), zone) for number in range(triggers)}
    began = process_time()
    fires = sum(1 for _ in simulate(nightly, {}, START, START.replace(year=START.year + 1)))
    return fires, process_time() - began


def main() -> None:
    print(f"{'expression':<18}{'zone':<16}{'Carillon/s':>12}{'croniter/s':>12}{'APSched./s':>12}{'ratios':>16}")
    ratios: list[tuple[float, float]] = []
    for quartz, text, fields in EXPRESSIONS:
        for zone in map(ZoneInfo, ZONES):
            walks = [carillon(quartz, zone), croniter_walk(text, zone), apscheduler_walk(fields, zone)]
            assert walks[0](5) == walks[1](5), (quartz, walks[0](5), walks[1](5))
            ours, croniters, apschedulers = calls_per_second(walks, 15 if "29 2" in quartz else LONGEST_WALK)
            ratios.append((ours / croniters, ours / apschedulers))
            row = f"{quartz:<18}{zone.key:<16}{ours:>12,.0f}{croniters:>12,.0f}{apschedulers:>12,.0f}"
            print(f"{row}{ratios[-1][0]:>8.1f}{ratios[-1][1]:>8.1f}", flush=True)
    fires, seconds = simulated_year()
    print(f"a year of 1,000 nightly triggers, simulated in order: {fires:,} fires in {seconds:.2f} s")
    smallest = [round(min(column), 1) for column in zip(*ratios, strict=True)]
    figures = {"ratio_croniter_min": smallest[0], "ratio_apscheduler_min": smallest[1]}
    print(json.dumps(figures | {"simulate_year_of_1000_seconds": round(seconds, 2)}))


if __name__ == "__main__":
    main()
