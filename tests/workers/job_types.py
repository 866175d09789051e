"""Jobs for the tests of the executors; named to worker processes by ``--job-types tests.workers.job_types:TYPES``.

A job talks to its test through a datagram socket (parameter ``witness``), so that nobody has to sleep.
"""

import errno
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

from app.core.job_types import JobContext, JobError, JobType, RunCancelled
from app.core.statuses import FailureReason

LONG = 60  # seconds; nothing may last so long

TYPES = [JobType(name="BROKEN", label="", description="", function="tests.workers.no_such_module:run")]

Job = Callable[[JobContext], None]


def job(function: Job) -> Job:
    name = function.__name__
    TYPES.append(JobType(name=name.upper(), label="", description="", function=f"{__name__}:{name}"))
    return function


def tell(context: JobContext, text: object) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as witness:
        witness.sendto(str(text).encode(), context.parameters["witness"])


@job
def noop(context: JobContext) -> None:
    pass


@job
def fail(context: JobContext) -> None:
    raise ValueError("no such thing in /srv/carillon/data/secret.db\nand a second line")


@job
def refuse(context: JobContext) -> None:
    raise JobError("the table is missing", FailureReason(context.parameters["reason"]))


@job
def fill_the_disk(context: JobContext) -> None:
    raise OSError(errno.ENOSPC, "No space left on device", "/srv/carillon/data/x")


@job
def leave(context: JobContext) -> None:
    sys.exit(context.parameters["code"])


@job
def say(context: JobContext) -> None:
    context.log("one")
    context.log("two", level="warning")
    context.log(f"x{'y' * 20_000}")


@job
def advance(context: JobContext) -> None:
    context.progress(stage="read", rows=0)
    for rows in range(1, 1001):
        context.progress(rows=rows)


@job
def work_in_stages(context: JobContext) -> None:
    def work(number: int) -> None:
        if number == 7:
            raise ValueError("an outlier")

    context.stage("one by one", range(300), on_failure="SKIP_ITEM_OUTLIER").run(work)
    context.stage("three at a time", range(30, 60)).run(work, workers=3)


@job
def wait_between_items(context: JobContext) -> None:
    cancelled = threading.Event()
    with context.on_cancel(cancelled.set):
        for number in context.stage("wait", range(1, 10)):
            if number == 2:
                tell(context, number)
                cancelled.wait(LONG)


@job
def advance_in_circles(context: JobContext) -> None:
    circle: list[Any] = []
    circle.append(circle)
    context.progress(stage=circle)


@job
def quote_the_password(context: JobContext) -> None:
    url = context.connection("warehouse")
    context.log(f"connecting to {url}")
    raise RuntimeError(f"cannot connect to {url}")


@job
def write_file(context: JobContext) -> None:
    with context.result_file("numbers.csv") as out:
        out.write(b"n\n")
        out.stream.write(b"1\n2\n")
        out.describe(rows=2, columns=["n"])


@job
def write_two_files_and_fail(context: JobContext) -> None:
    write_file(context)
    with context.result_file("more.csv") as out:
        out.write(b"half")
        raise JobError("the second file cannot be written")


@job
def write_and_wait(context: JobContext) -> None:
    write_file(context)
    with context.result_file("more.csv") as out:
        out.write(b"x" * 3_000_000)
        tell(context, os.getpid())
        threading.Event().wait(LONG)


@job
def meet(context: JobContext) -> None:
    """Two of them end only if they run at the same time: each waits until the test has heard both."""
    path = context.parameters["witness"] + str(context.run_id)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as own:
        own.bind(path)
        own.settimeout(10)
        tell(context, path)
        own.recv(100)


@job
def wait_for_cancel(context: JobContext) -> None:
    tell(context, "waiting")
    while True:
        context.check_cancelled()
        threading.Event().wait(0.005)


@job
def wait_for_action(context: JobContext) -> None:
    """As a database driver: the action lets the waiting call fail with an error of its own."""
    woken = threading.Event()
    with context.on_cancel(woken.set):
        tell(context, "waiting")
        woken.wait(LONG)
        raise RuntimeError("canceling statement due to user request")


@job
def sleep(context: JobContext) -> None:
    """Notices no cancellation by itself."""
    tell(context, os.getpid())
    threading.Event().wait(LONG)


@job
def sleep_and_clean_up(context: JobContext) -> None:
    try:
        tell(context, os.getpid())
        threading.Event().wait(LONG)
    except RunCancelled:
        tell(context, "cleaned up")
        raise


@job
def ignore_everything(context: JobContext) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    child = subprocess.Popen(
        [sys.executable, "-c", f"import signal; signal.signal(15, signal.SIG_IGN); print(1, flush=True); {BUSY}"],
        stdout=subprocess.PIPE,
    )
    assert child.stdout
    child.stdout.readline()
    tell(context, child.pid)
    while True:
        pass


BUSY = "exec('while True: pass')"


@job
def succeed_when_asked(context: JobContext) -> None:
    asked = threading.Event()
    with context.on_cancel(asked.set):
        tell(context, "waiting")
        asked.wait(LONG)


@job
def crash(context: JobContext) -> None:
    tell(context, os.getpid())
    os.kill(os.getpid(), signal.SIGSEGV)


@job
def exit_at_once(context: JobContext) -> None:
    os._exit(3)


ESCAPE = """
import os, sys, time
if os.fork(): os._exit(0)
os.setsid()
if os.fork(): os._exit(0)
print(os.getpid(), flush=True)
os.close(1)
time.sleep(60)
"""


def escaped_child() -> int:
    """Double-forked, in a session of its own, with an empty environment."""
    command = [sys.executable, "-I", "-c", ESCAPE]
    done = subprocess.run(command, env={}, stdout=subprocess.PIPE, check=True)
    return int(done.stdout)


@job
def leave_a_child(context: JobContext) -> None:
    tell(context, escaped_child())


@job
def leave_a_child_and_sleep(context: JobContext) -> None:
    tell(context, f"{os.getpid()} {escaped_child()}")
    threading.Event().wait(LONG)


@job
def leave_a_marked_child_and_sleep(context: JobContext) -> None:
    """Escaped, but with the environment that it got from us."""
    child = subprocess.Popen(["/bin/sleep", str(LONG)], start_new_session=True)
    tell(context, f"{os.getpid()} {child.pid}")
    threading.Event().wait(LONG)


HOP = """
import os
for hop in range(200_000):
    if os.fork(): os._exit(0)
"""


@job
def leave_a_hopping_child(context: JobContext) -> None:
    """A process that is another one each time one looks."""
    subprocess.Popen([sys.executable, "-I", "-S", "-c", HOP], start_new_session=True)


@job
def misplace(context: JobContext) -> None:
    os.chdir("/")
    os.umask(0)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


@job
def use_much_memory(context: JobContext) -> None:
    tell(context, os.getpid())
    bytearray(600_000_000)
    threading.Event().wait(0.11)


@job
def leave_a_thread(context: JobContext) -> None:
    tell(context, os.getpid())
    threading.Thread(target=threading.Event().wait, args=(LONG,), daemon=True).start()


@job
def chatter(context: JobContext) -> None:
    """Says more than anybody can hear, and does not look at its cancellation."""
    tell(context, os.getpid())
    while True:
        context.log("x" * 8000)


@job
def speak_python(context: JobContext) -> None:
    print("printed", end="")  # noqa: T201
    print(" in two parts")  # noqa: T201
    print("to stderr", file=sys.stderr)  # noqa: T201
    logging.getLogger("driver").warning("logged %d", 1)
    print("unended", end="")  # noqa: T201


@job
def look_around(context: JobContext) -> None:
    files = {int(number): os.readlink(f"/proc/self/fd/{number}") for number in _numbers()}
    seen: dict[str, Any] = {
        "files": files,
        "environment": dict(os.environ),
        "umask": os.umask(0o077),
        "directory": os.getcwd(),
        "sigterm": callable(signal.getsignal(signal.SIGTERM)),
        "arguments": sys.argv,
        "sigint": signal.getsignal(signal.SIGINT) == signal.SIG_DFL,
        "session": os.getsid(0) == os.getpid(),
        "niceness": os.getpriority(os.PRIO_PROCESS, 0),
        "modules": [name for name in ("flask", "apscheduler", "celery", "sqlalchemy") if name in sys.modules],
    }
    tell(context, repr(seen))


def _numbers() -> list[str]:
    return [number for number in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{number}")]
