"""carillon serve: the server."""

import logging
import os
import signal
import threading
from types import FrameType
from typing import TYPE_CHECKING

import click

from app.adapters import log_lines
from app.adapters.systemd import Systemd
from app.bootstrap import Services, build
from app.cli import http_server
from app.cli.opening import parts, settings

if TYPE_CHECKING:
    from config import Settings

log = logging.getLogger(__name__)

MAY_TAKE = 14.0  # seconds beyond the grace time, for the ends of all runs and of ourselves

CHECK_SECONDS = 2.0  # for the pages of SQLite's file: some gigabytes, once they have been read


@click.command()
def serve() -> None:
    """Start the server: keeps the time, serves pages and APIs.

    \b
    CARILLON_HOST, CARILLON_PORT   where to listen            [127.0.0.1, 8080]
    CARILLON_DATA_DIR              database, key and results  [./data]
    CARILLON_DATABASE_URL          PostgreSQL instead of SQLite
    CARILLON_WORKERS               worker processes           [twice the cores, at least 4]

    All settings are in the README. SIGTERM ends it well: nothing new starts, running jobs get 30 seconds.
    """
    given = settings()
    if os.environ.get("FLASK_DEBUG"):
        raise click.UsageError("FLASK_DEBUG is set: Carillon does not run under Flask's debugger")
    log_lines.set_up(given.log_format)
    services = build(given, check_seconds=CHECK_SECONDS)
    server = _listen(services, given)
    password = services.users.ensure_administrator(given.admin_username, given.admin_password)
    _on_signals(services, given.shutdown_grace)
    systemd = Systemd(os.environ, services.is_live, lambda: "standing by" if services.is_standby else "keeps the time")
    services.start()
    _welcome(given, password)
    systemd.ready()
    try:
        server.run()
    finally:
        systemd.stopping()
        server.close()  # who asks now is refused at once, and does not wait for the end of the grace time
        log.info("stopping: running jobs have %s seconds", int(given.shutdown_grace))
        services.stop()
        log.info("stopped")


def _listen(services: Services, given: "Settings") -> http_server.Server:
    try:
        return http_server.create(parts().create_app(services), given)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise click.ClickException(
            f"cannot listen on {given.host}:{given.port}: {why}; CARILLON_HOST and CARILLON_PORT say where"
        ) from None


def _on_signals(services: Services, grace_seconds: float) -> None:
    """The first signal ends the server well and in time, a second one at once."""
    stopping = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        if stopping.is_set():
            os._exit(128 + number)
        stopping.set()
        services.engine.begin_to_stop()
        _end_after(grace_seconds + MAY_TAKE)
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)


def _end_after(seconds: float) -> None:
    """Whatever hangs. Nothing is lost: runs are ended with us, and what is not recorded is in the spool."""

    def end() -> None:
        log.error("the server ends without having recorded everything; the next start does it")
        os._exit(0)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()


def _welcome(given: "Settings", password: str | None) -> None:
    host = f"[{given.host}]" if ":" in given.host else given.host
    click.echo(f"Carillon is at http://{host}:{given.port}")
    if password:
        click.echo(f"Log in as {given.admin_username!r} with the password {password!r}. It is shown this once.")
