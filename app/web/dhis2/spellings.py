"""Parameters that DHIS2's documentation and its server spell differently (``sendNotification``, ``sendNotifications``).

A client may know either: both are shown, and of two that contradict each other the one that was changed is read.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from app.core.models import Job
from app.web.auth import services


def in_all(job: Job) -> dict[str, Any]:
    """A job's parameters under every name that they have."""
    others = {other: job.parameters[name] for name, *rest in _names(job) for other in rest if name in job.parameters}
    return {**job.parameters, **others}


def in_one(job: Job, given: Mapping[str, Any]) -> dict[str, Any]:
    """What a client sends back, each value under one name."""
    read = dict(given)
    for name, *others in _names(job):
        sent = [each for each in (name, *others) if read.get(each) is not None]
        changed = [each for each in sent if _plain(read[each]) != _plain(job.parameters.get(name))]
        for each in set(sent) - set(changed[:1] or sent[:1]):
            del read[each]
    return read


def _names(job: Job) -> Iterator[tuple[str, ...]]:
    """Ours first, of those parameters that have several."""
    if job.job_type in services().types:
        for parameter in services().types.get(job.job_type).parameters:
            if parameter.aliases:
                yield parameter.name, *parameter.aliases


def _plain(value: Any) -> str:
    """``"true"`` and ``true`` are the same here, as numbers and their texts are."""
    return str(value).strip().lower()
