"""The place of SQLite's file on this machine."""

import os
import socket
import sqlite3
from contextlib import closing
from pathlib import Path

from app.core.whereabouts import Place

MACHINE = Path("/etc/machine-id")


def here(file: Path | None) -> Place | None:
    """``None`` for PostgreSQL: a copy of its database has a name that somebody had to give it."""
    if file is None or not file.exists():
        return None
    return Place(socket.gethostname(), _machine(), os.path.realpath(file), file.stat().st_ino)


def is_there(place: Place, uid: str) -> bool:
    """Whether at a place of this machine there is a database with this uid, in the very file that it was in."""
    path = Path(place.path)
    try:
        if place.machine != _machine() or path.stat().st_ino != place.inode:
            return False
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=1)) as connection:
            return bool(connection.execute("SELECT uid FROM carillon_instance").fetchone() == (uid,))
    except (OSError, sqlite3.Error):
        return False


def _machine() -> str:
    try:
        return MACHINE.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""
