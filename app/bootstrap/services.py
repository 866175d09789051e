"""Carillon as the edges see it: all of its parts, and how they begin and end together."""

import logging
import threading
from datetime import datetime
from functools import cached_property

from app.adapters.dead_man import DeadManSwitch
from app.bootstrap.parts import Given, Parts
from app.core.errors import ConflictError, InvalidError
from app.core.health import OK, STALE_THREAD, Health, held_fires
from app.core.job_types import JobError
from app.job_types.http_call import webhook
from app.job_types.sql_export.probe import Probe, probe

log = logging.getLogger(__name__)


class Services(Parts):
    """Everything that an edge needs."""

    def __init__(self, given: Given) -> None:
        super().__init__(given)
        self.stopped: str | None = None  # who stopped the timekeeping, and when
        self._stopping = threading.Lock()
        self.make_all()

    @cached_property
    def dead_man(self) -> DeadManSwitch | None:
        url, seconds = self.settings.ping_url, self.settings.ping_seconds
        if not url:
            return None
        return DeadManSwitch(webhook.place(url), lambda: webhook.ping(url), self.health, seconds)

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
