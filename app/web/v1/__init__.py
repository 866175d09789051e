"""Our own API. Each resource is one file that declares its operations; description and docs page follow from them."""

from flask import Blueprint

from app.web.v1 import (  # noqa: F401 - they add their operations
    calendars,
    connections,
    contracts,
    definitions,
    delayed_runs,
    diffs,
    docs,
    drain,
    fires,
    inbox,
    job_types,
    jobs,
    keeping,
    notices,
    openapi,
    orphans,
    pauses,
    pools,
    preview,
    queues,
    rehearsals,
    results,
    retention,
    runs,
    tokens,
    users,
    wake_up,
)
from app.web.v1.problems import answer
from app.web.v1.routes import blueprint, pages

__all__ = ["answer", "blueprints"]


def blueprints() -> list[Blueprint]:
    return [blueprint, pages]
