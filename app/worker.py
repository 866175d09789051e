"""The edge of the worker processes: ``python -m app.worker``, started by ``adapters.process_executor``.

Nothing of a framework is imported here: what this module loads, every worker holds.
"""

import argparse
import importlib
import logging
import os
import pkgutil
import socket
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from app.adapters import log_lines
from app.adapters.channel import Channel
from app.adapters.clock import utc_now
from app.adapters.guardian import stand_guard
from app.adapters.messages import read_settings
from app.adapters.result_store import ResultStore
from app.adapters.warden import Warden
from app.core.error_text import one_line
from app.core.execution import CancelFlag, Emit, RunContext, execute
from app.core.job_types import JobType, JobTypes
from app.core.ports import Assignment, Ended

log = logging.getLogger(__name__)

Around = Callable[[RunContext], AbstractContextManager[object]]


def main() -> None:
    arguments = _arguments()
    os.umask(0o077)
    log_lines.set_up(arguments.log_format, "%(levelname)s %(name)s: %(message)s")
    server = socket.socket(fileno=arguments.channel)
    lifeline = stand_guard(server)
    job_types = _job_types(arguments.job_types)
    preload(job_types)
    settings = read_settings(server)
    results = ResultStore(Path(settings.results))

    def work(assignment: Assignment, emit: Emit, cancelled: CancelFlag, around: Around) -> Ended:
        return execute(
            assignment, job_types, emit=emit, results=results, clock=utc_now, cancelled=cancelled, around=around
        )

    Warden(Channel(server), lifeline, settings, work, utc_now, results).serve()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m app.worker", description="Run the worker processes of a server.")
    parser.add_argument("--channel", type=int, required=True, help="file descriptor of the socket to the server")
    parser.add_argument("--log-format", choices=("text", "json"), default="text")
    parser.add_argument("--job-types", metavar="MODULE:NAME", help="a list of job types instead of the installed ones")
    return parser.parse_args()


def _job_types(reference: str | None) -> JobTypes:
    if reference is None:
        return JobTypes.installed()
    module, _, name = reference.partition(":")
    types: Iterable[JobType] = getattr(importlib.import_module(module), name)
    return JobTypes(types)


def preload(job_types: JobTypes) -> None:
    """Import what runs will need, once for all workers. What fails here fails again, and is told, in its runs."""
    for job_type in job_types:
        for module in _modules(job_type):
            try:
                importlib.import_module(module)
            except Exception as error:
                log.info("job type %s: %s cannot be loaded: %s", job_type.name, module, one_line(error))


def _modules(job_type: JobType) -> Iterator[str]:
    """Its function's module; of a type that is a package of its own all the rest too: drivers that it loads late."""
    module = job_type.function.partition(":")[0]
    yield module
    package = sys.modules.get(module.rpartition(".")[0])
    if package is not None and getattr(package, "JOB_TYPE", None) is job_type:
        yield from (found.name for found in pkgutil.iter_modules(package.__path__, f"{package.__name__}."))


if __name__ == "__main__":
    main()
