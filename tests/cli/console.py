"""What the fixture ``carillon`` gives."""

from collections.abc import Callable
from typing import NamedTuple


class Done(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


Carillon = Callable[..., Done]
