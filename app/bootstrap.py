"""The composition root: the only place that picks adapters."""

import logging
import os
import secrets
import socket
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.adapters import file_systems, flights, place, sqlite_file
from app.adapters.apscheduler_timer import ApschedulerTimer
from app.adapters.clock import seconds_since_boot, utc_now
from app.adapters.dead_man import DeadManSwitch
from app.adapters.disk import Disk
from app.adapters.divided_executor import DividedExecutor
from app.adapters.inline_executor import InlineExecutor
from app.adapters.leases import FileLease, PostgresqlLease
from app.adapters.mail import Mail
from app.adapters.migrations import migrate
from app.adapters.postgresql import use_patient_connections
from app.adapters.postman import Postman, Sender
from app.adapters.process_executor import ProcessExecutor
from app.adapters.result_store import ResultStore
from app.adapters.secrets import AesVault, Argon2Hasher, check_key, derive, load_key
from app.adapters.watchdog import Watchdog
from app.adapters.webhooks import Webhooks
from app.core import sealed
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
from app.core.errors import ConflictError, InvalidError
from app.core.fires import Fires
from app.core.gauges import GaugeReader
from app.core.health import OK, STALE_THREAD, DatabaseProbe, Health, held_fires
from app.core.inbox import Inbox
from app.core.job_types import JobError, JobTypes
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
from app.job_types.sql_export.probe import Probe, probe
from app.job_types.sql_export.rehearsal.rehearsals import Rehearsals

if TYPE_CHECKING:
    from config import Settings

log = logging.getLogger(__name__)

DELIVERIES_KEPT = timedelta(days=90)
WORKER = (sys.executable, "-m", "app.worker")


@dataclass
class Services:
    """Everything that an edge needs."""

    settings: "Settings"
    clock: Clock
    key: bytes
    db: Database
    types: JobTypes
    jobs: Jobs
    queues: Queues
    fires: Fires
    ledger: Ledger
    inbox: Inbox
    runs: Runs
    progress: RunProgress
    pauses: Pauses
    pools: Pools
    definitions: Definitions
    outages: Outages
    drains: Drains
    condition: Condition
    stop_plans: StopPlans
    sleep: Sleep
    whereabouts: Whereabouts
    results: Results
    contracts: Contracts
    keeping: Keeping
    diffs: Diffs
    retention: Retention
    orphans: Orphans
    store: ResultStore
    connections: Connections
    calendars: Calendars
    previews: Previews
    rehearsals: Rehearsals
    entries: Entries
    users: Users
    system_jobs: SystemJobs
    sample: Sample
    engine: Engine
    timer: ApschedulerTimer
    keeper: Keeper
    ends: RunEnds
    watchdog: Watchdog
    database_probe: DatabaseProbe
    gauges: GaugeReader
    notice_rules: NoticeRules
    postroom: Postroom
    postman: Postman
    dead_man: DeadManSwitch | None = None
    stopped: str | None = None  # who stopped the timekeeping, and when
    _stopping: threading.Lock = field(default_factory=threading.Lock)

    def start(self) -> None:
        """Keep the time, or stand by while another process does."""
        self.condition.start()
        self.keeper.start()
        if self.dead_man:
            self.dead_man.start()

    def begin(self) -> None:
        """Called once the lease is ours: nothing of an earlier server is writing files any more."""
        began = self.clock()
        self.timer.store.prepare()
        self.engine.clock_steps.begin(began)
        self.drains.restart()
        self.whereabouts.settle()
        self.sleep.begin()
        self.outages.begin()
        self.system_jobs.ensure()
        self.engine.start()  # from here on nothing may fail: it would be tried again from the beginning
        self._sweep(began)
        self.timer.start()
        self.watchdog.start()
        self.postman.start()

    def _sweep(self, before: datetime) -> None:
        try:
            self.store.sweep(before=before)
        except OSError as error:
            log.warning("unfinished files of earlier runs cannot be removed: %s", error)

    def stop(self) -> None:
        """Start nothing new, give what runs its grace time, and hand the lease on."""
        if self.dead_man:
            self.dead_man.stop()
        self.timer.stop()
        if self.keeper.active:
            self.engine.stop(self.settings.shutdown_grace)
        self.postman.stop()  # late, as these may be waiting for the database: what runs has a right to its time
        self.watchdog.stop()
        self.keeper.stop()
        self.condition.stop()
        self.db.dispose()

    def stop_timekeeping(self, by: str, wait_seconds: float) -> None:
        """Let nothing come due any more until the process is started anew; what is asked for by hand still runs.

        Waits up to ``wait_seconds`` for the runs that are going on. Raises ``ConflictError`` when it has been stopped.
        """
        with self._stopping:
            self.check_timekeeping()
            self.stopped = f"stopped by {by} at {self.clock():%Y-%m-%d %H:%M:%S} UTC"
        log.warning("the timekeeping is %s; a restart starts it again", self.stopped)
        self.timer.stop()
        self.ends.wait(lambda: not self.runs.counts(), wait_seconds)

    def check_timekeeping(self) -> None:
        """Raise ``ConflictError`` after a stop."""
        if self.stopped is not None:
            raise ConflictError("Scheduler is not running", code="not_running")

    @property
    def is_standby(self) -> bool:
        return not self.keeper.active

    def probe(self, name: str) -> Probe:
        """Open a connection as a job would. Raises ``NotFoundError``, ``InvalidError`` with the database's words."""
        url = self.connections.url(name)
        try:
            return probe(url)
        except JobError as error:
            raise InvalidError.of("url", str(error)) from None

    def is_live(self) -> bool:
        """Whether the threads come by, without a look at the database."""
        return all(age is None or age < STALE_THREAD for age in (look() for look in self.watchdog.ages.values()))

    def health(self) -> Health:
        """Never takes longer than two seconds, whatever the database does."""
        database = self.database_probe.look(writes=self.keeper.active)
        drain = self.drains.current() if database == OK else None
        asleep = self.sleep.state() if database == OK else None
        ages = {name: age() for name, age in self.watchdog.ages.items()}
        return Health(
            role="active" if self.keeper.active else "standby",
            tick_age_seconds=self.timer.tick_age(),
            threads={name: age for name, age in ages.items() if age is not None},
            database=database,
            disk_free_bytes=self.store.free_bytes(),
            degraded=tuple(trouble.words for trouble in self.condition.troubles),
            draining_until=f"{drain.until:%Y-%m-%dT%H:%M:%SZ}" if drain else None,
            disk_reserve_bytes=self.store.keep_free,
            keeper=self.keeper.holder() if database == OK else None,
            stopped=self.stopped,
            asleep=asleep.why if asleep else None,
            came_from=self.whereabouts.came_from() if database == OK else None,
            held_fires=held_fires(self.db) if database == OK else None,
        )


def build(
    settings: "Settings",
    *,
    now: Clock | None = None,
    seconds: Monotonic | None = None,
    executor: Executor | None = None,
    types: JobTypes | None = None,
    hasher: Hasher | None = None,
    worker: Sequence[str] = WORKER,
    check_seconds: float = 0,
) -> Services:
    """Put the parts together; nothing runs yet. Makes the data directory, the key and the database where missing.

    ``now`` and ``seconds`` (real time, which goes on when ``now`` is put; else the same as it) are for tests, as are
    ``executor`` and ``hasher``. ``check_seconds``: see ``sqlite_file.check``. Raises ``StartRefusedError`` and what
    the file system and the database raise.
    """
    os.umask(0o077)
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    db = Database(settings.database)
    if not db.is_sqlite:
        use_patient_connections(db)
    look_first(settings, db, check_seconds)
    key = load_key(settings.key_file)
    if now is None:
        now, seconds = utc_now, seconds or seconds_since_boot
    migrate(db, now())
    types, hasher = types or JobTypes.installed(), hasher or Argon2Hasher()
    return assemble(settings, now, seconds, key, db, executor, types, hasher, worker)


def look_first(settings: "Settings", db: Database, check_seconds: float) -> None:
    """Raise ``StartRefusedError`` where a server would do harm, or would be of no use; nothing is changed."""
    if db.is_sqlite and db.file is not None:
        if not settings.network_files:
            file_systems.refuse_network(db.file)
        sqlite_file.check(db.file, check_seconds)
    check_key(settings.key_file, lambda: sealed.count(db))


def assemble(
    settings: "Settings",
    clock: Clock,
    seconds: Monotonic | None,
    key: bytes,
    db: Database,
    executor: Executor | None,
    types: JobTypes,
    hasher: Hasher,
    worker: Sequence[str],
) -> Services:
    """The same around a database and a key that are there already."""
    store = ResultStore(settings.data_dir / "results")
    timer = ApschedulerTimer(db, derive(key, "job store"), clock)
    boot, host = secrets.token_hex(8), socket.gethostname()
    ends = RunEnds()

    def may_send() -> bool:
        return services.keeper.active and lease.acquire() and not sleep.holds()

    def drain_ended() -> None:
        timer.wake_up()
        engine.notice()

    def runs_changed() -> None:
        engine.notice()
        ends.notice()

    one_at_a_time = [each.name for each in types if each.one_at_a_time]
    runs = Runs(db, clock, runs_changed, Claimant(boot, host), one_at_a_time, ends.notice)
    real_time = seconds or (lambda: clock().timestamp())
    pauses = Pauses(db, clock, timer.wake_up)
    condition = Condition(db, Disk(settings.data_dir), clock, lambda: services.keeper.confirm())
    outages = Outages(db, clock, real_time, lambda: _kind_of_gap(condition.met()))
    drains = Drains(db, clock, drain_ended)
    fires = Fires(db, clock, timer.store.project)
    connections = Connections(db, clock, AesVault(key), settings.connections)
    users = Users(db, clock, hasher)
    vault = AesVault(key, "webhooks")
    postroom = Postroom(db, clock, seconds or time.monotonic, vault, Site(settings.address, settings.zone))
    keeping = Keeping(db, clock, store.unlink, store.disk_bytes)
    jobs = Jobs(db, clock, types, runs, timer.wake_up)
    system_jobs = SystemJobs(db, jobs, settings.timezone)
    diffs = Diffs(db, runs, system_jobs, keeping, store.read)
    retention = Retention(db, clock, keeping, seconds or seconds_since_boot, lambda took: engine.give_way(took))
    if executor is None:
        upkeep = Upkeep(
            [
                Task("expired logins were removed", users.forget_expired),
                Task("results were deleted by keep-rules", keeping.sweep),
                Task("old deliveries were forgotten", lambda: postroom.forget_before(clock() - DELIVERIES_KEPT)),
                Task("comparisons of results that are gone were forgotten", diffs.forget),
                Task("rows of history were removed", retention.work),
            ]
        )
        executor = _executor(settings, clock, store, worker, own_types(types, upkeep))
    lease = lease_of(settings, db)
    sleep = Sleep(db, clock, timer.store.project, timer.wake_up)
    watch = ClockWatch(clock, real_time)
    clock_steps = ClockSteps(db, watch, timer.store.project)
    keeps_time, site = lease.acquire, _site(settings)
    engine = Engine(
        fires, runs, pauses, outages, drains, clock_steps, sleep, connections, types, executor, clock, keeps_time,
        lambda: condition.may_begin, site, retention.log_limits,
    )  # fmt: skip
    timer.tick = engine.tick
    calendars = Calendars(db, clock, timer.wake_up)
    load_data = flights.load if flights.is_installed() else None
    queues = Queues(db, clock, jobs, runs, timer.wake_up)
    pools = Pools(db, runs_changed)
    services = Services(
        settings=settings,
        clock=clock,
        key=key,
        db=db,
        types=types,
        jobs=jobs,
        queues=queues,
        fires=fires,
        ledger=Ledger(db, clock, runs.changed),
        inbox=Inbox(db),
        runs=runs,
        progress=RunProgress(db, clock),
        pauses=pauses,
        pools=pools,
        definitions=Definitions(db, clock, jobs, queues, calendars, pools, connections, settings.timezone),
        outages=outages,
        drains=drains,
        condition=condition,
        stop_plans=StopPlans(db, clock),
        sleep=sleep,
        whereabouts=Whereabouts(db, clock, lambda: place.here(db.file), place.is_there),
        results=Results(db, clock),
        contracts=Contracts(db, clock),
        keeping=keeping,
        diffs=diffs,
        retention=retention,
        orphans=Orphans(db, clock, store),
        store=store,
        connections=connections,
        calendars=calendars,
        previews=Previews(jobs, calendars, clock),
        rehearsals=Rehearsals(connections.url, clock),
        entries=Entries(db, clock, jobs, calendars, timer.store, timer.wake_up),
        users=users,
        system_jobs=system_jobs,
        sample=Sample(jobs, connections, settings.data_dir, settings.timezone, load_data),
        engine=engine,
        timer=timer,
        watchdog=Watchdog(
            {"timer": timer.pulse.age, **{name: pulse.age for name, pulse in engine.pulses.items()}},
            is_deposed=lambda: services.keeper.is_deposed(),
        ),
        keeper=Keeper(
            lease, db, clock, f"{host}:{os.getpid()}", lambda: services.begin(), f"{host}:{settings.data_dir.resolve()}"
        ),
        ends=ends,
        database_probe=DatabaseProbe(db, clock),
        gauges=GaugeReader(db, clock),
        notice_rules=NoticeRules(db, clock, vault),
        postroom=postroom,
        postman=Postman(postroom, _senders(settings, clock), may_send),
    )
    if settings.ping_url:
        services.dead_man = DeadManSwitch(
            webhook.place(settings.ping_url), lambda: webhook.ping(settings.ping_url), services.health,
            settings.ping_seconds,
        )  # fmt: skip
    return services


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


def _executor(settings: "Settings", clock: Clock, store: ResultStore, worker: Sequence[str], own: JobTypes) -> Executor:
    """Worker processes, and this process for its own upkeep: workers have no connection to our database."""
    command = (*worker, "--log-format", settings.log_format)
    workers = ProcessExecutor(command, settings.workers, settings.data_dir, clock=clock)
    return DividedExecutor(workers, InlineExecutor(own, store, clock=clock, workers=1), own)


def lease_of(settings: "Settings", db: Database) -> Lease:
    if db.is_sqlite:
        return FileLease(Path(f"{db.file}.lock"))
    return PostgresqlLease(settings.database)
