"""What systemd is told, and the unit that docs/carillon.service describes"""

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.adapters.systemd import Systemd
from config import Settings
from tests.services import missing

UNIT = Path(__file__).resolve().parents[2] / "docs" / "carillon.service"
MOST_EXPOSED = 3.0


class Listener:
    def __init__(self, address: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address.replace("@", "\0", 1))
        self.socket.setblocking(False)

    def heard(self) -> list[str]:
        found = []
        while True:
            try:
                found += self.socket.recv(4096).decode().splitlines()
            except BlockingIOError:
                return found


@pytest.fixture(params=["path", "abstract"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "notify") if request.param == "path" else f"@carillon-test-{os.getpid()}"


@pytest.fixture
def listener(address: str) -> Iterator[Listener]:
    made = Listener(address)
    yield made
    made.socket.close()


def test_it_is_told_what_comes_about(address: str, listener: Listener) -> None:
    environment = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid()), "HOME": "/"}
    lives = [True]
    systemd = Systemd(environment, lambda: lives[0], lambda: "keeps the time")

    assert environment == {"HOME": "/"}  # children hear nothing of it
    assert systemd.every == 10
    systemd.every = 0  # no thread
    systemd.ready()
    systemd.beat()
    lives[0] = False
    systemd.beat()
    systemd.stopping()

    assert listener.heard() == [
        "READY=1", "STATUS=keeps the time", "WATCHDOG=1", "STATUS=keeps the time", "STOPPING=1", "STATUS=stopping",
    ]  # fmt: skip


def test_without_systemd_nothing_is_sent_and_nothing_fails() -> None:
    systemd = Systemd({}, lambda: True, lambda: "")
    systemd.ready()
    systemd.beat()
    systemd.stopping()

    assert systemd.every == 0


def test_a_watchdog_for_another_process_is_not_ours() -> None:
    environment = {"NOTIFY_SOCKET": "/nowhere", "WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}

    systemd = Systemd(environment, lambda: True, lambda: "")

    assert systemd.every == 0
    systemd.ready()  # nobody listens: no fault


def told(name: str) -> str:
    found = re.findall(rf"^{name}=(.*)$", UNIT.read_text(), re.M)
    assert len(found) == 1, (name, found)
    return str(found[0])


def test_a_stop_may_take_as_long_as_carillon_itself_takes() -> None:
    assert int(told("TimeoutStopSec")) >= Settings().shutdown_grace + 15
    assert told("KillMode") == "mixed"  # the server ends its workers
    assert (told("Restart"), told("RestartPreventExitStatus")) == ("always", "78")


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The unit with a program that is there, as systemd looks for it."""
    if not shutil.which("systemd-analyze"):
        missing("systemd-analyze (the package systemd)")
    unit = tmp_path / "carillon.service"
    unit.write_text(re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", UNIT.read_text(), flags=re.M))
    return unit


def test_systemd_reads_the_unit(installed: Path) -> None:
    read = subprocess.run(["systemd-analyze", "verify", str(installed)], capture_output=True, text=True)

    assert [line for line in read.stderr.splitlines() if "carillon.service" in line] == []


def test_little_is_exposed(installed: Path) -> None:
    command = ["systemd-analyze", "security", "--offline=true", "--no-pager", str(installed)]
    read = subprocess.run(command, capture_output=True, text=True)

    level = re.search(r"Overall exposure level for carillon\.service: ([\d.]+)", read.stdout)
    assert level, read.stdout + read.stderr
    assert float(level[1]) <= MOST_EXPOSED
