"""The process outside of the warden: it sees to it that nothing outlives the warden's death.

    server  --channel-->  guardian  --fork-->  warden  --fork-->  workers  -->  whatever jobs start

The guardian is a subreaper with one child. When the warden dies, all that was below it becomes the guardian's, escaped
and orphaned processes too, and is killed; only then does the guardian end, and with it the channel: a server that
reads the end of the channel knows that nothing of its runs is alive. The server need not be a subreaper itself, and
cannot mistake children of its own for orphans.

When the guardian dies, the warden reads the end of its lifeline; when the server dies, both read that of the channel.
"""

import os
import select
import signal
import socket

from app.adapters import process_tree

WARDEN_HAS = 20.0  # seconds to end all trees after the server's death
HOPELESS_AFTER = 10.0  # seconds


def stand_guard(channel: socket.socket) -> int:
    """Fork. Gives the lifeline to the child, which is to be the warden; the parent guards it and never returns."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # a service manager may signal the whole group: the server decides
    process_tree.become_subreaper()
    process_tree.be_called("carillon-guard")
    lifeline, held = os.pipe()
    warden = os.fork()
    if warden == 0:
        os.close(held)
        return lifeline
    os.close(lifeline)
    try:
        _wait_for_the_end(os.pidfd_open(warden), channel.fileno())
        process_tree.end_all_below(hopeless_after=HOPELESS_AFTER)
    finally:
        os._exit(0)


def _wait_for_the_end(warden: int, channel: int) -> None:
    """Wait for the warden's end; once the server has ended, only for a while."""
    poll = select.poll()
    poll.register(warden, select.POLLIN)
    poll.register(channel, 0)  # nothing is read here: only the other side's end is told
    ended = {number for number, _ in poll.poll()}
    if warden not in ended:
        poll.unregister(channel)
        poll.poll(WARDEN_HAS * 1000)
