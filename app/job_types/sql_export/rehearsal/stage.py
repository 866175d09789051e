"""Where rehearsals take place: processes that live for some seconds, few at a time."""

import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from app.core.errors import UnavailableError
from app.core.statuses import FailureReason
from app.job_types.sql_export.binds import bind_values
from app.job_types.sql_export.rehearsal.coming import Start
from app.job_types.sql_export.rehearsal.found import Found, Refused

log = logging.getLogger(__name__)

SECONDS = 5
LIFE_SECONDS = 3 * SECONDS  # it has to begin, and to connect
PLACES = 2
_ROOT = Path(__file__).parents[4]


class Stage:
    def __init__(
        self,
        places: int = PLACES,
        seconds: int = SECONDS,
        life_seconds: int = LIFE_SECONDS,
        command: Sequence[str] = (sys.executable, "-m", "app.job_types.sql_export.rehearsal.child"),
    ) -> None:
        self._command = command
        self._places = threading.BoundedSemaphore(places)
        self.seconds = seconds
        self._life_seconds = life_seconds

    def rehearse(self, url: str, query: str, values: Mapping[str, Any], start: Start) -> Found | Refused:
        """Try a query as the run of that start would ask it. Raises ``UnavailableError`` when too many are tried."""
        if not self._places.acquire(blocking=False):
            raise UnavailableError("other queries are being tried: try again in a few seconds", code="busy")
        try:
            return self._played(self._request(url, query, values, start))
        finally:
            self._places.release()

    def _request(self, url: str, query: str, values: Mapping[str, Any], start: Start) -> dict[str, Any]:
        bound = bind_values(values, start.at, start.previous_success)
        moments = {name: value for name, value in bound.items() if name not in values}
        return {
            "url": url,
            "query": query,
            "values": dict(values),
            "moments": {name: _text(value) for name, value in moments.items()},
            "seconds": self.seconds,
            "life_seconds": self._life_seconds,
        }

    def _played(self, request: Mapping[str, Any]) -> Found | Refused:
        search = os.pathsep.join(filter(None, [str(_ROOT), os.environ.get("PYTHONPATH")]))
        with subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env={**_environment(), "PYTHONPATH": search},
        ) as process:  # fmt: skip
            try:
                said, _ = process.communicate(json.dumps(request).encode(), timeout=self._life_seconds)
            except subprocess.TimeoutExpired:
                said = b""
            finally:
                process.kill()
        return _read(said) if process.returncode == 0 else self._ended(process.returncode)

    def _ended(self, status: int) -> Refused:
        log.warning("a query that was tried ended its process, with status %s", status)
        if status < 0:  # by us or by its own alarm
            return Refused(
                f"the query could not be stopped after {self.seconds} seconds, so its process was ended",
                FailureReason.TIMEOUT,
            )
        return Refused("a value of the first rows is too large to be shown here", FailureReason.OUTPUT_LIMIT)


def _environment() -> dict[str, str]:
    """What drivers may want to know, without the server's own settings and their secrets."""
    return {name: value for name, value in os.environ.items() if not name.startswith("CARILLON_")}


def _read(said: bytes) -> Found | Refused:
    ((kind, document),) = json.loads(said).items()
    return Found.read(document) if kind == Found.__name__ else Refused.read(document)


def _text(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
