"""``python -m app.job_types.sql_export.rehearsal.child``: one rehearsal. The request comes as JSON on stdin: a password
is seen in no list of processes."""

import json
import os
import resource
import signal
import sys
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from app.core.job_types import JobError
from app.core.statuses import FailureReason
from app.job_types.sql_export.databases import open_source
from app.job_types.sql_export.rehearsal.found import Found, Refused
from app.job_types.sql_export.rehearsal.look import look
from app.job_types.sql_export.source import Limits, QueryError

MOST_MEMORY = 256 << 20  # bytes: a value that needs more is not for a page

NICENESS = 5  # the server goes before


def main() -> None:
    os.nice(NICENESS)
    resource.setrlimit(resource.RLIMIT_DATA, (MOST_MEMORY, MOST_MEMORY))
    request = json.load(sys.stdin)
    signal.alarm(request["life_seconds"])  # whoever started it may have died meanwhile
    answer = rehearse(request)
    json.dump({type(answer).__name__: answer.document()}, sys.stdout)


def rehearse(request: Mapping[str, Any]) -> Found | Refused:
    seconds = request["seconds"]
    moments = {name: at and datetime.fromisoformat(at) for name, at in request["moments"].items()}
    limits = Limits(connect_seconds=seconds, statement_seconds=seconds, first_rows=1)
    try:
        with open_source(request["url"], limits) as source:
            return look(source, request["query"], {**request["values"], **moments}, seconds)
    except QueryError as error:
        return Refused(str(error), error.reason, error.place)
    except JobError as error:
        return Refused(str(error), error.reason)
    except MemoryError:
        return Refused("a value of the first rows is too large to be shown here", FailureReason.OUTPUT_LIMIT)


if __name__ == "__main__":
    main()
