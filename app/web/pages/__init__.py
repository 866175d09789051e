"""The pages that people see. Everything works as plain links and forms; htmx only shortens the way."""

from flask import Blueprint

from app.web.pages import connections, job_form, jobs, login, results, runs, times, words  # noqa: F401 - add themselves
from app.web.pages.errors import answer
from app.web.pages.site import pages

__all__ = ["answer", "blueprint"]


def blueprint() -> Blueprint:
    return pages
