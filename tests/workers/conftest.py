from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.workers.harness import Bench, Witness, bench, process_executor


@pytest.fixture
def witness(tmp_path: Path) -> Iterator[Witness]:
    made = Witness(tmp_path)
    yield made
    made.close()


@pytest.fixture
def workers(tmp_path: Path, witness: Witness) -> Iterator[Bench]:
    """Two worker processes that are quick to lose patience."""
    with bench(process_executor(tmp_path), tmp_path, witness) as made:
        yield made
