"""PostgreSQL: COPY (query) TO STDOUT. The server writes the CSV; here it is only moved, many rows at a time.

Why a query can do no more than read:

* The bare query is prepared with the extended protocol, which takes one statement only: ``select 1; drop table x`` and
  ``commit; create table x`` are refused by the server's own parser. COPY itself goes the same way.
* What parses alone as one statement stays one statement inside ``COPY (...)``; a line break ends a comment at its end.
* The transaction is READ ONLY: data-modifying WITH, FOR UPDATE, nextval() and SELECT INTO fail, and a query cannot turn
  it to read-write once it has a snapshot. What slips through (lo_create() before PostgreSQL 16) is never committed.

What functions such as pg_read_file() may do, only the role decides: ``concerns`` tells when it may do too much.
"""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial
from typing import Any, LiteralString

import psycopg
from psycopg import generators, pq, sql
from psycopg.conninfo import make_conninfo

from app.core.job_types import JobError
from app.core.statuses import FailureReason
from app.job_types.sql_export.binds import MOMENTS
from app.job_types.sql_export.copy_out import CopyOut, good
from app.job_types.sql_export.csv_text import CsvFormat
from app.job_types.sql_export.database_url import DatabaseUrl
from app.job_types.sql_export.postgresql_errors import first_line, postgresql_words
from app.job_types.sql_export.postgresql_plan import plan_of
from app.job_types.sql_export.postgresql_rows import portions
from app.job_types.sql_export.postgresql_spelling import spelled_query
from app.job_types.sql_export.source import CARILLON_TABLE, BindValue, Limits, Plan, Table, query_statement
from app.job_types.sql_export.sql_text import POSTGRESQL, Spelled

# Everything that decides how a value is spelled, so that neither server nor role settings change the file.
_BEGIN: LiteralString = """
BEGIN READ ONLY;
SET LOCAL TimeZone TO 'UTC';
SET LOCAL DateStyle TO 'ISO';
SET LOCAL IntervalStyle TO 'postgres';
SET LOCAL extra_float_digits TO 1;
SET LOCAL bytea_output TO 'hex';
SET LOCAL standard_conforming_strings TO on;
SET LOCAL statement_timeout TO {milliseconds};
SELECT pg_catalog.set_config(name, '2s', true) FROM pg_catalog.pg_settings
WHERE name = 'client_connection_check_interval';
"""
# The last one (from PostgreSQL 14 on) ends a query whose worker was killed: nobody is left to cancel it.

_IS_CARILLON = "SELECT EXISTS (SELECT FROM pg_catalog.pg_class WHERE relname = %s AND relkind IN ('r', 'p', 'v', 'f'))"

_TYPES = """
SELECT pg_catalog.format_type((%(oids)s::oid[])[place], (%(modifiers)s::int[])[place])
FROM pg_catalog.generate_series(1, %(columns)s) AS place ORDER BY place
"""

_POWERS = """
SELECT 'a superuser' FROM pg_catalog.pg_roles WHERE rolname = current_user AND rolsuper
UNION ALL
SELECT 'a member of ' || rolname FROM pg_catalog.pg_roles
WHERE rolname IN ('pg_read_server_files', 'pg_write_server_files', 'pg_execute_server_program', 'pg_write_all_data')
  AND pg_catalog.pg_has_role(current_user, oid, 'MEMBER')
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = current_user AND rolsuper)
UNION ALL
SELECT 'allowed to read the password hashes of other roles'
WHERE pg_catalog.has_table_privilege('pg_catalog.pg_authid', 'SELECT')
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = current_user AND rolsuper)
"""

_CAN_WRITE = """
SELECT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = current_user AND rolsuper)
    OR pg_catalog.has_database_privilege(current_database(), 'CREATE')
    OR EXISTS (SELECT FROM pg_catalog.pg_namespace
               WHERE nspname !~ '^pg_' AND pg_catalog.has_schema_privilege(oid, 'CREATE'))
    OR EXISTS (SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = relnamespace
               WHERE relkind IN ('r', 'p', 'v', 'f') AND nspname !~ '^(pg_|information_schema$)'
                 AND pg_catalog.has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE'))
"""


@contextmanager
def open_postgresql(url: DatabaseUrl, limits: Limits) -> "Iterator[PostgreSQL]":
    connection = _connect(url, limits)
    source = PostgreSQL(connection, limits)
    try:
        source.begin()
        yield source
    finally:
        if connection.info.transaction_status is pq.TransactionStatus.ACTIVE:
            source.cancel()  # a statement that sends nothing would not notice that nobody listens
        connection.close()


def _connect(url: DatabaseUrl, limits: Limits) -> psycopg.Connection[Any]:
    parts: dict[str, Any] = {
        "host": url.host,
        "port": url.port,
        "user": url.username,
        "password": url.password,
        "dbname": url.database or None,  # libpq has defaults for what is None
        "connect_timeout": limits.connect_seconds,
        "application_name": "carillon",
        "keepalives_idle": 30,  # a server that vanished is noticed within a minute or so
        "keepalives_interval": 10,
        "keepalives_count": 3,
        **url.options,
        "client_encoding": "UTF8",
    }
    try:
        return psycopg.connect(make_conninfo(**parts), autocommit=True)
    except psycopg.ProgrammingError as error:  # an option that libpq does not know
        raise JobError(f"the database URL is not right: {first_line(error)}", FailureReason.CONFIG) from error
    except psycopg.Error as error:
        raise JobError(f"cannot connect to the database: {first_line(error)}") from error


class PostgreSQL:
    """A ``Source``: one connection in one read-only transaction."""

    def __init__(self, connection: psycopg.Connection[Any], limits: Limits) -> None:
        self._connection = connection
        self._limits = limits
        self._started = time.monotonic()

    def begin(self) -> None:
        with self._words():
            self._connection.execute(sql.SQL(_BEGIN).format(milliseconds=self._limits.statement_seconds * 1000))

    def version(self) -> str:
        return f"PostgreSQL {self._value('SHOW server_version').split()[0]}"

    def is_carillon(self) -> bool:
        return bool(self._value(_IS_CARILLON, [CARILLON_TABLE]))

    def can_write(self) -> bool:
        return bool(self._value(_CAN_WRITE))

    def concerns(self) -> list[str]:
        with self._words():
            found = [row[0] for row in self._connection.execute(_POWERS)]
        if not found and self.can_write():
            found = ["allowed to write"]
        advice = "give this connection a role that may only read"
        return [f"the database role is {' and '.join(found)}: {advice}"] if found else []

    def ask(self, query: str, values: Mapping[str, BindValue], csv: CsvFormat) -> CopyOut:
        self._started = time.monotonic()
        sent = self._sent(query, values)
        with self._words(sent):
            columns, oids, modifiers = self._prepare(sent.text)
            expected_rows = self._explained(sent.text).rows
            types = self._type_names(oids, modifiers)
        query = sent.text if csv.spells_as_copy else spelled_query(sent.text, oids, csv)
        begin = "COPY ("
        words = partial(self._words, sent, len(begin) + query.index(sent.text))
        with words():
            # The line break ends a comment that the query may end with.
            self._copy(f"{begin}{query}\n) TO STDOUT ({self._options(csv)})")
        return CopyOut(self._connection, columns, csv, words, expected_rows, types)

    def table(self, query: str, values: Mapping[str, BindValue]) -> Table:
        self._started = time.monotonic()
        sent = self._sent(query, values)
        with self._words(sent):
            columns, oids, modifiers = self._prepare(sent.text)
            expected_rows = self._explained(sent.text).rows
            types = self._type_names(oids, modifiers)
        rows = portions(self._connection, sent.text, self._words, self._limits.first_rows)
        return Table(columns, rows, expected_rows=expected_rows, types=types)

    def plan(self, query: str, values: Mapping[str, BindValue]) -> Plan:
        self._started = time.monotonic()
        sent = self._sent(query, values)
        with self._words(sent):
            self._prepare(sent.text)
            return self._explained(sent.text)

    def _sent(self, query: str, values: Mapping[str, BindValue]) -> Spelled:
        statement = query_statement(query, values, POSTGRESQL)
        with self._words():
            return statement.spelled(partial(self._literal, values))

    def cancel(self) -> None:
        with suppress(psycopg.Error):
            self._connection.cancel_safe(timeout=5)

    def _words(self, sent: Spelled | None = None, before: int = 0) -> AbstractContextManager[None]:
        return postgresql_words(limit=self._limits.statement_seconds, started=self._started, sent=sent, before=before)

    def _value(self, query: LiteralString, values: Sequence[str] | None = None) -> Any:
        with self._words():
            row = self._connection.execute(query, values).fetchone()
        return row[0] if row else None

    def _literal(self, values: Mapping[str, BindValue], name: str) -> str:
        """Spell the value of a bind as a literal, because COPY takes no parameters.

        libpq quotes it, in the connection's own encoding and with standard_conforming_strings on; the lexicon is that
        of the same setting, so a bind stands where a literal may stand. Text is a literal without a type, which takes
        the type of its surroundings. The spaces keep it from growing together with a neighbour: ``:a'x'`` would give
        ``'v''x'``, ``5-:n`` with -1 a comment.
        """
        if name in MOMENTS and values[name] is None:
            return " NULL::timestamptz "  # untyped, ``:previous_success - interval '1 day'`` would be a length of time
        return f" {sql.Literal(values[name]).as_string(self._connection)} "

    def _options(self, csv: CsvFormat) -> str:
        quoting = sql.SQL(", FORCE_QUOTE *" if csv.quote_all else "")
        options = sql.SQL("FORMAT csv, DELIMITER {}, NULL {}, ENCODING 'UTF8'{}").format(
            sql.Literal(csv.delimiter), sql.Literal(csv.null_text), quoting
        )
        return options.as_string(self._connection)

    def _prepare(self, query: str) -> tuple[list[str], list[int], list[int]]:
        """Have the server parse the text, which it does only for one statement.

        Gives names, types and modifiers of the types (as the 2 in numeric(9,2)) of the columns.
        """
        pgconn = self._connection.pgconn
        pgconn.send_prepare(b"", query.encode())
        self._result()
        pgconn.send_describe_prepared(b"")
        described = self._result()
        if described.nparams:
            raise JobError("there is no parameter $1: values come in by name, as :since")
        columns = range(described.nfields)
        names = [(described.fname(column) or b"").decode() for column in columns]
        return names, list(map(described.ftype, columns)), list(map(described.fmod, columns))

    def _type_names(self, oids: Sequence[int], modifiers: Sequence[int]) -> list[str]:
        values = {"oids": list(oids), "modifiers": list(modifiers), "columns": len(oids)}
        return [row[0] for row in self._connection.execute(_TYPES, values)]

    def _explained(self, query: str) -> Plan:
        """Ask how the query would be run. It is not run."""
        self._connection.pgconn.send_query_params(f"EXPLAIN (FORMAT JSON) {query}".encode(), None)
        explained = json.loads(self._result().get_value(0, 0) or b"[{}]")
        return plan_of(explained[0].get("Plan", {}))

    def _copy(self, statement: str) -> None:
        self._connection.pgconn.send_query_params(statement.encode(), None)
        self._result()

    def _result(self) -> pq.abc.PGresult:
        return good(self._connection.wait(generators.execute(self._connection.pgconn))[-1])
