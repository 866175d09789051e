"""Where a database is, so that a copy of it is noticed: two servers on two copies would do every job twice.

A copy and a move look alike from the new place. Where the original is certainly still there, the copy sleeps; where
nobody can know, everybody is told until an administrator says that it was moved.
"""

import json
import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import update
from sqlalchemy.orm import Session

from app.core import sleep
from app.core.db import Database
from app.core.models import Instance, Tenure
from app.core.ports import Clock

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Place:
    """``machine`` is a name for good, empty where there is none; ``inode`` is the number of the database's file."""

    host: str
    machine: str
    path: str
    inode: int

    @classmethod
    def read(cls, stored: str | None) -> "Place | None":
        return cls(**json.loads(stored)) if stored else None

    def written(self) -> str:
        return json.dumps(asdict(self))

    def is_elsewhere(self, other: "Place") -> bool:
        """Not the same file; at the same place somebody may have put another file, and knows of it."""
        same_place = (self.host, self.machine, self.path) == (other.host, other.machine, other.path)
        same_file = (self.machine, self.inode) == (other.machine, other.inode)
        return not same_place and not same_file

    @property
    def words(self) -> str:
        return f"{self.host}:{self.path}"


def forget(session: Session, now: datetime) -> None:
    """A restored database is nowhere yet, and nobody keeps its time."""
    instance = session.get_one(Instance, 1)
    instance.keeper = instance.kept_since = instance.place = instance.came_from = None
    session.execute(update(Tenure).values(left_at=now))


class Whereabouts:
    def __init__(
        self, db: Database, clock: Clock, here: Callable[[], Place | None], is_there: Callable[[Place, str], bool]
    ) -> None:
        """``here`` gives the database's own place, ``None`` where it has none that could be copied by mistake.

        ``is_there`` says whether the database with a uid is certainly still at another place.
        """
        self.db = db
        self.clock = clock
        self.here = here
        self.is_there = is_there

    def settle(self) -> None:
        """A server takes over: look whether the database is where it was."""
        here = self.here()
        if here is None:
            return
        with self.db.transaction() as session:
            instance = session.get_one(Instance, 1)
            was = Place.read(instance.place)
            if was == here:
                return
            instance.place = here.written()
            if was is None or not here.is_elsewhere(was) or instance.asleep_since is not None:
                return
            if self.is_there(was, instance.uid):
                now = self.clock()
                why = f"a copy of the database at {was.words}, which is still there"
                sleep.fall_asleep(session, instance.ticked_at or now, now, why)
                log.error("this is %s: it sleeps until somebody wakes it", why)
            else:
                instance.came_from = was.words
                log.warning("the database came from %s: if a server still runs there, both do every job", was.words)

    def came_from(self) -> str | None:
        """Where the database was before, while nobody has said that it was moved."""
        with self.db.reading() as session:
            return session.get_one(Instance, 1).came_from

    def confirm_move(self, by: str | None) -> None:
        """It was moved, and nothing is left where it was."""
        with self.db.transaction() as session:
            session.get_one(Instance, 1).came_from = None
        log.info("%s said that the database was moved", by)
