"""From settings to services that are ready to start."""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from app.adapters import file_systems, sqlite_file
from app.adapters.clock import seconds_since_boot, utc_now
from app.adapters.migrations import migrate
from app.adapters.postgresql import use_patient_connections
from app.adapters.secrets import Argon2Hasher, check_key, load_key
from app.bootstrap.parts import WORKER, Given
from app.bootstrap.services import Services
from app.core import sealed
from app.core.db import Database
from app.core.job_types import JobTypes
from app.core.ports import Clock, Executor
from app.core.pulse import Monotonic
from app.core.users import Hasher

if TYPE_CHECKING:
    from config import Settings


def build(
    settings: "Settings",
    *,
    now: Clock | None = None,
    seconds: Monotonic | None = None,
    executor: Executor | None = None,
    types: JobTypes | None = None,
    hasher: Hasher | None = None,
    worker: Sequence[str] = WORKER,
    check_seconds: float = 0,
) -> Services:
    """Put the parts together; nothing runs yet. Makes the data directory, the key and the database where missing.

    ``now`` and ``seconds`` (real time, which goes on when ``now`` is put; else the same as it) are for tests, as are
    ``executor`` and ``hasher``. ``check_seconds``: see ``sqlite_file.check``. Raises ``StartRefusedError`` and what
    the file system and the database raise.
    """
    os.umask(0o077)
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    db = Database(settings.database)
    if not db.is_sqlite:
        use_patient_connections(db)
    look_first(settings, db, check_seconds)
    key = load_key(settings.key_file)
    if now is None:
        now, seconds = utc_now, seconds or seconds_since_boot
    migrate(db, now())
    types, hasher = types or JobTypes.installed(), hasher or Argon2Hasher()
    return Services(Given(settings, now, seconds, key, db, executor, types, hasher, worker))


def look_first(settings: "Settings", db: Database, check_seconds: float) -> None:
    """Raise ``StartRefusedError`` where a server would do harm, or would be of no use; nothing is changed."""
    if db.is_sqlite and db.file is not None:
        if not settings.network_files:
            file_systems.refuse_network(db.file)
        sqlite_file.check(db.file, check_seconds)
    check_key(settings.key_file, lambda: sealed.count(db))
