"""A data directory that was copied is noticed: two servers on two copies would do every job twice."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.bootstrap import Services, build
from app.core.models import Instance
from app.core.whereabouts import Place
from config import Settings
from tests.databases import put_migrated
from tests.fakes import TYPES, FakeClock, FakeExecutor, PlainHasher

Open = Callable[[str], Services]


@pytest.fixture
def open_at(tmp_path: Path, clock: FakeClock) -> Iterator[Open]:
    """Open a data directory as a server that takes over."""
    opened: list[Services] = []

    def at(name: str) -> Services:
        services = build(
            Settings(data_dir=tmp_path / name), now=clock, executor=FakeExecutor(), types=TYPES, hasher=PlainHasher()
        )
        with services.db.transaction() as session:
            session.get_one(Instance, 1).keeper = "host:1"
        services.whereabouts.settle()
        services.sleep.begin()
        opened.append(services)
        return services

    put_migrated(tmp_path / "original")
    yield at
    for services in opened:
        services.db.dispose()


def test_a_copy_beside_its_original_sleeps(open_at: Open, tmp_path: Path) -> None:
    open_at("original").db.dispose()
    shutil.copytree(tmp_path / "original", tmp_path / "copy")

    copy, original = open_at("copy"), open_at("original")

    state = copy.sleep.state()
    assert state is not None
    assert state.why.endswith(":" + str(tmp_path / "original" / "carillon.db") + ", which is still there")
    assert original.sleep.state() is None
    assert (copy.keeper.holder(), original.keeper.holder()) == ("host:1", "host:1")
    copy.sleep.wake("ada", skip=True)
    copy.whereabouts.settle()
    assert copy.sleep.state() is None  # it has a place of its own now


def test_a_copy_whose_original_nobody_finds_is_told_until_somebody_confirms(open_at: Open, tmp_path: Path) -> None:
    open_at("original").db.dispose()
    shutil.copytree(tmp_path / "original", tmp_path / "elsewhere")
    shutil.rmtree(tmp_path / "original")

    moved = open_at("elsewhere")

    assert moved.sleep.state() is None
    assert (moved.whereabouts.came_from() or "").endswith(str(tmp_path / "original" / "carillon.db"))
    moved.whereabouts.confirm_move("ada")
    moved.whereabouts.settle()
    assert moved.whereabouts.came_from() is None


def test_what_was_renamed_or_replaced_in_its_place_is_no_copy(open_at: Open, tmp_path: Path) -> None:
    open_at("original").db.dispose()
    (tmp_path / "original").rename(tmp_path / "renamed")
    renamed = open_at("renamed")
    renamed.db.dispose()
    file = tmp_path / "renamed" / "carillon.db"
    shutil.copy(file, tmp_path / "brought back")
    (tmp_path / "brought back").replace(file)

    replaced = open_at("renamed")

    for services in (renamed, replaced):
        assert (services.sleep.state(), services.whereabouts.came_from()) == (None, None)


@pytest.mark.parametrize(
    ("other", "elsewhere"),
    [
        (Place("a", "m", "/data/carillon.db", 7), False),
        (Place("a", "m", "/moved/carillon.db", 7), False),
        (Place("b", "", "/data/carillon.db", 7), True),  # another machine
        (Place("a", "m", "/data/carillon.db", 8), False),  # somebody put another file there
        (Place("a", "m", "/copy/carillon.db", 8), True),
    ],
)
def test_a_place_is_another_one(other: Place, elsewhere: bool) -> None:
    assert Place("a", "m", "/data/carillon.db", 7).is_elsewhere(other) is elsewhere
