"""One schedule: a server on a simulated machine lives through what its seed tells, and then everything calms down."""

import contextlib
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from random import Random

from app.adapters.migrations import migrate
from app.bootstrap import Given, Services
from app.core.errors import CarillonError, UnavailableError
from app.core.statuses import PauseScope
from config import Settings
from tests.fakes import TYPES, PlainHasher
from tests.simulation import cast as casting
from tests.simulation import promises
from tests.simulation.cast import Cast
from tests.simulation.database import GUARD, FaultyDatabase
from tests.simulation.faults import Crash, Faults, Rates
from tests.simulation.machine import Clocks, Machine, SimulatedExecutor
from tests.simulation.promises import Ticks, Times, steps_back

CASTS = 40
STEPS = 30
QUIET_TURNS = 500
MOODS = (
    Rates(preempt=0.2),
    Rates(crash=0.05, preempt=0.1),
    Rates(error=0.2, preempt=0.1),
    Rates(crash=0.02, error=0.1, preempt=0.2),
    Rates(crash=0.15, error=0.15),
)


class BrokenPromiseError(AssertionError):
    """Something did not hold; the text tells the whole story."""


class Stage:
    """What is shared by all schedules of a process: the database file and the casts, made once."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "carillon.db"
        self.settings = Settings(data_dir=folder)
        self.db = FaultyDatabase(self.path)
        migrate(self.db, Clocks().now())
        services = assemble(self, Clocks(), SimulatedExecutor(None))  # type: ignore[arg-type]
        services.timer.store.jobs_t.create(self.db.engine, True)
        self.db.guard(GUARD)
        self._empty = self.db.copy()
        self._casts: dict[int, Cast] = {}

    def cast(self, number: int) -> Cast:
        if number not in self._casts:
            self.db.put(self._empty)
            services = assemble(self, Clocks(), SimulatedExecutor(None))  # type: ignore[arg-type]
            policies, moments, uids = casting.enter(Random(number), services)
            self._casts[number] = Cast(policies, moments, uids, self.db.copy())
        return self._casts[number]

    def close(self) -> None:
        self.db.dispose()


def assemble(stage: Stage, clocks: Clocks, executor: SimulatedExecutor) -> Services:
    key, worker = b"k" * 32, ("unused",)
    made_of = (stage.db, executor, TYPES, PlainHasher(), worker)
    return Services(Given(stage.settings, clocks.now, clocks.monotonic, key, *made_of))


def play(stage: Stage, seed: int, faults: Faults | None = None) -> "Story":
    """Play one schedule to its end, with its own faults or others. Raises ``BrokenPromiseError``."""
    story = Story(stage, seed, faults)
    try:
        story.play()
    finally:
        stage.db.faults = None
        story.give_up()
    return story


class Story:
    def __init__(self, stage: Stage, seed: int, faults: Faults | None = None) -> None:
        self.stage, self.seed = stage, seed
        self.random = Random(seed)
        self.clocks = Clocks()
        self.began = self.clocks.now()
        self.faults = faults or Faults(self.random, self.random.choice(MOODS))
        self.is_clock_put = self.random.random() < 0.3
        self.cast = stage.cast(seed % CASTS)
        workers = self.random.choice([1, 3, 10])
        self.machine = Machine(stage.db, self.clocks, self.faults, self.random, self.cast.policies, workers)
        self.server: Services | None = None
        self.executor: SimulatedExecutor | None = None
        self.ticks = 0  # that succeeded
        self.busy: set[str] = set()  # threads that are in the middle of a step
        self.threads: dict[str, Callable[[], object]] = {}
        self.times = Times(self.began, Ticks(self.began, self.began), Ticks(self.began, self.began), self.began)

    def play(self) -> None:
        self.stage.db.put(self.cast.content)
        self.stage.db.faults = self.faults
        self.faults.preempt = self._let_another_go_first
        for _ in range(STEPS):
            self._survive(self.random.choice(self._plot()))
        self.faults.calm()
        self._end()

    def _plot(self) -> list[Callable[[], None]]:
        """What may happen next, the likely as often as it is likely."""
        if self.server is None:
            return [self._start, self._start, self._wait, self._put_clock if self.is_clock_put else self._wait]
        likely = [self._let_one_go] * 8 + [self._short_wait] * 4
        rare = [self._wait, self._lose_server, self._lose_warden]
        return [*likely, *rare, *([self._put_clock] if self.is_clock_put else [])]

    def _survive(self, event: Callable[[], None]) -> None:
        try:
            event()
        except Crash:
            self._after_crash()

    # Time

    def _short_wait(self) -> None:
        self.clocks.pass_by(self.random.choice([0.01, 0.5, 1, 2, 5]))

    def _wait(self) -> None:
        seconds = self.random.choice([10, 10, 30, 61, 61, 200, 900])
        self._tell(f"{seconds} s pass")
        self.clocks.pass_by(seconds)

    def _put_clock(self) -> None:
        seconds = self.random.choice([-2500, -300, -61, -5, -2.5, 2.5, 5, 61, 300, 2500])
        self._tell(f"the clock is put by {seconds} s")
        self.clocks.put(seconds)

    # The server

    def _start(self) -> None:
        self._tell("a server starts")
        self.executor = SimulatedExecutor(self.machine)
        self.server = server = assemble(self.stage, self.clocks, self.executor)
        try:
            server.engine.clock_steps.begin(self.clocks.now())
            server.outages.begin()
            server.engine.begin()
        except UnavailableError:
            self.give_up()
            return
        self.threads = {
            "timer": self._tick,
            "tidy": server.engine.clock_steps.tidy,
            "reconcile": server.timer.store.reconcile,
            "dispatch": server.engine.dispatch,
            "record": server.engine.record,
            "workers": self.executor.work,
            "work more": self.executor.work,
            "messages": self.executor.tell,
            "people": self._people,
        }
        self._tick_and_look()

    def _tick(self) -> None:
        assert self.server
        now = self.clocks.now()
        try:
            self.server.engine.tick()
        finally:
            true = now + sum(steps_back(self.stage.db), timedelta())
            self.times.on_the_wall.tried(now)
            self.times.in_truth.tried(true)
        self.times.now = now
        self.times.on_the_wall.succeeded(now)
        self.times.in_truth.succeeded(true)
        self.ticks += 1

    def _tick_and_look(self) -> None:
        """A pause whose time is over ends behind the wake of one tick; what it held is decided in the next."""
        before = self.ticks
        for _ in range(2):
            self._step("timer")
        if self.ticks == before + 2:
            self._check(promises.broken)

    def _let_one_go(self) -> None:
        self._step(self.random.choice(list(self.threads)))

    def _let_another_go_first(self) -> None:
        """In the middle of another one's step, where no transaction is open."""
        free = [name for name in self.threads if name not in self.busy]
        if free and self.server:
            self._step(self.random.choice(free))

    def _step(self, name: str) -> None:
        self.busy.add(name)
        try:
            self.threads[name]()
        except UnavailableError:
            pass  # the loops try again
        finally:
            self.busy.discard(name)

    def _people(self) -> None:
        assert self.server
        deeds = [self._ask_for_a_run, self._cancel, self._answer, self._pause, self._end_a_pause]
        with contextlib.suppress(CarillonError):  # told to whom it concerns
            self.random.choice(deeds)(self.server)

    def _ask_for_a_run(self, server: Services) -> None:
        server.runs.request(self.random.choice(self.cast.uids), "ada")

    def _cancel(self, server: Services) -> None:
        if self.machine.begun:
            server.runs.cancel(self.random.choice(self.machine.begun).run_id, "ada")

    def _answer(self, server: Services) -> None:
        """Somebody decides what waits for a decision: late fires, interrupted runs."""
        yes = self.random.random() < 0.5
        if fires := self.stage.db.ask("SELECT id FROM fire WHERE outcome = 'held' LIMIT 5"):
            server.ledger.decide(self.random.choice(fires)[0], yes, "ada")
        if runs := self.stage.db.ask("SELECT id FROM run WHERE asks LIMIT 5"):
            server.runs.decide(self.random.choice(runs)[0], yes, "ada")

    def _pause(self, server: Services) -> None:
        until = self.clocks.now() + timedelta(seconds=100) if self.random.random() < 0.5 else None
        if self.random.random() < 0.5:
            server.pauses.begin(PauseScope.ALL, "", "ada", until=until)
        else:
            server.pauses.begin(PauseScope.JOB, self.random.choice(self.cast.uids), "ada", until=until)

    def _end_a_pause(self, server: Services) -> None:
        for (pause,) in self.stage.db.ask("SELECT id FROM pause WHERE ended_at IS NULL LIMIT 1"):
            server.pauses.end(pause, "ada")

    def _lose_server(self) -> None:
        self._tell("the server is killed")
        raise Crash

    def _lose_warden(self) -> None:
        assert self.executor
        self._tell("the warden is killed")
        self.executor.lose_warden()

    def _after_crash(self) -> None:
        self.machine.lose_server()
        self.give_up()

    def give_up(self) -> None:
        """With the process its lease goes."""
        if self.server:
            self.server.keeper.lease.release()
        self.server, self.executor, self.threads = None, None, {}
        self.busy.clear()

    # The end

    def _end(self) -> None:
        if self.server is None:
            self._start()
        assert self.server
        while self.stage.db.ask("SELECT id FROM pause WHERE ended_at IS NULL"):
            self._end_a_pause(self.server)
        self._tick_and_look()
        for _ in range(QUIET_TURNS):
            self.clocks.pass_by(1)  # retries have their time
            for name in ("dispatch", *["workers"] * 4, "messages", "record"):
                self._step(name)
            if not self._has_work():
                break
        self._step("tidy")
        self._step("reconcile")
        self._check(promises.broken)
        if found := promises.left_over(self.stage.db):
            self._fail(found)

    def _has_work(self) -> bool:
        assert self.executor
        queued = "SELECT 1 FROM run WHERE status = 'queued' LIMIT 1"
        return bool(self.machine.attempts or self.executor.outgoing or self.stage.db.ask(queued))

    def _check(self, look: Callable[..., list[str]]) -> None:
        if found := look(self.stage.db, self.cast, self.machine, self.times):
            self._fail(found)

    def _fail(self, found: list[str]) -> None:
        told = "\n  ".join(self.faults.story)
        raise BrokenPromiseError("\n".join([*found, f"seed {self.seed}:", f"  {told}"]))

    def _tell(self, what: str) -> None:
        self.faults.story.append(f"{self.clocks.now() - self.began}: {what}")
