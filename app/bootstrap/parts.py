"""Each part of Carillon with what it needs: a part asks for others, which are made when they are first asked for."""

import os
import secrets
import socket
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.adapters import flights, place
from app.adapters.apscheduler_timer import ApschedulerTimer
from app.adapters.clock import seconds_since_boot
from app.adapters.disk import Disk
from app.adapters.divided_executor import DividedExecutor
from app.adapters.inline_executor import InlineExecutor
from app.adapters.leases import FileLease, PostgresqlLease
from app.adapters.mail import Mail
from app.adapters.postman import Postman, Sender
from app.adapters.process_executor import ProcessExecutor
from app.adapters.result_store import ResultStore
from app.adapters.secrets import AesVault, derive
from app.adapters.watchdog import Watchdog
from app.adapters.webhooks import Webhooks
from app.core.calendars import Calendars
from app.core.claiming import Claimant
from app.core.clock_steps import ClockSteps
from app.core.clock_watch import ClockWatch
from app.core.condition import Condition, TroubleKind
from app.core.connections import Connections
from app.core.contracts import Contracts
from app.core.db import Database
from app.core.definitions.importing import Definitions
from app.core.diffs import Diffs
from app.core.drains import Drains
from app.core.engine import Engine
from app.core.entries import Entries
from app.core.fires import Fires
from app.core.gauges import GaugeReader
from app.core.health import DatabaseProbe
from app.core.inbox import Inbox
from app.core.job_types import JobTypes
from app.core.jobs import Jobs
from app.core.keeper import Keeper, Lease
from app.core.keeping import Keeping
from app.core.ledger import Ledger
from app.core.notice_rules import NoticeRules
from app.core.notice_texts import Site
from app.core.orphans import Orphans
from app.core.outages import Outages
from app.core.pauses import Pauses
from app.core.pools import Pools
from app.core.ports import Clock, Executor
from app.core.postroom import Postroom
from app.core.previews import Previews
from app.core.pulse import Monotonic
from app.core.queues import Queues
from app.core.results import Results
from app.core.retention import Retention
from app.core.run_ends import RunEnds
from app.core.run_progress import RunProgress
from app.core.runs import Runs
from app.core.sample import Sample
from app.core.sleep import Sleep
from app.core.statuses import Channel, OutageKind
from app.core.stop_plans import StopPlans
from app.core.system_jobs import SystemJobs
from app.core.upkeep import Task, Upkeep, own_types
from app.core.users import Hasher, Users
from app.core.whereabouts import Whereabouts
from app.job_types.http_call import webhook
from app.job_types.sql_export.rehearsal.rehearsals import Rehearsals

if TYPE_CHECKING:
    from config import Settings

DELIVERIES_KEPT = timedelta(days=90)
WORKER = (sys.executable, "-m", "app.worker")


@dataclass(frozen=True)
class Given:
    """What parts are made of. ``seconds`` is real time, which goes on when ``clock`` is put; ``None`` means as it."""

    settings: "Settings"
    clock: Clock
    seconds: Monotonic | None
    key: bytes
    db: Database
    executor: Executor | None  # None: worker processes
    types: JobTypes
    hasher: Hasher
    worker: Sequence[str]


class Parts(ABC):
    def __init__(self, given: Given) -> None:
        self.given = given
        self.settings, self.clock, self.key = given.settings, given.clock, given.key
        self.db, self.types = given.db, given.types
        self.host = socket.gethostname()

    def make_all(self) -> None:
        """From here on threads find every part made."""
        for kind in type(self).__mro__:
            for name, part in vars(kind).items():
                if isinstance(part, cached_property):
                    getattr(self, name)

    # ------------------------------------------------------------------------------------------- keeping the time

    @cached_property
    def timer(self) -> ApschedulerTimer:
        return ApschedulerTimer(self.db, derive(self.key, "job store"), self.clock)

    @cached_property
    def lease(self) -> Lease:
        return lease_of(self.settings, self.db)

    @cached_property
    def condition(self) -> Condition:
        return Condition(self.db, Disk(self.settings.data_dir), self.clock, lambda: self.keeper.confirm())

    @cached_property
    def clock_steps(self) -> ClockSteps:
        return ClockSteps(self.db, ClockWatch(self.clock, self._real_time), self.timer.store.project)

    @cached_property
    def outages(self) -> Outages:
        return Outages(self.db, self.clock, self._real_time, lambda: _kind_of_gap(self.condition.met()))

    @cached_property
    def sleep(self) -> Sleep:
        return Sleep(self.db, self.clock, self.timer.store.project, self.timer.wake_up)

    @cached_property
    def pauses(self) -> Pauses:
        return Pauses(self.db, self.clock, self.timer.wake_up)

    @cached_property
    def drains(self) -> Drains:
        def ended() -> None:
            self.timer.wake_up()
            self.engine.notice()

        return Drains(self.db, self.clock, ended)

    @cached_property
    def fires(self) -> Fires:
        return Fires(self.db, self.clock, self.timer.store.project)

    @cached_property
    def engine(self) -> Engine:
        made = Engine(
            self.fires, self.runs, self.pauses, self.outages, self.drains, self.clock_steps, self.sleep,
            self.connections, self.types, self.executor, self.clock, self.lease.acquire,
            lambda: self.condition.may_begin, _site(self.settings), self.retention.log_limits,
        )  # fmt: skip
        self.timer.tick = made.tick
        return made

    def _real_time(self) -> float:
        return self.given.seconds() if self.given.seconds else self.clock().timestamp()

    # --------------------------------------------------------------------------------- what shall run, and what did

    @cached_property
    def ends(self) -> RunEnds:
        return RunEnds()

    @cached_property
    def runs(self) -> Runs:
        one_at_a_time = [each.name for each in self.types if each.one_at_a_time]
        claimant = Claimant(secrets.token_hex(8), self.host)
        return Runs(self.db, self.clock, self._runs_changed, claimant, one_at_a_time, self.ends.notice)

    def _runs_changed(self) -> None:
        self.engine.notice()
        self.ends.notice()

    @cached_property
    def jobs(self) -> Jobs:
        return Jobs(self.db, self.clock, self.types, self.runs, self.timer.wake_up)

    @cached_property
    def queues(self) -> Queues:
        return Queues(self.db, self.clock, self.jobs, self.runs, self.timer.wake_up)

    @cached_property
    def pools(self) -> Pools:
        return Pools(self.db, self._runs_changed)

    @cached_property
    def calendars(self) -> Calendars:
        return Calendars(self.db, self.clock, self.timer.wake_up)

    @cached_property
    def connections(self) -> Connections:
        return Connections(self.db, self.clock, AesVault(self.key), self.settings.connections)

    @cached_property
    def system_jobs(self) -> SystemJobs:
        return SystemJobs(self.db, self.jobs, self.settings.timezone)

    @cached_property
    def sample(self) -> Sample:
        load_data = flights.load if flights.is_installed() else None
        return Sample(self.jobs, self.connections, self.settings.data_dir, self.settings.timezone, load_data)

    @cached_property
    def definitions(self) -> Definitions:
        return Definitions(
            self.db, self.clock, self.jobs, self.queues, self.calendars, self.pools, self.connections,
            self.settings.timezone,
        )  # fmt: skip

    @cached_property
    def ledger(self) -> Ledger:
        return Ledger(self.db, self.clock, self.runs.changed)

    @cached_property
    def inbox(self) -> Inbox:
        return Inbox(self.db)

    @cached_property
    def progress(self) -> RunProgress:
        return RunProgress(self.db, self.clock)

    @cached_property
    def previews(self) -> Previews:
        return Previews(self.jobs, self.calendars, self.clock)

    @cached_property
    def stop_plans(self) -> StopPlans:
        return StopPlans(self.db, self.clock)

    @cached_property
    def rehearsals(self) -> Rehearsals:
        return Rehearsals(self.connections.url, self.clock)

    @cached_property
    def entries(self) -> Entries:
        return Entries(self.db, self.clock, self.jobs, self.calendars, self.timer.store, self.timer.wake_up)

    @cached_property
    def executor(self) -> Executor:
        """Worker processes, and this process for its own upkeep: workers have no connection to our database."""
        if self.given.executor is not None:
            return self.given.executor
        settings, own = self.settings, own_types(self.types, self.upkeep)
        command = (*self.given.worker, "--log-format", settings.log_format)
        workers = ProcessExecutor(command, settings.workers, settings.data_dir, clock=self.clock)
        return DividedExecutor(workers, InlineExecutor(own, self.store, clock=self.clock, workers=1), own)

    # ------------------------------------------------------------------------------------------------ their results

    @cached_property
    def store(self) -> ResultStore:
        return ResultStore(self.settings.data_dir / "results")

    @cached_property
    def results(self) -> Results:
        return Results(self.db, self.clock)

    @cached_property
    def contracts(self) -> Contracts:
        return Contracts(self.db, self.clock)

    @cached_property
    def diffs(self) -> Diffs:
        return Diffs(self.db, self.runs, self.system_jobs, self.keeping, self.store.read)

    # ------------------------------------------------------------------------------------------------- housekeeping

    @cached_property
    def keeping(self) -> Keeping:
        return Keeping(self.db, self.clock, self.store.unlink, self.store.disk_bytes)

    @cached_property
    def retention(self) -> Retention:
        seconds = self.given.seconds or seconds_since_boot
        return Retention(self.db, self.clock, self.keeping, seconds, lambda took: self.engine.give_way(took))

    @cached_property
    def orphans(self) -> Orphans:
        return Orphans(self.db, self.clock, self.store)

    @cached_property
    def whereabouts(self) -> Whereabouts:
        return Whereabouts(self.db, self.clock, lambda: place.here(self.db.file), place.is_there)

    @cached_property
    def upkeep(self) -> Upkeep:
        return Upkeep(
            [
                Task("expired logins were removed", self.users.forget_expired),
                Task("results were deleted by keep-rules", self.keeping.sweep),
                Task("old deliveries were forgotten", self._forget_deliveries),
                Task("comparisons of results that are gone were forgotten", self.diffs.forget),
                Task("rows of history were removed", self.retention.work),
            ]
        )

    def _forget_deliveries(self) -> int:
        return self.postroom.forget_before(self.clock() - DELIVERIES_KEPT)

    # ------------------------------------------------------------------------------------------- people and watchers

    @cached_property
    def users(self) -> Users:
        return Users(self.db, self.clock, self.given.hasher)

    @cached_property
    def notice_rules(self) -> NoticeRules:
        return NoticeRules(self.db, self.clock, self._webhook_vault)

    @cached_property
    def postroom(self) -> Postroom:
        site = Site(self.settings.address, self.settings.zone)
        return Postroom(self.db, self.clock, self.given.seconds or time.monotonic, self._webhook_vault, site)

    @cached_property
    def _webhook_vault(self) -> AesVault:
        return AesVault(self.key, "webhooks")

    @cached_property
    def postman(self) -> Postman:
        def may_send() -> bool:
            return self.keeper.active and self.lease.acquire() and not self.sleep.holds()

        return Postman(self.postroom, _senders(self.settings, self.clock), may_send)

    @cached_property
    def database_probe(self) -> DatabaseProbe:
        return DatabaseProbe(self.db, self.clock)

    @cached_property
    def gauges(self) -> GaugeReader:
        return GaugeReader(self.db, self.clock)

    @cached_property
    def keeper(self) -> Keeper:
        name = f"{self.host}:{os.getpid()}"
        return Keeper(
            self.lease,
            self.db,
            self.clock,
            name,
            lambda: self.begin(),
            f"{self.host}:{self.settings.data_dir.resolve()}",
        )

    @abstractmethod
    def begin(self) -> None:
        """What follows once the lease is ours."""

    @cached_property
    def watchdog(self) -> Watchdog:
        pulses = {"timer": self.timer.pulse, **self.engine.pulses}
        return Watchdog({name: pulse.age for name, pulse in pulses.items()}, self.keeper.is_deposed)


def _kind_of_gap(met: set[TroubleKind]) -> OutageKind:
    """What kept the time from being kept for a while."""
    if TroubleKind.DISK in met:
        return OutageKind.DISK
    return OutageKind.DATABASE if TroubleKind.DATABASE in met else OutageKind.STANDSTILL


def _senders(settings: "Settings", clock: Clock) -> dict[Channel, Sender]:
    def post(url: str, uid: str, body: Mapping[str, Any], timestamp: int) -> int:
        return webhook.post(url, uid, body, timestamp, settings.webhook_secret, settings.http_allow)

    mail = Mail(settings.smtp_url, settings.mail_from, clock)
    return {Channel.MAIL: mail, Channel.WEBHOOK: Webhooks(post, webhook.place, clock)}


def _site(settings: "Settings") -> dict[str, str]:
    return {"runner_url": settings.runner_url, "http_allow": settings.http_allow}


def lease_of(settings: "Settings", db: Database) -> Lease:
    if db.is_sqlite:
        return FileLease(Path(f"{db.file}.lock"))
    return PostgresqlLease(settings.database)
