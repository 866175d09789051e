import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.core.conftest import clock, executor, job_types, services, settings

__all__ = ["clock", "executor", "job_types", "services", "settings"]


@pytest.fixture
def free_port() -> Iterator[Callable[[], int]]:
    """A port that is bound and at which nobody listens, as long as the test goes on."""
    with ExitStack() as held:

        def port() -> int:
            taken = held.enter_context(socket.socket())
            taken.bind(("127.0.0.1", 0))
            number: int = taken.getsockname()[1]
            return number

        yield port
