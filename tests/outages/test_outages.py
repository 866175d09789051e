"""What a server needs goes away and comes back: no crash, no hang, nothing lost, nothing twice.

``make torture`` takes it away for as long as is promised; here it is a few seconds, and all at the same time.
"""

import json
import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from app.core.statuses import RunStatus
from tests import services
from tests.outages import kinds
from tests.outages.scene import Measured, Scene

IS_LONG = os.environ.get("CARILLON_TEST_OUTAGES") == "long"
SHORT_SECONDS = 6.0
SECONDS = {"cut": 60.0, "silent": 60.0, "locked": 30.0, "full disk": 120.0, "stopped": 60.0}
DISK_MEGABYTES = 160
ANSWER_SECONDS = 2.0 if IS_LONG else 3.0  # the promise; short ones go on beside each other and other tests
WORKING_SECONDS = 10.0


def seconds(name: str) -> float:
    return SECONDS[name] if IS_LONG else SHORT_SECONDS


def postgresql_cut(folder: Path, url: str) -> Measured:
    with closing(kinds.Line(url)) as line:
        return play(Scene(folder, seconds("cut"), line.url), line.cut)


def postgresql_silent(folder: Path, url: str) -> Measured:
    with closing(kinds.Line(url)) as line:
        return play(Scene(folder, seconds("silent"), line.url), line.silent)


def sqlite_locked(folder: Path, url: str) -> Measured:
    scene = Scene(folder, seconds("locked"))
    return play(scene, lambda: kinds.locked(scene.server.data_dir / "carillon.db"))


def disk_full(folder: Path, url: str) -> Measured:
    with kinds.small_disk(folder / "data", DISK_MEGABYTES) as data:
        return play(Scene(folder, seconds("full disk")), kinds.Filler(data).full)


def server_stopped(folder: Path, url: str) -> Measured:
    scene = Scene(folder, seconds("stopped"))
    return play(scene, lambda: kinds.stopped(scene.server.process.pid if scene.server.process else 0), asks=False)


def play(scene: Scene, outage: Callable[[], object], *, asks: bool = True) -> Measured:
    try:
        return scene.play(Late(outage), asks=asks)
    finally:
        scene.close()


class Late:
    """A context that is made when it is entered: what it needs is there only then."""

    def __init__(self, make: Callable[[], object]) -> None:
        self.make = make

    def __enter__(self) -> object:
        self.made = self.make()
        return self.made.__enter__()  # type: ignore[attr-defined]

    def __exit__(self, *error: object) -> None:
        self.made.__exit__(*error)  # type: ignore[attr-defined]


OUTAGES = [postgresql_cut, postgresql_silent, sqlite_locked, disk_full, server_stopped]


@pytest.fixture(scope="module")
def outages(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[dict[str, Future[Measured]]]:
    """All of them, going on side by side; the long ones one after the other."""
    of_tests = [item.callspec.params["outage"] for item in request.session.items if item.module is request.module]  # type: ignore[attr-defined]
    with ExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor(1 if IS_LONG else len(of_tests)))
        yield {
            each.__name__: pool.submit(each, tmp_path_factory.mktemp(each.__name__), url_for(each, request, stack))
            for each in of_tests
        }


def url_for(outage: Callable[..., Measured], request: pytest.FixtureRequest, stack: ExitStack) -> str:
    if not outage.__name__.startswith("postgresql"):
        return ""
    return stack.enter_context(services.postgresql_database(request.getfixturevalue("postgresql_url")))


@pytest.mark.parametrize("outage", OUTAGES, ids=lambda each: each.__name__)
def test_an_outage_costs_nothing_but_time(
    outage: Callable[..., Measured], outages: dict[str, Future[Measured]]
) -> None:
    measured = outages[outage.__name__].result()

    if IS_LONG:
        sys.__stdout__.write(f"{outage.__name__} {json.dumps(measured.as_dict(), default=str)}\n")  # type: ignore[union-attr]
    assert measured.moments is not None
    assert measured.moments.is_good, measured
    assert measured.run_in_it is RunStatus.SUCCEEDED, measured
    assert measured.slowest_answer < ANSWER_SECONDS, measured
    assert measured.working_after < WORKING_SECONDS, measured
    assert not {500, 502} & measured.answers.keys(), measured
    if outage is not server_stopped:
        assert measured.told_after is not None, measured
