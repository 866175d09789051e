"""What the progress tree costs a job: processor time for each item, memory and bytes of a stage of 100,000 items.

The items do nothing, and a plain loop over the same items is measured in turn with each way of running them. As in a
worker, a second thread reads the tree and packs it for the pipe, here ten times as often.
"""

import json
import threading
import tracemalloc
from collections.abc import Callable
from time import process_time

from app.adapters.clock import utc_now
from app.adapters.messages import pack
from app.core.error_text import storable
from app.core.execution import CancelFlag
from app.core.progress import ProgressTree
from app.core.stages import Progress

ITEMS = 100_000
ROUNDS = 5
READ_EVERY = 0.1  # seconds

Way = Callable[[Progress], None]


def nothing(number: int) -> None:
    """The work."""


def fail_at_odd(number: int) -> None:
    if number % 2:
        raise ValueError("odd")


def loop(progress: Progress) -> None:
    for number in progress.stage("count", range(ITEMS)):
        nothing(number)


def loop_without_total(progress: Progress) -> None:
    for number in progress.stage("count", iter(range(ITEMS))):
        nothing(number)


def run(progress: Progress) -> None:
    progress.stage("count", range(ITEMS)).run(nothing)


def run_failing(progress: Progress) -> None:
    progress.stage("count", range(ITEMS), on_failure="SKIP_ITEM").run(fail_at_odd)


def run_in_threads(progress: Progress) -> None:
    progress.stage("count", range(ITEMS)).run(nothing, workers=4)


WAYS: list[Way] = [loop, loop_without_total, run, run_in_threads, run_failing]


def plain_loop() -> None:
    for number in range(ITEMS):
        nothing(number)


def new_progress() -> Progress:
    return Progress(ProgressTree("benchmark", utc_now, storable, lambda: None), CancelFlag())


def microseconds(work: Callable[[], None]) -> float:
    """Processor time of all threads, for each item."""
    began = process_time()
    work()
    return (process_time() - began) / ITEMS * 1e6


def watched(way: Way) -> Callable[[], None]:
    def work() -> None:
        progress, ended = new_progress(), threading.Event()

        def read() -> None:
            while not ended.wait(READ_EVERY):
                pack("progressed", progress.tree.read())

        reader = threading.Thread(target=read)
        reader.start()
        way(progress)
        ended.set()
        reader.join()

    return work


def sizes(way: Way) -> tuple[int, int]:
    """Bytes of the packed tree, and the most memory that it took."""
    progress = new_progress()
    tracemalloc.start()
    way(progress)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return len(pack("progressed", progress.tree.read())), peak


def main() -> None:
    best = dict.fromkeys(["plain_loop", *(way.__name__ for way in WAYS)], float("inf"))
    for _ in range(ROUNDS):
        best["plain_loop"] = min(best["plain_loop"], microseconds(plain_loop))
        for way in WAYS:
            best[way.__name__] = min(best[way.__name__], microseconds(watched(way)))
    print(f"{'':<20}{'µs an item':>12}{'tree, bytes':>14}{'memory, KB':>12}")
    print(f"{'plain_loop':<20}{best['plain_loop']:>12.3f}")
    measured = {way.__name__: sizes(way) for way in WAYS}
    for name, (packed, memory) in measured.items():
        print(f"{name:<20}{best[name]:>12.3f}{packed:>14,}{memory / 1000:>12,.0f}")
    figures = {
        "per_item_microseconds": round(best["loop"], 2),
        "ratio_plain_loop": round(best["loop"] / best["plain_loop"], 1),
        "tree_bytes_100k": max(packed for packed, _ in measured.values()),
        "memory_bytes_100k": max(memory for _, memory in measured.values()),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
