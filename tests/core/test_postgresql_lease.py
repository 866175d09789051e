"""The lock of the one keeper on a real PostgreSQL: when it counts as lost."""

import psycopg
from sqlalchemy import make_url

from app.adapters.leases import ADVISORY_KEY, PostgresqlLease
from app.adapters.postgresql import PatientConnection


class TooLate(PostgresqlLease):
    """It looks who has the lock only after the lock has become free."""

    def __init__(self, url: str, holder: psycopg.Connection[tuple[object, ...]]) -> None:
        super().__init__(url)
        self.holder = holder

    def _holder(self, connection: PatientConnection) -> int | None:
        self.holder.execute("SELECT pg_advisory_unlock(%s)", (ADVISORY_KEY,))
        return super()._holder(connection)


def test_a_lock_that_nobody_has_is_not_lost(empty_postgresql_url: str) -> None:
    """Given a session that has the lock, and ends between the question for the lock and the one who has it,
    as the keeper's own lost session does when a silent line speaks again.
    When the lease is asked for
    Then it is had: to say that somebody else has it would end the process.
    """
    url = make_url(empty_postgresql_url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url, autocommit=True) as holder:
        holder.execute("SELECT pg_advisory_lock(%s)", (ADVISORY_KEY,))
        lease = TooLate(empty_postgresql_url, holder)
        assert lease.acquire()
        lease.release()


def test_a_lock_that_another_session_has_is_lost(empty_postgresql_url: str) -> None:
    first, second = PostgresqlLease(empty_postgresql_url), PostgresqlLease(empty_postgresql_url)
    assert first.acquire()
    assert not second.acquire()
    first.release()
