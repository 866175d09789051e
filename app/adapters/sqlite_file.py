"""A look at SQLite's file before it is opened for writing: from a damaged one Carillon does not start.

The look is read-only: a database that is damaged stays as it was found, however often a supervisor starts us again.
"""

import logging
import os
import shutil
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

from app.core.errors import StartRefusedError

log = logging.getLogger(__name__)

DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
MARK_OF_A_SERVER = "workers.lock"  # beside the database once a server has run there
RESERVE = 256 << 20  # bytes that an upgrade may need besides
OUR_TABLE = "carillon_instance"
WHAT_TO_DO = (
    "Carillon does not start from it, and has left it as it is. Stop what starts Carillon again, and restore a backup:"
    " carillon restore FILE --replace (the damaged database is kept aside). Without a backup, copy the data directory,"
    " and see what the sqlite3 program's .recover can save"
)


def check(path: Path, seconds: float) -> None:
    """Raise ``StartRefusedError`` where the database is damaged.

    ``seconds`` is how long its pages may be looked at (400 MB of them took 0.4 s); what is left then is taken on trust,
    and the log says so. 0 looks only at what SQLite sees on opening: another kind of file, a wrong length, a broken
    list of tables.
    """
    problem = _left_over(path) if _is_empty(path) else _opened(path, seconds)
    if problem:
        raise StartRefusedError(f"the database {str(path)!r} is damaged: {problem}. {WHAT_TO_DO}")


def problem_of(path: Path) -> str | None:
    """Look at every page and every index, however long it takes. Gives the first thing that is wrong."""
    connection = _reading(path)
    try:
        return _first(connection.execute("PRAGMA integrity_check(1)").fetchone()[0])
    except sqlite3.DatabaseError as error:
        return str(error)
    finally:
        connection.close()


def files(path: Path) -> list[Path]:
    """The database's own file, and those beside it."""
    return [path, *(Path(f"{path}{suffix}") for suffix in ("-wal", "-shm", "-journal"))]


def being_restored(path: Path) -> Path:
    """Where a database is made that will take the place of this one."""
    return path.with_name(f"{path.name}.restoring")


def keep_copy(path: Path, name: str) -> Path | None:
    """Copy a database as it is now beside itself, whoever else reads it; ``None`` where there is no room for it.

    Writers have to be kept away by the caller. A copy of that name that is there already stays: an upgrade that is
    tried again may have a better one of it than there is now.
    """
    copy = path.with_name(f"{path.name}.{name}")
    if copy.exists():
        return copy
    size = sum(each.stat().st_size for each in files(path) if each.exists())
    if shutil.disk_usage(path.parent).free < 2 * size + RESERVE:
        log.warning("there is no room for a copy of %s beside it: none is made", path)
        return None
    part = copy.with_name(f"{copy.name}.part")
    part.unlink(missing_ok=True)
    with closing(_reading(path)) as source, closing(sqlite3.connect(part)) as target:
        source.backup(target)
    part.chmod(0o600)
    os.replace(part, copy)
    log.warning("a copy of the database as it was is kept: %s", copy)
    return copy


def _is_empty(path: Path) -> bool:
    return not path.exists() or path.stat().st_size == 0


def _left_over(path: Path) -> str | None:
    """Where there is no database a first start makes one, but never over what an earlier one has left."""
    if being_restored(path).exists():
        return "it is gone, as a restoration was broken off: begin it again"
    log_file = Path(f"{path}-wal")
    if log_file.exists() and log_file.stat().st_size:
        return f"it is empty or gone, and {str(log_file)!r} holds changes to it"
    if path.exists() and _has_served(path):
        return "it is empty, and a server has run here"
    return None


def _has_served(path: Path) -> bool:
    return (path.parent / MARK_OF_A_SERVER).exists()


def _opened(path: Path, seconds: float) -> str | None:
    connection = _reading(path)
    try:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
        if OUR_TABLE not in tables and _has_served(path):
            return "a server has run here, and its tables are not there"  # the write-ahead log of another database
        return _looked_at(connection, seconds) if seconds else None
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode & 0xFF in DAMAGED:
            return str(error)
        raise
    finally:
        connection.close()


def _reading(path: Path) -> sqlite3.Connection:
    """Read-only, so that nothing of a write-ahead log is written into the file."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=5, check_same_thread=False)


def _looked_at(connection: sqlite3.Connection, seconds: float) -> str | None:
    enough = threading.Timer(seconds, connection.interrupt)
    enough.start()
    try:
        return _first(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
            raise
        log.info("the database was looked at for %g s, and nothing is wrong with what was seen of it", seconds)
        return None
    finally:
        enough.cancel()
        enough.join()


def _first(finding: str) -> str | None:
    """SQLite puts a heading over what it finds."""
    lines = [line for line in finding.splitlines() if line and not line.startswith("***")]
    return None if lines == ["ok"] else "; ".join(lines) or finding
