"""Result files of one name: what becomes of a new one when its job has a result of that name already.

What is kept is known by its number, so that two of one name are no mistake; but whoever collects files by their names
wants to be asked.
"""

import re
from collections.abc import Mapping, MutableMapping, Sequence
from datetime import datetime
from itertools import chain, count
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.core.models import ResultFile
from app.core.statuses import SameName

_ENDING = re.compile(r"(\.[A-Za-z0-9]{1,10}){0,2}$", re.ASCII)  # .csv.gz is one

Row = MutableMapping[str, Any]


def settle(session: Session, files: Sequence[Row], wishes: Mapping[str, SameName], now: datetime) -> dict[int, str]:
    """Do as the jobs of new files wish; ``wishes`` are by path. Gives why runs have failed by it.

    A result that its contract holds takes no other one's place: it is kept beside them.
    """
    failed: dict[int, str] = {}
    for place, file in enumerate(files):
        match wishes[file["path"]]:
            case SameName.NUMBER:
                file["name"] = _free_name(session, file, files[:place])
            case SameName.REPLACE if not file["held"]:
                _remove_earlier(session, file, now)
            case SameName.FAIL if _is_taken(session, file):
                failed[file["run_id"]] = f"there is a result called {file['name']!r}, and the job wants no second one"
    for file in files:
        if file["run_id"] in failed:
            file["removed_at"] = now
    return failed


def _of_job(file: Row) -> Any:
    there = ResultFile.job_id == file["job_id"], ResultFile.removed_at.is_(None)
    return select(ResultFile.name).where(*there, ResultFile.run_id != file["run_id"])


def _is_taken(session: Session, file: Row) -> bool:
    return session.scalar(_of_job(file).where(ResultFile.name == file["name"]).limit(1)) is not None


def _free_name(session: Session, file: Row, before: Sequence[Row]) -> str:
    """``before`` are those that are written down with it."""
    name: str = file["name"]
    ending = _ENDING.search(name)
    stem = name[: ending.start()] if ending else name
    taken = set(session.scalars(_of_job(file).where(ResultFile.name.startswith(stem, autoescape=True))))
    taken |= {other["name"] for other in before if other["job_id"] == file["job_id"]}
    numbers = (f"{stem} ({number}){name[len(stem) :]}" for number in count(2))
    return next(free for free in chain([name], numbers) if free not in taken)


def _remove_earlier(session: Session, file: Row, now: datetime) -> None:
    """They are gone for everybody at once; the upkeep removes files and rows."""
    earlier = (
        update(ResultFile)
        .where(
            ResultFile.job_id == file["job_id"],
            ResultFile.name == file["name"],
            ResultFile.run_id != file["run_id"],
            ResultFile.removed_at.is_(None),
            ResultFile.pinned.is_(False),
        )
        .values(removed_at=now)
    )
    session.execute(earlier, execution_options={"synchronize_session": False})
