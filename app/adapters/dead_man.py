"""A dead man's switch: tells a watcher elsewhere, again and again, that all is well, and is silent when it is not.

Whoever watches alarms when it hears nothing: that also works when this machine is gone. The address holds a secret, so
nothing but its host is ever logged.
"""

import logging
import threading
from collections.abc import Callable

from app.core.health import Health
from app.core.job_types import JobError

log = logging.getLogger(__name__)

Ping = Callable[[], int]
"""Request the address and give the status of the answer. Raises ``JobError``."""


class DeadManSwitch:
    def __init__(self, host: str, ping: Ping, health: Callable[[], Health], every: float) -> None:
        """``host`` is what may be logged of the address; ``every`` is in seconds."""
        self.host = host
        self.ping = ping
        self.health = health
        self.every = every
        self._was_heard: bool | None = None
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._work, name="carillon-ping", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """A ping that is on its way is not waited for."""
        self._stopping.set()

    def step(self) -> bool:
        """Ping if all is well. Says whether the watcher has heard it."""
        if not is_well(self.health()):
            return False
        try:
            status = self.ping()
            wrong = None if 200 <= status < 300 else f"it answers {status}"
        except JobError as error:
            wrong = str(error)
        self._tell(wrong)
        return wrong is None

    def _tell(self, wrong: str | None) -> None:
        """Once, and not every minute."""
        was_heard, self._was_heard = self._was_heard, wrong is None
        if wrong and was_heard is not False:
            log.warning("the watcher at %s does not hear us: %s", self.host, wrong)
        elif not wrong and was_heard is False:
            log.info("the watcher at %s hears us again", self.host)

    def _work(self) -> None:
        wait = 1.0  # the first soon: whoever sets it up wants to see it
        while not self._stopping.wait(wait):
            wait = self.every
            try:
                self.step()
            except Exception:
                log.exception("the watcher at %s was not told", self.host)


def is_well(health: Health) -> bool:
    """Only the process that keeps the time has something to tell; one that was stopped or sleeps keeps none."""
    return health.role == "active" and health.is_ok and not health.stopped and not health.asleep
