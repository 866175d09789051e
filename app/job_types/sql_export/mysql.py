"""MySQL and MariaDB: what an export does there beyond the common cursor."""

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from sqlalchemy import CursorResult, Engine, text
from sqlalchemy.exc import DBAPIError

from app.job_types.sql_export.mysql_plan import COLUMN_TYPES, plan_of
from app.job_types.sql_export.source import CARILLON_TABLE, BindValue, Plan
from app.job_types.sql_export.sql_text import Lexicon, Place, Statement, mysql, place_of
from app.job_types.sql_export.sqlalchemy_cursor import Manners, escaped
from app.job_types.sql_export.whole_table import whole_table

_TIMEOUTS = (1969, 3024)  # max_statement_time exceeded (MariaDB), max_execution_time exceeded (MySQL)
_EXPLAIN_REFUSED = 1345  # a view of whose tables the account may not see the plan; it may read the view
_TYPE_FLOAT, _TYPE_TIMESTAMP = 4, 7
_WRITING = re.compile(r"\b(ALL PRIVILEGES|INSERT|UPDATE|DELETE|CREATE(?! TEMPORARY)|DROP|ALTER|FILE|SUPER)\b")
_NAMED = re.compile(r"near '(.+)' at line \d+|Unknown column '([^']+)'", re.DOTALL)
NETWORK_WAIT_SECONDS = 600  # the default of 60 ends the result when the disk of this machine is slow for a minute


class MySqlManners(Manners):
    def begin(self) -> None:
        run = self.connection.exec_driver_sql
        run("SET SESSION time_zone = '+00:00'")
        run("SET SESSION sql_select_limit = DEFAULT")  # else an administrator's guard cuts a result without a word
        run(f"SET SESSION net_write_timeout = {NETWORK_WAIT_SECONDS}")
        run(self._time_limit())
        self._id = run("SELECT CONNECTION_ID()").scalar_one()
        self._mode = str(run("SELECT @@SESSION.sql_mode").scalar_one())
        run("START TRANSACTION READ ONLY")

    def lexicon(self) -> Lexicon:
        return mysql(backslashes="NO_BACKSLASH_ESCAPES" not in self._mode, ansi_quotes="ANSI_QUOTES" in self._mode)

    def refused_words(self, statement: Statement) -> frozenset[str]:
        """A read-only transaction still writes files (INTO OUTFILE), reads those of the server and locks rows."""
        refused = {"INTO", "LOCK", "LOAD_FILE"}.intersection(statement.words) | statement.quoted_calls & {"LOAD_FILE"}
        locks = {("FOR", "UPDATE"), ("FOR", "SHARE")}.intersection(pairwise(statement.words))
        return frozenset(refused | {" ".join(lock) for lock in locks})

    def concerns(self) -> list[str]:
        found = sorted(set(_WRITING.findall(self._grants())))
        return [f"the account has {', '.join(found)}: give this connection one that may only SELECT"] if found else []

    def can_write(self) -> bool:
        return bool(_WRITING.search(self._grants()))

    def columns_in_utc(self, result: CursorResult[Any]) -> list[int]:
        """A TIMESTAMP is a moment, which the session gives in UTC; a DATETIME has no zone."""
        return [index for index, column in enumerate(self._description(result)) if column[1] == _TYPE_TIMESTAMP]

    def types(self, result: CursorResult[Any]) -> list[str]:
        return [COLUMN_TYPES.get(column[1], "") for column in self._description(result)]

    def plan(self, statement: Statement, bound: Mapping[str, BindValue]) -> Plan:
        try:
            rows = self.connection.execute(text(f"EXPLAIN {escaped(statement)}"), bound).mappings().all()
        except DBAPIError as error:
            if error.orig is None or error.orig.args[:1] != (_EXPLAIN_REFUSED,):
                raise
            return Plan()
        return plan_of(rows, statement)

    def expected_rows(self, statement: Statement, bound: Mapping[str, BindValue]) -> int | None:
        return self.plan(statement, bound).rows if whole_table(statement) else None

    def place(self, said: str, query: str) -> Place | None:
        """What is wrong begins where the text is that the server repeats, up to a value that was put in there."""
        found = _NAMED.search(said)
        words = (found[1] or found[2]) if found else ""
        return place_of(query, words) or place_of(query, words.partition(" ")[0])

    def stop(self, engine: Engine) -> None:
        with engine.connect() as other:
            other.exec_driver_sql(f"KILL QUERY {int(self._id)}")

    def notes(self, result: CursorResult[Any]) -> list[str]:
        names = [column[0] for column in self._description(result) if column[1] == _TYPE_FLOAT]
        return [
            f"the server gives FLOAT with 6 digits only: CAST({name} AS DOUBLE) gives all of them" for name in names
        ]

    def is_carillon(self) -> bool:
        query = "SELECT 1 FROM information_schema.tables WHERE table_name = %s LIMIT 1"  # a query may name any schema
        return self.connection.exec_driver_sql(query, (CARILLON_TABLE,)).first() is not None

    def let_go(self, result: CursorResult[Any]) -> None:
        # PyMySQL reads a result to its end before it forgets it, even when the connection is closed (and then fails).
        pending = getattr(result.cursor, "_result", None)
        if pending is not None:
            pending.unbuffered_active = False

    def is_timeout(self, error: DBAPIError) -> bool:
        return error.orig is not None and bool(error.orig.args) and error.orig.args[0] in _TIMEOUTS

    def _description(self, result: CursorResult[Any]) -> Sequence[Any]:
        return (result.cursor.description if result.cursor is not None else None) or ()

    def _time_limit(self) -> str:
        seconds = self.limits.statement_seconds
        if getattr(self.connection.dialect, "is_mariadb", False):
            return f"SET SESSION max_statement_time = {seconds}"
        return f"SET SESSION max_execution_time = {seconds * 1000}"

    def _grants(self) -> str:
        rows = self.connection.exec_driver_sql("SHOW GRANTS")
        return "\n".join(re.sub(r" (ON|TO) .*", "", str(row[0])) for row in rows)
