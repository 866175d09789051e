"""What a query must not be able to do: each one fails, makes no file and changes nothing."""

from pathlib import Path

import psycopg
import pytest

from app.core.job_types import JobError

EVERYWHERE = [
    "select 1; select 2",
    "select 1; drop table canary",
    "commit; create table hacked (a int)",
    "drop table canary",
    "delete from canary",
    "insert into canary values (9)",
    "update canary set a = 0",
    "create table hacked as select 1",
    "with x as (select 1) delete from canary",
    "with x as (select 1) insert into canary select 9",
    "explain select 1",
    "begin",
    "set x = 1",
    "values (1); -- \n drop table canary",
    "select 1 /* ; */ ; /* */ drop table canary --",
    "",
    "-- nothing",
    "select 'open",
    "select 1) ; drop table canary; --",
]


@pytest.fixture(scope="module")
def postgresql_table(postgresql, reader_url):
    postgresql.execute(
        "CREATE TABLE canary (a int); INSERT INTO canary VALUES (1), (2); CREATE SEQUENCE counter;"
        "CREATE FUNCTION wreck() RETURNS int LANGUAGE sql AS 'DELETE FROM canary RETURNING a'"
    )
    yield
    postgresql.execute("DROP TABLE canary; DROP SEQUENCE counter; DROP FUNCTION wreck")


@pytest.fixture
def postgresql_canary(postgresql, reader_url, postgresql_table):
    yield reader_url
    assert postgresql.execute("SELECT array_agg(a ORDER BY a) FROM canary").fetchone() == ([1, 2],)
    assert postgresql.execute("SELECT to_regclass('hacked')").fetchone() == (None,)
    assert postgresql.execute("SELECT is_called FROM counter").fetchone() == (False,)


@pytest.fixture(scope="module")
def mariadb_table(mariadb):
    mariadb.execute("CREATE TABLE canary (a int) ENGINE InnoDB")
    mariadb.execute("INSERT INTO canary VALUES (1), (2)")
    yield
    mariadb.execute("DROP TABLE canary")


@pytest.fixture
def mariadb_canary(mariadb, mariadb_url, mariadb_table):
    yield mariadb_url
    mariadb.execute("SELECT group_concat(a ORDER BY a) FROM canary")
    assert mariadb.fetchone() == ("1,2",)
    mariadb.execute("SHOW TABLES LIKE 'hacked'")
    assert mariadb.fetchone() is None


@pytest.fixture
def sqlite_canary(sqlite, sqlite_url, sqlite_path):
    sqlite.executescript("CREATE TABLE canary (a int); INSERT INTO canary VALUES (1), (2)")
    yield sqlite_url
    assert sqlite.execute("SELECT group_concat(a) FROM canary").fetchone() == ("1,2",)
    assert sqlite.execute("SELECT count(*) FROM sqlite_master").fetchone() == (1,)
    assert {path.name for path in sqlite_path.parent.iterdir() if path.suffix in (".db", ".so")} == {"source.db"}


def refused(run) -> str:
    with pytest.raises(JobError) as caught:
        run.run()
    assert run.left_files == []
    return str(caught.value)


@pytest.mark.parametrize("query", EVERYWHERE)
@pytest.mark.parametrize("database", ["postgresql", "mariadb", "sqlite"])
def test_nothing_but_one_reading_statement_runs(request, export, database, query):
    assert refused(export(request.getfixturevalue(f"{database}_canary"), query))


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("with x as (delete from canary returning a) select * from x", "read-only"),
        ("with x as (insert into canary values (9) returning a) select * from x", "read-only"),
        ("select * into hacked from canary", "read-only|INTO"),
        ("select * from canary for update", "read-only"),
        ("select wreck()", "read-only"),
        ("select nextval('counter')", "read-only"),
        ("select set_config('transaction_read_only', 'off', false)", "read-write mode"),
        ("copy canary to program 'touch /tmp/hacked'", "begins with SELECT"),
        ("select 1) to program 'touch /tmp/hacked' --", "syntax error"),
        ("select 1) to stdout; drop table canary; copy (select 2", "only one statement"),
        ("do $$ begin delete from canary; end $$", "begins with SELECT"),
        ("select $1", "no parameter"),
        ("show all", "begins with SELECT"),
    ],
)
def test_postgresql_reads_only_even_as_superuser(export, postgresql_url, postgresql_canary, query, words):
    with pytest.raises(JobError, match=words):
        export(postgresql_url, query).run()


@pytest.mark.parametrize(
    "query",
    [
        "select pg_read_file('/etc/passwd')",
        "select pg_ls_dir('/')",
        "select lo_import('/etc/passwd')",
        "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'postgres'",
        "select passwd from pg_shadow",
        "select query_to_xml('delete from canary', true, true, '')",
        "select dblink_exec('', 'drop table canary')",
    ],
)
def test_a_postgresql_role_without_powers_has_none(export, postgresql_canary, query):
    refused(export(postgresql_canary, query))


def test_what_slips_through_a_read_only_transaction_is_not_committed(export, postgresql_url, postgresql):
    try:
        export(postgresql_url, "select lo_create(0), pg_notify('x', 'y')").run()
    except JobError as error:
        assert "read-only" in str(error)  # noqa: PT017 - since PostgreSQL 16

    assert postgresql.execute("SELECT count(*) FROM pg_largeobject_metadata").fetchone() == (0,)


def test_the_log_says_when_the_role_may_do_too_much(export, postgresql_url, reader_url):
    mighty, meek = export(postgresql_url, "select 1"), export(reader_url, "select 1 as one")

    mighty.run()
    meek.run()

    warnings = [message for level, message in mighty.logged if level == "warning"]
    assert warnings == ["the database role is a superuser: give this connection a role that may only read"]
    assert [level for level, _ in meek.logged if level == "warning"] == []


@pytest.mark.parametrize(
    ("power", "words"),
    [
        ("pg_read_server_files", "is a member of pg_read_server_files:"),
        ("pg_read_all_data", "is allowed to read the password hashes of other roles:"),
    ],
)
def test_powers_of_a_role_are_named(export, postgresql, reader_url, power, words):
    role = psycopg.conninfo.conninfo_to_dict(reader_url)["user"]
    postgresql.execute(f"GRANT {power} TO {role}")
    try:
        run = export(reader_url, "select 1")
        run.run()
    finally:
        postgresql.execute(f"REVOKE {power} FROM {role}")

    assert any(words in message for _, message in run.logged)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("select a from canary into outfile '/tmp/hacked'", "INTO is not allowed"),
        ("select a into @x from canary limit 1", "INTO is not allowed"),
        ("select a from canary /*! into outfile '/tmp/hacked' */", "the server executes"),
        ("select a from canary /*M! into outfile '/tmp/hacked' */", "the server executes"),
        ("select load_file('/etc/passwd')", "LOAD_FILE is not allowed"),
        ("select `load_file`('/etc/passwd')", "LOAD_FILE is not allowed"),
        ("select * from canary for update", "FOR UPDATE is not allowed"),
        ("select * from canary lock in share mode", "LOCK is not allowed"),
        ("delete from canary where a in (select a from canary)", "begins with SELECT"),
    ],
)
def test_mariadb_writes_and_reads_no_files(export, mariadb_canary, query, words):
    assert words in refused(export(mariadb_canary, query))


def test_mariadb_is_in_a_read_only_transaction(export, mariadb_canary, mariadb):
    mariadb.execute(
        "CREATE OR REPLACE FUNCTION wreck() RETURNS int MODIFIES SQL DATA BEGIN DELETE FROM canary; RETURN 1; END"
    )

    assert "READ ONLY" in refused(export(mariadb_canary, "select wreck()"))


def test_mariadb_takes_no_second_statement_even_if_the_url_allows_it(export, mariadb_canary):
    refused(export(f"{mariadb_canary}?client_flag=65536", "select 1; drop table canary"))


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("attach 'other.db' as other", "begins with SELECT"),
        ("pragma journal_mode = delete", "begins with SELECT"),
        ("vacuum into 'other.db'", "begins with SELECT"),
        ("select load_extension('other.so')", "load_extension is not allowed"),
        ("select LOAD_EXTENSION('other.so', 'x')", "load_extension is not allowed"),
        ("select fts3_tokenizer('simple')", "fts3_tokenizer is not allowed"),
        ("select writefile('other.db', 'x')", "no such function|not allowed"),
        ("select readfile('/etc/passwd')", "no such function|not allowed"),
        ("select * from pragma_database_list", "own workings is not allowed"),
        ("select * from dbstat", "own workings is not allowed"),
        ("select zeroblob(1000000000)", "too big"),
        ("with x as (select 1) update canary set a = 0", "UPDATE is not allowed"),
    ],
)
def test_sqlite_asks_the_authorizer(export, sqlite_canary, query, words):
    with pytest.raises(JobError, match=words):
        export(sqlite_canary, query).run()


def test_sqlite_reads_virtual_tables_and_json(export, sqlite, sqlite_url):
    sqlite.executescript(
        "CREATE VIRTUAL TABLE words USING fts5(x); INSERT INTO words VALUES ('hello world');"
        "CREATE VIRTUAL TABLE boxes USING rtree(id, low, high); INSERT INTO boxes VALUES (1, 2, 3);"
        "CREATE VIEW found AS SELECT x FROM words WHERE words MATCH 'hello'"
    )
    query = "SELECT x, low, value FROM found, boxes, json_each('[7]')"

    assert export(sqlite_url, query).run() == b"x,low,value\nhello world,2,7\n"


@pytest.mark.parametrize("database", ["postgresql", "mariadb", "sqlite"])
def test_a_database_of_carillons_own_is_no_source(request, export, database):
    source = request.getfixturevalue(database)
    source.execute("CREATE TABLE carillon_instance (id int)")
    try:
        words = refused(export(request.getfixturevalue(f"{database}_url"), "select 1"))
    finally:
        source.execute("DROP TABLE carillon_instance")

    assert words == "this is a database of Carillon's own: it is not for export"


def test_carillons_own_sqlite_database_is_known_behind_a_link(export, sqlite, sqlite_path, tmp_path: Path):
    sqlite.execute("CREATE TABLE carillon_instance (id int)")
    link = tmp_path / "innocent.db"
    link.symlink_to(sqlite_path)

    assert "Carillon's own" in refused(export(f"sqlite:///{link}", "select 1"))


HOSTILE_VALUES = ["'", "''", "\\'", "\\", "'; drop table canary; --", "$$", "%s", "%(x)s", ":v0", "{}"]
HOSTILE_VALUES += ["a\nb", "é", "?", "/*", "--"]


@pytest.mark.parametrize("database", ["postgresql", "mariadb", "sqlite"])
def test_a_value_is_only_ever_a_value(request, export, database):
    url = request.getfixturevalue(f"{database}_canary")
    names = [f"v{index}" for index in range(len(HOSTILE_VALUES))]
    query = " union all ".join(f"select {index} as id, :{name} as v" for index, name in enumerate(names))
    values = dict(zip(names, HOSTILE_VALUES, strict=True))

    made = export(url, f"select v from ({query}) x order by id", header=False, parameters=values).run().decode()

    plain = made.replace('"', "")
    assert plain == "".join(f"{value}\n" for value in HOSTILE_VALUES)


def test_the_name_of_a_refused_function_may_be_data(export, mariadb_canary):
    assert export(mariadb_canary, "select 'load_file' as x, 'into' as `into`").run() == b"x,into\nload_file,into\n"
