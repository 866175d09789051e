"""Who takes part in a schedule: a few jobs, and for each trigger the moments that a child could count."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random

from app.bootstrap import Services
from app.core.jobs import JobSpec
from app.core.policies import Policies
from app.core.retries import RetryPolicy
from app.core.statuses import OverlapRule, Recovery, TriggerKind
from app.core.triggers import TriggerSpec, cron

Moments = Callable[[datetime, datetime], list[datetime]]
"""The expected moments after one (aware) time, up to and with another."""
MIDNIGHT = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Part:
    """One trigger. ``moments`` is ``None`` where they depend on how long runs take."""

    spec: TriggerSpec
    moments: Moments | None


@dataclass(frozen=True)
class Role:
    """One job."""

    name: str
    parts: tuple[Part, ...]
    policies: Policies


def grid(every_seconds: int, anchor: datetime = MIDNIGHT, last: datetime | None = None) -> Moments:
    every = timedelta(seconds=every_seconds)

    def moments(after: datetime, until: datetime) -> list[datetime]:
        until = min(until, last) if last else until
        first = max(0, (after - anchor) // every + 1)
        return [anchor + number * every for number in range(first, (until - anchor) // every + 1)]

    return moments


def roles(random: Random, now: datetime) -> list[Role]:
    return [
        Role(f"job {number}", tuple(part(random, now) for _ in range(random.choice([1, 1, 2]))), policies(random))
        for number in range(random.randint(1, 3))
    ]


def policies(random: Random) -> Policies:
    skip, queue, parallel, cancel = OverlapRule
    retry = random.choice([None, None, RetryPolicy(count=2, delay_seconds=5, jitter=0)])
    return Policies(
        overlap=random.choice([skip, skip, queue, parallel, cancel]),
        overlap_limit=random.choice([1, 2]),
        retry=retry,
        recovery=random.choice([Recovery.FAIL, Recovery.FAIL, Recovery.RETRY, Recovery.ASK]),
        priority=random.choice([0, 0, 5]),
        start_deadline_seconds=random.choice([None, None, 45]),
    )


def part(random: Random, now: datetime) -> Part:
    return random.choice([every_few_seconds, every_few_seconds, every_minute, fixed_rate, counted, once, after_each])(
        random, now
    )


def _with(spec: TriggerSpec, random: Random, *misfires: str) -> TriggerSpec:
    changes = {"misfire": random.choice(misfires), "misfire_threshold_seconds": random.choice([0, 5, 60])}
    return TriggerSpec(**{**spec.__dict__, **changes})


def every_few_seconds(random: Random, now: datetime) -> Part:
    seconds = random.choice([2, 5, 10, 20])
    misfires = ("smart", "fire_once_now", "do_nothing", "ask")
    return Part(_with(cron(f"*/{seconds} * * * * ?", "UTC"), random, *misfires), grid(seconds))


def every_minute(random: Random, now: datetime) -> Part:
    misfires = ("smart", "fire_once_now", "do_nothing", "ignore_misfire_policy")
    return Part(_with(cron("0 * * * * ?", "Europe/Paris"), random, *misfires), grid(60))


def fixed_rate(random: Random, now: datetime) -> Part:
    seconds = random.choice([3, 7, 30])
    anchor = now + timedelta(seconds=random.choice([1, 4.5]))
    spec = TriggerSpec(TriggerKind.SIMPLE, "UTC", every_seconds=seconds, start_at=anchor)
    return Part(_with(spec, random, "smart", "ask"), grid(seconds, anchor))


def counted(random: Random, now: datetime) -> Part:
    seconds, repeats = random.choice([2, 9]), random.randint(0, 12)
    anchor = now + timedelta(seconds=3)
    spec = TriggerSpec(TriggerKind.SIMPLE, "UTC", every_seconds=seconds, start_at=anchor, repeat_count=repeats)
    misfires = ("reschedule_next_with_remaining_count", "ignore_misfire_policy")
    return Part(_with(spec, random, *misfires), grid(seconds, anchor, anchor + timedelta(seconds=repeats * seconds)))


def once(random: Random, now: datetime) -> Part:
    at = now + timedelta(seconds=random.choice([5, 20, 90]))
    return Part(TriggerSpec(TriggerKind.ONCE, "UTC", start_at=at), grid(1, at, at))


def after_each(random: Random, now: datetime) -> Part:
    delay = random.choice([0, 4, 15])
    return Part(TriggerSpec(TriggerKind.FIXED_DELAY, "UTC", delay_seconds=delay), None)


@dataclass(frozen=True)
class Cast:
    policies: dict[int, Policies]  # by job id
    moments: dict[int, Moments | None]  # by trigger id
    uids: list[str]
    content: sqlite3.Connection  # the database in which they wait for their first moment


def enter(random: Random, services: Services) -> tuple[dict[int, Policies], dict[int, Moments | None], list[str]]:
    """Create the jobs."""
    wanted: dict[int, Policies] = {}
    moments: dict[int, Moments | None] = {}
    uids = []
    for role in roles(random, services.clock()):
        spec = JobSpec(role.name, "NOTHING", triggers=[part.spec for part in role.parts], policies=role.policies)
        job = services.jobs.create(spec, by=None)
        uids.append(job.uid)
        wanted[job.id] = role.policies
        moments |= {trigger.id: part.moments for trigger, part in zip(job.triggers, role.parts, strict=True)}
    services.timer.store.reconcile()
    return wanted, moments, uids
