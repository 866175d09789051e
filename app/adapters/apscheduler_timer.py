"""The timer: APScheduler 3 with its SQLAlchemy job store as a projection of our tables.

What stock APScheduler does and we must not (measured on 3.11.3): it deletes rows that it cannot unpickle, writes one
pickled transaction per due job, drops late jobs without a word, and its loop thread dies on a database error while
``running`` stays True. So the table is only a list of next times. Each row points at one function that never moves and
carries a trigger id; it can be rebuilt from ours at any time, and the loop asks the engine what is due.
"""

import hmac
import io
import logging
import math
import pickle
import re
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from apscheduler.job import Job
from apscheduler.jobstores.base import BaseJobStore
from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.schedulers.blocking import BlockingScheduler
from apscheduler.triggers.base import BaseTrigger
from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.orm import Session, joinedload

import app.schedule.triggers as schedule
from app.adapters import reconciling
from app.core.db import PATIENT, Database, lock_wait_seconds
from app.core.errors import UnavailableError
from app.core.models import Trigger
from app.core.ports import Clock
from app.core.pulse import Monotonic, Pulse
from app.core.triggers import calculator

log = logging.getLogger(__name__)

JOIN_SECONDS = 2.0
LOOK_EVERY = 1.0  # seconds at most between two looks: clocks are stepped, other processes write
RECONCILE_EVERY = 60.0  # seconds
BREATH = 20  # times as long as it took, after a change, until the table is reconciled once more
SWITCH_SECONDS = 0.0005
"""For so long another thread may keep the interpreter after a moment has come; Python's own 5 ms would be most of the
lateness of a fire."""
BACK_OFF = (0.2, 0.5, 1.0, 2.0, 5.0)  # seconds after the first, second ... fault in a row
MAC = 32  # bytes of HMAC-SHA256 in front of each pickle
UNLIMITED = 10**6


def fire(trigger_id: int) -> None:
    """What each APScheduler job points at. Never called: the loop asks the engine for all that is due."""
    raise AssertionError(f"APScheduler itself tried to run trigger {trigger_id}")


class LedgerTrigger(BaseTrigger):  # type: ignore[misc]
    """A thin adapter over the calculator of one of our triggers. Pickled as its id alone."""

    def __init__(self, trigger_id: int) -> None:
        self.trigger_id = trigger_id
        self.calculator: Callable[[int], schedule.Trigger | None] = lambda trigger_id: None  # the store sets it

    def __getstate__(self) -> int:
        return self.trigger_id

    def __setstate__(self, state: int) -> None:
        self.__init__(state)  # type: ignore[misc]

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime | None:
        """As APScheduler asks: strictly after the previous fire, else at ``now`` or after it."""
        pure = self.calculator(self.trigger_id)
        if pure is None:
            return None
        return pure.next_after(previous_fire_time or now - timedelta.resolution)


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == (__name__, "LedgerTrigger"):
            return LedgerTrigger
        raise pickle.UnpicklingError(f"{module}.{name} has no place in the job store")


class ParkingJobStore(SQLAlchemyJobStore):  # type: ignore[misc]
    """Reads only rows that carry our HMAC, deletes none that it cannot read."""

    def __init__(self, db: Database, key: bytes) -> None:
        super().__init__(engine=db.engine)
        self.db = db
        self._key = key
        ours = self.jobs_t.c.id.in_(bindparam("names", expanding=True))
        self._project = update(self.jobs_t).where(ours).values(next_run_time=bindparam("at"))

    def prepare(self) -> None:
        """Make the table where it is missing. Raises ``UnavailableError``."""
        with self.db.transaction() as session:
            self.jobs_t.create(session.connection(), True)

    def start(self, scheduler: Any, alias: str) -> None:
        """As the base class, without its look at the database: a start must not fail half-way."""
        BaseJobStore.start(self, scheduler, alias)

    def project(self, session: Session, changes: Sequence[tuple[int, datetime | None]]) -> None:
        """Write new next times, in the caller's transaction. The pickles stay as they are."""
        alike: dict[datetime | None, list[str]] = defaultdict(list)
        for trigger_id, at in changes:
            alike[at].append(row_id(trigger_id))
        for at, names in alike.items():
            session.connection().execute(self._project, {"names": names, "at": _timestamp(at)})

    def listed(self, session: Session) -> dict[int, datetime | None]:
        """The next times in the table by trigger id; rows of somebody else's are none."""
        rows = session.execute(select(self.jobs_t.c.id, self.jobs_t.c.next_run_time)).all()
        return {number: _moment(at) for name, at in rows if (number := trigger_id_of(name)) is not None}

    def reconcile(self) -> int:
        """Make the table say what ours say. Gives the number of rows that were wrong."""
        return sum(reconciling.parts(self))

    def parts(self) -> Iterator[int]:
        """The same part by part, for who has other things to do between them."""
        return reconciling.parts(self)

    def says(self, next_run_time: float | None, at: datetime | None) -> bool:
        """Whether a row's next time is the one that it should be."""
        return next_run_time == _timestamp(at)

    def add(self, session: Session, triggers: Sequence[Any]) -> None:
        """Add a row for each trigger, given with ``id`` and ``next_fire_at``."""
        rows = [
            {
                "id": row_id(row.id),
                "next_run_time": _timestamp(row.next_fire_at),
                "job_state": self._seal(_state(row.id)),
            }
            for row in triggers
        ]
        if rows:
            session.execute(insert(self.jobs_t), rows)

    def drop(self, session: Session, names: Iterable[str]) -> int:
        """Take rows away, but those that are none of ours; gives their number."""
        rows = [{"row_id": name} for name in names if trigger_id_of(name) is not None]
        if rows:
            session.connection().execute(delete(self.jobs_t).where(self.jobs_t.c.id == bindparam("row_id")), rows)
        return len(rows)

    def _seal(self, state: dict[str, Any]) -> bytes:
        pickled = pickle.dumps(state, self.pickle_protocol)
        return hmac.digest(self._key, pickled, "sha256") + pickled

    def _open(self, sealed: bytes) -> dict[str, Any]:
        pickled = sealed[MAC:]
        if not hmac.compare_digest(sealed[:MAC], hmac.digest(self._key, pickled, "sha256")):
            raise pickle.UnpicklingError("the row was not written with this secret key")
        state: dict[str, Any] = _Unpickler(io.BytesIO(pickled)).load()
        return state

    def _reconstitute_job(self, job_state: bytes) -> Job:
        state = self._open(job_state)
        state["jobstore"] = self
        job = Job.__new__(Job)
        job.__setstate__(state)
        job._scheduler, job._jobstore_alias = self._scheduler, self._alias
        return job

    def _get_jobs(self, *conditions: Any) -> list[Job]:
        table = self.jobs_t
        with self.db.reading() as session:
            rows = session.execute(select(table).where(*conditions).order_by(table.c.next_run_time)).all()
        return [job for row in rows if (job := self._read(row))]

    def _read(self, row: Any) -> Job | None:
        try:
            job = self._reconstitute_job(row.job_state)
        except Exception as error:
            log.warning("row %r of the job store cannot be read and is left alone: %s", row.id, error)
            return None
        job.next_run_time = _moment(row.next_run_time)
        job.trigger.calculator = self._calculator
        return job

    def _calculator(self, trigger_id: int) -> schedule.Trigger | None:
        with self.db.reading() as session:
            trigger = session.get(Trigger, trigger_id, options=[joinedload(Trigger.job)])
            return calculator(trigger, trigger.job.uid) if trigger else None

    def shutdown(self) -> None:
        """The engine is not ours to dispose."""


class TickingScheduler(BackgroundScheduler):  # type: ignore[misc]
    """APScheduler's thread and life cycle around our own loop step."""

    step: Callable[[], float]

    def shutdown(self, *args: Any, **kwargs: Any) -> None:
        """As the base class, but does not wait for ever: the thread may be waiting for the database."""
        BlockingScheduler.shutdown(self, *args, **kwargs)
        self._thread.join(JOIN_SECONDS)
        del self._thread

    def _process_jobs(self) -> float:
        return self.step()


class ApschedulerTimer:
    """Implements ``app.core.ports.Timer``. Set ``tick`` before ``start``: it decides what is due and says when next."""

    def __init__(self, db: Database, key: bytes, clock: Clock, monotonic: Monotonic = time.monotonic) -> None:
        self.store = ParkingJobStore(db, key)
        self.clock = clock
        self.monotonic = monotonic
        self.pulse = Pulse(monotonic)
        self.tick: Callable[[], datetime | None] = lambda: None
        self.scheduler = TickingScheduler(jobstores={"default": self.store}, timezone=UTC)
        self.scheduler.step = self.step
        self._faults = 0
        self._ticked: float | None = None
        self._parts: Iterator[int] | None = None  # of the reconciliation that is going on
        self._reconciled = -math.inf
        self._took = 0.0  # seconds, the newest reconciliation
        self._has_changes = False  # since the newest reconciliation began

    def start(self) -> None:
        sys.setswitchinterval(SWITCH_SECONDS)
        self._ticked = self.monotonic()  # until the first tick its age counts from here
        self.pulse.begin()
        self.scheduler.start()
        self.wake_up()

    def wake_up(self) -> None:
        self._has_changes = True
        if self.scheduler.running:
            self.scheduler.wakeup()

    def tick_age(self) -> float | None:
        return None if self._ticked is None else self.monotonic() - self._ticked

    def stop(self) -> None:
        self.pulse.rest()
        if self.scheduler.running:
            self.scheduler.shutdown(wait=False)

    def step(self) -> float:
        """One turn of the loop. Gives the seconds until the next; survives everything."""
        lock_wait_seconds.set(PATIENT)
        try:
            wait = self._turn()
            self._faults = 0
        except BaseException as error:  # a job type's code may raise SystemExit, which ends a thread without a word
            self._faults += 1
            level = logging.WARNING if isinstance(error, UnavailableError) else logging.ERROR
            log.log(level, "a look at the clock failed, trying again: %s", error, exc_info=level == logging.ERROR)
            wait = BACK_OFF[min(self._faults, len(BACK_OFF)) - 1]
        self.pulse.beat()
        return wait

    def _turn(self) -> float:
        next_at = self.tick()
        self._ticked = self.monotonic()
        if self._go_on_reconciling():
            return 0.0
        seconds = (next_at - self.clock()).total_seconds() if next_at else LOOK_EVERY
        return min(max(seconds, 0.0), LOOK_EVERY)

    def _go_on_reconciling(self) -> bool:
        """Do a part of it, where it is due; gives whether there is more to do."""
        now = self.monotonic()
        if self._parts is None:
            age = now - self._reconciled
            if age < RECONCILE_EVERY and not (self._has_changes and age >= max(LOOK_EVERY, self._took * BREATH)):
                return False
            self._parts, self._has_changes, self._reconciled, self._took = self.store.parts(), False, now, 0.0
        try:
            self._parts = self._parts if next(self._parts, None) is not None else None
        except BaseException:
            self._parts, self._has_changes = None, True
            raise
        self._took += self.monotonic() - now
        return self._parts is not None


def row_id(trigger_id: int) -> str:
    return f"trigger-{trigger_id}"


def trigger_id_of(name: str) -> int | None:
    """``None`` for the name of a row that is none of ours."""
    found = re.fullmatch(r"trigger-(\d{1,18})", name)
    return int(found[1]) if found else None


def _state(trigger_id: int) -> dict[str, Any]:
    """The pickled state of an APScheduler job; constant, so that a fire changes one number and no pickle."""
    return {
        "version": 1,
        "id": row_id(trigger_id),
        "func": f"{__name__}:fire",
        "trigger": LedgerTrigger(trigger_id),
        "executor": "default",
        "args": (trigger_id,),
        "kwargs": {},
        "name": row_id(trigger_id),
        "misfire_grace_time": None,
        "coalesce": False,
        "max_instances": UNLIMITED,
        "next_run_time": None,
    }


def _timestamp(at: datetime | None) -> float | None:
    return at.timestamp() if at else None


def _moment(timestamp: float | None) -> datetime | None:
    return datetime.fromtimestamp(timestamp, UTC) if timestamp is not None else None
