"""Keys under which clients start runs, so that a request that is repeated starts nothing twice.

A key lasts as long as its run, a week at least: see app.core.retention_walks.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from app.core.errors import InvalidError
from app.core.models import Run, StartKey


def find(session: Session, job_id: int, key: str, parameters: Mapping[str, Any] | None) -> Run | None:
    """The run that was started with this key. Raises ``InvalidError`` if something else was asked for then."""
    kept = session.get(StartKey, (job_id, key))
    if kept is None:
        return None
    if kept.digest != _digest(parameters):
        raise InvalidError.of("Idempotency-Key", "this key was used for a start with other parameters", "key_reused")
    return session.get(Run, kept.run_id)


def keep(session: Session, run: Run, key: str, parameters: Mapping[str, Any] | None) -> None:
    """In the transaction that makes the run: either both last or neither."""
    session.flush()
    session.add(StartKey(job_id=run.job_id, key=key, digest=_digest(parameters), run_id=run.id))


def _digest(parameters: Mapping[str, Any] | None) -> str:
    text = json.dumps(parameters or {}, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
