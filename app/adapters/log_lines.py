"""What a process writes to its standard error: lines for people, or JSON objects for machines.

One record is one line of JSON, an exception's trace included, and whatever a thread or a warning would write past the
logging goes through it. A line carries ``run_id``, ``job_id``, ``fire_id`` and ``request_id`` where they are known.
"""

import json
import logging
import sys
import threading
from contextvars import ContextVar
from datetime import UTC, datetime
from types import TracebackType
from typing import Literal

STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
TEXT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"

log = logging.getLogger(__name__)
request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
"""Of the web request that this thread answers."""


class JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if request := request_id.get():
            line["request_id"] = request
        line |= {name: value for name, value in vars(record).items() if name not in STANDARD}
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def set_up(form: Literal["text", "json"] | str, text: str = TEXT) -> None:
    """Once, at the start of a process; ``text`` is how lines for people look."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter() if form == "json" else logging.Formatter(text))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.captureWarnings(True)
    for name in ("alembic", "apscheduler", "waitress"):
        logging.getLogger(name).setLevel(logging.WARNING)
    if form == "json":
        sys.excepthook, threading.excepthook = _uncaught, _uncaught_in_thread


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    log.critical("the process ends", exc_info=(kind, error, trace))


def _uncaught_in_thread(given: threading.ExceptHookArgs) -> None:
    name = given.thread.name if given.thread else "?"
    error = given.exc_value or given.exc_type()
    log.critical("the thread %r ends", name, exc_info=(given.exc_type, error, given.exc_traceback))
