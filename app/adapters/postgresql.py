"""Connections to Carillon's own PostgreSQL that do not wait for ever.

PostgreSQL's own limits (``statement_timeout``, ``lock_timeout``) need a server that is alive. One that was stopped, or
behind a cut line, says nothing at all, and libpq waits for an answer until the kernel gives the connection up: 15
minutes, or never. So the waiting is ours.
"""

import time
from collections.abc import Generator
from typing import Any, TypeVar

import psycopg
from sqlalchemy import event

from app.core.db import STATEMENT_WAITS, Database, Fault, answer_seconds, lock_wait_seconds

T = TypeVar("T")
MARGIN = 1.0  # seconds beyond the server's own limits
PATIENCE = 1.5  # seconds after which a request gives up when others have found the server silent
KEEPALIVES = {"keepalives_idle": 5, "keepalives_interval": 1, "keepalives_count": 3}
"""A line that is cut is noticed within 8 s, by us and (``SERVER_SIDE``) by the server, which then drops our locks."""
SERVER_SIDE = " ".join(f"-c tcp_{name}={value}" for name, value in KEEPALIVES.items())


class SilentServer(psycopg.OperationalError):
    """The server has not answered in time; the connection is closed."""


class PatientConnection(psycopg.Connection[Any]):
    """Gives up when there is no answer, or when it is known that none will come."""

    def is_hopeless(self) -> bool:
        """Whether others have found the server silent, too."""
        return False

    def give_up(self) -> None:
        """Nothing was heard for long enough. The connection is of no use any more."""
        self.pgconn.finish()

    def wait(self, gen: Any, *arguments: Any, **options: Any) -> Any:
        try:
            return super().wait(self._watched(gen), *arguments, **options)
        except SilentServer:
            self.give_up()
            raise

    def _watched(self, steps: Generator[Any, Any, T]) -> Generator[Any, Any, T]:
        """psycopg comes by ten times a second with an empty hand while there is nothing to read."""
        began = time.monotonic()
        may_take = answer_seconds.get() or lock_wait_seconds.get() * STATEMENT_WAITS + MARGIN
        try:
            wanted = next(steps)
            while True:
                ready = yield wanted
                waited = time.monotonic() - began
                if not ready and (waited > may_take or (waited > PATIENCE and self.is_hopeless())):
                    raise SilentServer(f"the server has not answered for {waited:.1f} s")
                wanted = steps.send(ready)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]


def use_patient_connections(db: Database) -> None:
    class Connection(PatientConnection):
        def is_hopeless(self) -> bool:
            return db.refuses

        def give_up(self) -> None:
            super().give_up()
            db.fault = Fault.AWAY

    def connect(dialect: object, record: object, arguments: list[Any], options: dict[str, Any]) -> Any:
        if db.refuses:  # asked by SQLAlchemy, which tries anew when a connection was lost
            raise SilentServer(Fault.AWAY.value)
        return Connection.connect(*arguments, **options | KEEPALIVES)

    event.listen(db.engine, "do_connect", connect)
