"""How a run ends: complete, cancelled, out of time, out of room, cut off."""

import select
import threading
import time
from types import SimpleNamespace
from unittest.mock import ANY

import pytest

from app.core.job_types import JobError, RunCancelled
from app.core.statuses import FailureReason
from app.job_types.sql_export import copy_out

MANY = {
    "postgresql": "select i, repeat('x', 100) as t from generate_series(1, 1000000) i",
    "mariadb": "select seq as i, repeat('x', 100) as t from seq_1_to_1000000",
    "sqlite": "with recursive n(i) as (select 1 union all select i + 1 from n limit 1000000)"
    " select i, printf('%100d', i) as t from n",
}
ENDLESS = {
    "postgresql": "select count(*) from generate_series(1, 1000000000000) i",
    "mariadb": "select count(*) from seq_1_to_1000000000 a, seq_1_to_1000 b",
    "sqlite": "with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n",
}
BUSY = {
    "postgresql": "select 1 from pg_stat_activity where state = 'active' and query like '%1000000000000%'"
    " and pid <> pg_backend_pid() and datname = current_database()",
    "mariadb": "select 1 from information_schema.processlist where command = 'Query' and db = database()"
    " and info like 'select count(*) from seq_1_to_1000000000%'",
}


@pytest.fixture(params=["postgresql", "mariadb", "sqlite"])
def database(request):
    return request.param


@pytest.fixture
def url(request, database):
    return request.getfixturevalue(f"{database}_url")


@pytest.fixture
def admin(request, database):
    return request.getfixturevalue(database)


def failure(run) -> JobError:
    before = run.left_files
    with pytest.raises(JobError) as caught:
        run.run()
    assert run.left_files == before
    return caught.value


def test_a_run_tells_what_it_made(export, url, database):
    run = export(url, MANY[database].replace("1000000", "30000"))

    made = run.run()

    assert made.count(b"\n") == 30001
    assert (run.file.rows, list(run.file.columns)) == (30000, ["i", "t"])
    assert run.left_files == ["nightly flights-20260302T0300Z.csv"]
    assert run.progressed[-1]["rows"] == 30000
    assert run.progressed[-1]["rows_per_second"] > 0
    assert [values["stage"] for values in run.progressed][:2] == ["connect", "query"]
    assert run.logged[-1] == ("info", "30000 rows in nightly flights-20260302T0300Z.csv")


def test_postgresql_says_what_it_expects(export, postgresql, postgresql_url):
    postgresql.execute("CREATE TABLE counted AS SELECT generate_series(1, 20000) AS i; ANALYZE counted")

    run = export(postgresql_url, "select i from counted")
    run.run()

    assert {values["total"] for values in run.progressed if "rows" in values} == {20000}
    postgresql.execute("DROP TABLE counted")


@pytest.mark.parametrize("database", ["mariadb", "sqlite"])
def test_a_whole_table_is_known_beforehand(export, url, database, admin):
    admin.execute("CREATE TABLE whole (id integer primary key, t varchar(20))")
    admin.execute(f"INSERT INTO whole SELECT i, 'x' FROM ({MANY[database]}) AS many WHERE i <= 3000")
    admin.execute("ANALYZE TABLE whole" if database == "mariadb" else "ANALYZE")
    try:
        run = export(url, "SELECT id, upper(t) AS t FROM whole ORDER BY t")
        run.run()
        part = export(url, "SELECT id FROM whole WHERE id > 10", filename="part")
        part.run()
    finally:
        admin.execute("DROP TABLE whole")

    assert run.progressed[-1]["total"] == pytest.approx(3000, rel=0.05)
    assert part.progressed[-1]["total"] is None


def test_a_small_result_is_not_waited_for_in_portions(export, postgresql_url, monkeypatch):
    waits = []

    class Poll:
        def __init__(self):
            self.poll_ = select.poll()
            self.register = self.poll_.register

        def poll(self, milliseconds):
            waits.append(milliseconds)
            return self.poll_.poll(milliseconds)

    monkeypatch.setattr(copy_out, "select", SimpleNamespace(poll=Poll, POLLIN=select.POLLIN))

    run = export(postgresql_url, "select i, repeat('x', 100) from generate_series(1, 1000) i")

    assert run.run().count(b"\n") == 1001
    assert len(waits) <= 4  # none where all was there; one and, of a slow server, some more


def test_an_expectation_that_was_too_low_is_dropped(export, postgresql_url):
    run = export(postgresql_url, "select i from generate_series(1, 50) i where i > 0 and i < 1000 and i <> 77")
    run.run()

    assert run.progressed[-1] == {"stage": "export", "rows": 50, "rows_per_second": ANY, "total": None}


def test_large_results_come_in_many_small_writes(export, url, database):
    run = export(url, MANY[database].replace("1000000", "50000"))

    run.run()

    assert 5 <= len(run.file.sizes) <= 60


def test_large_rows_come_few_at_a_time(export, url, database):
    wide = MANY[database].replace("1000000", "300").replace("100)", "100000)").replace("%100d", "%100000d")
    run = export(url, wide)

    run.run()

    assert run.file.rows == 300
    assert max(run.file.sizes) <= 64 * 100_010
    assert run.file.sizes[-1] < 1_500_000


def test_cancel_between_batches_leaves_no_file(export, url, database):
    run = export(url, MANY[database])
    run.before_write = lambda written: run.cancel() if written == 2 else None

    with pytest.raises(RunCancelled):
        run.run()

    assert run.left_files == []


def test_cancel_inside_a_statement_stops_it_in_the_database(export, url, database, admin):
    run = export(url, ENDLESS[database])
    cancelled_at = []
    canceller = threading.Thread(
        target=lambda: (until_busy(admin, BUSY.get(database)), cancelled_at.append(time.monotonic()), run.cancel())
    )
    reached = run.progress
    run.progress = lambda **values: (reached(**values), values["stage"] == "query" and canceller.start())

    with pytest.raises(RunCancelled):
        run.run()

    assert time.monotonic() - cancelled_at[0] < 2
    canceller.join()
    assert becomes_idle(admin, BUSY.get(database))
    assert run.left_files == []


def test_cancel_while_waiting_for_a_lock(export, postgresql_url, postgresql):
    postgresql.execute("CREATE TABLE held (a int)")
    run = export(postgresql_url, "select a from held")
    waiting = "select 1 from pg_locks where not granted and relation = 'held'::regclass"
    canceller = threading.Thread(target=lambda: (until_busy(postgresql, waiting), run.cancel()))
    with postgresql.transaction():
        postgresql.execute("LOCK TABLE held")
        canceller.start()
        with pytest.raises(RunCancelled):
            run.run()
        canceller.join()
        postgresql.execute("DROP TABLE held")


def until_busy(admin, question) -> None:
    while question and not is_busy(admin, question):
        pass


def becomes_idle(admin, question) -> bool:
    """The server tells the client first and its list of statements a moment later."""
    until = time.monotonic() + 5
    while is_busy(admin, question):
        if time.monotonic() > until:
            return False
    return True


def is_busy(admin, question) -> bool:
    if question is None:
        return False
    answered = admin.execute(question)
    return (answered if hasattr(answered, "fetchone") else admin).fetchone() is not None


def test_the_time_limit_stops_the_statement_in_the_database(export, url, database, admin):
    error = failure(export(url, ENDLESS[database], statementTimeoutSeconds=1))

    assert str(error) == "the query ran longer than 1 seconds and was stopped"
    assert error.reason is FailureReason.TIMEOUT
    assert becomes_idle(admin, BUSY.get(database))


@pytest.mark.parametrize("database", ["postgresql", "mariadb"])
def test_a_lost_connection_fails_the_run(export, url, database, admin):
    run = export(url, MANY[database])
    run.before_write = lambda written: cut(database, admin) if written == 1 else None

    error = failure(run)

    assert str(error).startswith("lost the connection to the database: ")


def cut(database, admin) -> None:
    if database == "postgresql":
        admin.execute(
            "select pg_terminate_backend(pid, 5000) from pg_stat_activity"
            " where application_name = 'carillon' and datname = current_database()"
        )
    else:
        admin.execute(
            "select id from information_schema.processlist where db = database() and id <> connection_id()"
            " order by id desc"
        )
        admin.execute(f"kill {admin.fetchone()[0]}")


def test_a_full_disk_fails_the_run(export, url, database):
    run = export(url, MANY[database])

    def fill(written):
        if written == 3:
            raise JobError("no space left on the device", FailureReason.DISK_FULL)

    run.before_write = fill

    assert failure(run).reason is FailureReason.DISK_FULL


def test_more_rows_than_allowed_fail_the_run(export, url, database):
    assert export(url, MANY[database].replace("1000000", "5000"), maxRows=5000).run().count(b"\n") == 5001

    error = failure(export(url, MANY[database], maxRows=5000))

    assert error.reason is FailureReason.OUTPUT_LIMIT
    assert str(error) == "the result has more than 5000 rows (maxRows): no file is kept"


@pytest.mark.parametrize(
    ("database", "query", "words"),
    [
        ("postgresql", "select\n  nope from pg_class", 'column "nope" does not exist at line 2, column 3 of the query'),
        ("postgresql", "select 1 from missing", 'relation "missing" does not exist at line 1, column 15 of the query'),
        ("postgresql", "select 1 +", "syntax error at end of input at line 1, column 11 of the query"),
        ("postgresql", "select :v, nope", 'column "nope" does not exist at line 1, column 12 of the query'),
        ("postgresql", "select 1 / (3 - i) from generate_series(1, 5) i", "division by zero"),
        ("mariadb", "select nope", "Unknown column 'nope' in 'SELECT'"),
        ("mariadb", "select 1 from missing", "missing' doesn't exist"),
        ("mariadb", "select 1 +\n\n from", "at line 3"),
        ("postgresql", "select 1 \0 + 1", "a NUL character is not allowed: line 1, column 10"),
        ("postgresql", "select :nul", "NUL"),
        ("sqlite", "select nope", "no such column: nope at line 1, column 8 of the query"),
        ("sqlite", "select 1 from missing", "no such table: missing"),
        ("sqlite", "select 1\n +* 2", 'near "*": syntax error at line 2, column 3 of the query'),
        ("sqlite", "select cast(x'ff' as text) as t", "UTF-8"),
        ("sqlite", "select abs(-9223372036854775808)", "integer overflow"),
    ],
)
def test_a_bad_query_fails_with_the_servers_words_and_the_place(request, export, database, query, words):
    url = request.getfixturevalue(f"{database}_url")

    assert words in str(failure(export(url, query, parameters={"v": "a long value", "nul": "a\0b"})))


@pytest.mark.parametrize(
    ("url", "words", "reason"),
    [
        ("postgresql://postgres:hidden@127.0.0.1:1/test", "cannot connect to the database", FailureReason.EXCEPTION),
        ("mysql+pymysql://root:hidden@127.0.0.1:1/test", "cannot connect to the database", FailureReason.EXCEPTION),
        ("postgresql://postgres:hidden@127.0.0.1:port/test", "database URL cannot be read", FailureReason.CONFIG),
        ("postgresql://postgres:hidden@127.0.0.1/test?nope=1", "database URL is not right", FailureReason.CONFIG),
        ("sqlite:////nowhere/at/all.db", "there is no database file", FailureReason.CONFIG),
        ("sqlite://", "in-memory", FailureReason.CONFIG),
        ("sqlite:///:memory:", "in-memory", FailureReason.CONFIG),
        ("nosuch://user:hidden@host/db", "no driver", FailureReason.CONFIG),
        ("no url with hidden at all", "database URL cannot be read", FailureReason.CONFIG),
    ],
)
def test_a_connection_that_cannot_be_made_says_why_but_no_password(export, url, words, reason):
    error = failure(export(url, "select 1"))

    assert words in str(error)
    assert "hidden" not in str(error)
    assert error.reason is reason


def test_the_file_is_named_as_wished(export, sqlite_url):
    run = export(sqlite_url, "select 1", filename="../daily:report.txt")

    run.run()

    assert run.left_files == ["_daily_report.txt"]


def test_a_file_name_has_a_moment_only_if_the_run_has(export, sqlite_url):
    run = export(sqlite_url, "select 1")
    run.scheduled_for = None

    run.run()

    assert run.left_files == ["nightly flights.csv"]
