"""The postman: a thread that makes messages of what there is to tell, and takes them to their recipients.

It has no part in the keeping of time: whatever hangs, hangs here alone. While a recipient's server does not answer,
what else is for it waits without a try.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Protocol

from app.core.errors import UnavailableError
from app.core.postroom import Due, Postroom
from app.core.pulse import Monotonic
from app.core.statuses import Channel

log = logging.getLogger(__name__)

LOOK_EVERY = 1.0  # seconds
REST = 30.0  # seconds for which a server that does not answer is left alone


class NotTakenError(Exception):
    """A recipient's server did not take a message; it is tried again. The message says why."""


class NobodyThereError(NotTakenError):
    """There is no such server, it does not answer, or it is not to be spoken to."""


class RefusedError(NotTakenError):
    """It will never take it."""


class Sender(Protocol):
    only_place: str | None
    """Where all goes to, if that is one server."""

    def place_of(self, due: Due) -> str:
        """Which server this goes to."""

    def send(self, due: Due) -> None:
        """Returns once it is taken. Raises ``NotTakenError``."""


class Postman:
    def __init__(
        self,
        postroom: Postroom,
        senders: Mapping[Channel, Sender],
        may_work: Callable[[], bool],
        monotonic: Monotonic = time.monotonic,
    ) -> None:
        """``may_work``: not while another process keeps the time."""
        self.postroom = postroom
        self.senders = senders
        self.may_work = may_work
        self.monotonic = monotonic
        self._resting: dict[tuple[Channel, str], float] = {}
        self._unrecorded: list[Callable[[], None]] = []
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._work, name="carillon-postman", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """What is on its way is not waited for long: it is sent again by the next server."""
        self._stopping.set()
        if self._thread:
            self._thread.join(2)

    def step(self) -> int:
        """Make messages and send those that are due. Gives the number of those that were taken."""
        if not self.may_work():
            return 0
        self._record()
        self.postroom.make()
        taken = 0
        for due in self.postroom.due(without=self._unreachable()):
            if self._stopping.is_set() or not self.may_work():
                break
            if not self._rests(due):
                taken += self._deliver(due)
        return taken

    def _record(self) -> None:
        """Write down what became of messages. Until that works nothing is sent: a disk that is full is still read,
        and would give the same message to send each second.
        """
        while self._unrecorded:
            self._unrecorded[0]()
            self._unrecorded.pop(0)

    def _rests(self, due: Due) -> bool:
        return self._is_resting((due.channel, self.senders[due.channel].place_of(due)))

    def _is_resting(self, place: tuple[Channel, str]) -> bool:
        until = self._resting.get(place)
        return until is not None and self.monotonic() < until

    def _unreachable(self) -> list[Channel]:
        """Channels with a single place that rests: what waits for them must not stand before what could go."""
        places = ((channel, self.senders[channel].only_place) for channel in self.senders)
        return [channel for channel, place in places if place is not None and self._is_resting((channel, place))]

    def _deliver(self, due: Due) -> bool:
        error = self._send(due)
        if error is None:
            self._unrecorded.append(lambda: self.postroom.sent(due.id))
        else:
            is_final = isinstance(error, RefusedError)
            self._unrecorded.append(lambda: self.postroom.failed(due.id, str(error), is_final=is_final))
        self._record()
        return error is None

    def _send(self, due: Due) -> NotTakenError | None:
        """Gives what kept it from being taken."""
        sender = self.senders[due.channel]
        try:
            sender.send(due)
        except NotTakenError as error:
            log.warning("message %s was not taken: %s", due.id, error)
            if isinstance(error, NobodyThereError):
                self._resting[due.channel, sender.place_of(due)] = self.monotonic() + REST
            return error
        except Exception as error:  # one message must not hold up the others
            log.exception("message %s cannot be sent", due.id)
            return NotTakenError(type(error).__name__)
        return None

    def _work(self) -> None:
        wait = LOOK_EVERY
        while not self._stopping.wait(wait):
            wait = LOOK_EVERY
            try:
                self.step()
            except UnavailableError:
                log.debug("the database does not answer; messages wait")
            except Exception:
                log.exception("messages cannot be sent at the moment")
                wait = REST
