"""The pages that people see. Everything works as plain links and forms; htmx only shortens the way."""

from flask import Blueprint

from app.web.pages import (  # noqa: F401 - add themselves
    calendars,
    clock_changes,
    connections,
    contract,
    day,
    definitions,
    diff,
    inbox,
    job_form,
    jobs,
    keep,
    ledger,
    login,
    notices,
    orphans,
    pauses,
    policy_words,
    pools,
    queue_form,
    queues,
    results,
    retention,
    runs,
    stopping,
    times,
    wake,
    words,
)
from app.web.pages.errors import answer
from app.web.pages.site import pages

__all__ = ["answer", "blueprint"]


def blueprint() -> Blueprint:
    return pages
