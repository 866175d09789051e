"""Result files that no record knows, and records whose file is not there.

Neither should exist. A crash at the wrong moment leaves a file; a restored backup, or a hand in the folder, either.
They are looked for and removed when somebody asks for it, never by themselves: after a restore "unknown" means "newer".
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import Protocol

from sqlalchemy import select, update

from app.core.db import Database
from app.core.errors import ConflictError
from app.core.models import IS_ACTIVE, Removal, ResultFile, Run
from app.core.ports import Clock, StrayFile
from app.core.results import THERE

log = logging.getLogger(__name__)

YOUNG = timedelta(hours=24)
"""A file that was written since is left alone: its record may be on its way."""
AT_ONCE = 500
MOST = 1000
"""Of each kind; there may be more, which the next look finds."""
ORPHAN = "orphan"


@dataclass(frozen=True)
class LostFile:
    """A record whose file is not there."""

    id: int
    run_id: int
    job_name: str
    name: str
    size: int
    path: str


@dataclass(frozen=True)
class Found:
    files: Sequence[StrayFile]
    records: Sequence[LostFile]
    is_folder_empty: bool  # there is not one file, though there are records: its disk may not be mounted

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files)


class Folder(Protocol):
    def files(self) -> Iterator[StrayFile]:
        """All that results have written, complete or not; nothing else that lies there."""

    def exists(self, path: str) -> bool: ...

    def unlink(self, path: str) -> None:
        """One that is gone already is no error."""


class Orphans:
    def __init__(self, db: Database, clock: Clock, folder: Folder) -> None:
        self.db = db
        self.clock = clock
        self.folder = folder

    def find(self) -> Found:
        """Look everything through; up to ``MOST`` of each kind."""
        records = list(islice(self._lost(), MOST))
        is_empty = bool(records) and next(self.folder.files(), None) is None
        return Found(list(islice(self._stray(), MOST)), records, is_empty)

    def remove_files(self) -> int:
        """Delete the files that no record knows. Gives their number."""
        found = list(islice(self._stray(), MOST))
        for file in found:
            self.folder.unlink(file.path)
            log.info("the file %s, which no record knows, is deleted", file.path)
        self._tell(len(found), sum(file.size for file in found), "files without a record")
        return len(found)

    def forget_records(self) -> int:
        """Remove the records whose file is not there; the next upkeep does. Gives their number.

        Raises ``ConflictError`` while there is no file at all: the disk may only not be mounted.
        """
        found = self.find()
        if found.is_folder_empty:
            raise ConflictError("the folder of the results is empty: is its disk mounted?", code="no_results")
        now = self.clock()
        for start in range(0, len(found.records), AT_ONCE):
            ids = [record.id for record in found.records[start : start + AT_ONCE]]
            with self.db.transaction() as session:
                session.execute(update(ResultFile).where(ResultFile.id.in_(ids)).values(removed_at=now))
        self._tell(len(found.records), 0, "records without a file")
        return len(found.records)

    def _stray(self) -> Iterator[StrayFile]:
        before = self.clock() - YOUNG
        old = (file for file in self.folder.files() if file.written_at < before)
        while part := list(islice(old, AT_ONCE)):
            runs = {file.run_id for file in part}
            with self.db.reading() as session:
                known = set(session.scalars(select(ResultFile.path).where(ResultFile.run_id.in_(runs))))
                active = set(session.scalars(select(Run.id).where(Run.id.in_(runs), IS_ACTIVE)))
            yield from (file for file in part if file.path not in known and file.run_id not in active)

    def _lost(self) -> Iterator[LostFile]:
        columns = (
            ResultFile.id, ResultFile.run_id, ResultFile.job_name, ResultFile.name, ResultFile.size, ResultFile.path,
        )  # fmt: skip
        after = 0
        while True:
            page = select(*columns).where(THERE, ResultFile.id > after).order_by(ResultFile.id).limit(AT_ONCE)
            with self.db.reading() as session:
                rows = session.execute(page).all()
            yield from (LostFile(*row) for row in rows if not self.folder.exists(row.path))
            if len(rows) < AT_ONCE:
                return
            after = rows[-1].id

    def _tell(self, count: int, size: int, detail: str) -> None:
        if count:
            now = self.clock()
            with self.db.transaction() as session:
                session.add(Removal(kind=ORPHAN, began_at=now, ended_at=now, count=count, bytes=size, detail=detail))
