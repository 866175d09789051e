"""Tries a connection: the test button of the page and ``carillon connection test``."""

import time
from dataclasses import dataclass

from app.job_types.sql_export.databases import open_source
from app.job_types.sql_export.source import Limits


@dataclass(frozen=True)
class Probe:
    version: str  # with the product's name: "PostgreSQL 15.20"
    elapsed_seconds: float
    can_write: bool | None  # None: cannot be told
    is_carillon: bool
    concerns: tuple[str, ...] = ()


def probe(url: str, *, seconds: int = 5) -> Probe:
    """Connect, read-only, and look around; ``seconds`` limits connecting and each question.

    Raises ``JobError``, whose message holds no password.
    """
    started = time.perf_counter()
    with open_source(url, Limits(connect_seconds=seconds, statement_seconds=seconds)) as source:
        version, is_carillon = source.version(), source.is_carillon()
        elapsed = time.perf_counter() - started
        return Probe(version, elapsed, source.can_write(), is_carillon, tuple(source.concerns()))
