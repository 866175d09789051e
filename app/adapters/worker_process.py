"""A worker process as the warden sees it."""

import signal
import socket

from app.adapters import process_tree
from app.adapters.attempts import Attempt
from app.adapters.channel import Channel
from app.adapters.messages import ending_body, pack
from app.core.execution import Ending


class WorkerProcess:
    def __init__(self, pid: int, reports: socket.socket, control: socket.socket) -> None:
        self.pid = pid
        self.start_ticks = process_tree.start_ticks(pid)
        self.reports = Channel(reports)
        self.control = Channel(control)
        self.attempt: Attempt | None = None
        self.is_ready = False
        self.is_condemned = False

    def hand(self, attempt: Attempt) -> None:
        self.attempt = attempt
        self.reports.send(attempt.line)

    def ask_to_end(self, ending: Ending) -> None:
        if self.attempt:
            run_id, token = self.attempt.key
            self.control.send(pack("stop", {"run_id": run_id, "token": token, **ending_body(ending)}))

    def terminate(self) -> None:
        process_tree.send([self.pid, *process_tree.descendants(self.pid)], signal.SIGTERM)

    def condemn(self) -> set[int]:
        """Kill it and all below it; gives what was below. What was just being forked there becomes the warden's."""
        self.is_condemned = True
        below = process_tree.descendants(self.pid)
        process_tree.send([self.pid, *below], signal.SIGKILL)
        return below

    def close(self) -> None:
        self.reports.close()
        self.control.close()
