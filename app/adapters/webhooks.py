"""Webhooks as the postman takes messages to them; how they are spoken to is given."""

from collections.abc import Callable, Mapping
from typing import Any

from app.adapters.postman import NobodyThereError, NotTakenError, RefusedError
from app.core.job_types import JobError
from app.core.ports import Clock
from app.core.postroom import Due

GONE = 410
Post = Callable[[str, str, Mapping[str, Any], int], int]
"""Post (URL, id, body, Unix time in seconds) and give the status of the answer. Raises ``JobError``."""


class Webhooks:
    """A sender of the postman's."""

    only_place: str | None = None

    def __init__(self, post: Post, place: Callable[[str], str], clock: Clock) -> None:
        self.post = post
        self.place = place
        self.clock = clock

    def place_of(self, due: Due) -> str:
        return self.place(due.target)

    def send(self, due: Due) -> None:
        """Raises ``RefusedError`` for 410 Gone, else ``NotTakenError``."""
        place = self.place(due.target)
        try:
            status = self.post(due.target, due.uid, due.content, int(self.clock().timestamp()))
        except JobError as error:
            raise NobodyThereError(str(error)) from None
        if status == GONE:
            raise RefusedError(f"{place} answers 410: it is gone")
        if not 200 <= status < 300:
            raise NotTakenError(f"{place} answers {status}")
