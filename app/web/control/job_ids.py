"""How the control API names a scheduled entry: ``<group id>-<job id>-<10 hex digits>``."""

import hashlib
from zlib import crc32

from app.core.models import Trigger


def job_id_of(entry: Trigger) -> str:
    """The same for as long as the trigger is there."""
    digits = hashlib.sha256(f"trigger {entry.id}".encode()).hexdigest()[:10]
    return f"{group_id(entry.job.group)}-{entry.job_id}-{digits}"


def group_id(group: str) -> int:
    """Groups have names only; their number is made of the name, so it never changes and needs no table."""
    return crc32(group.encode())
