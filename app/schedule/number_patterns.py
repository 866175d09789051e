"""Patterns in sets of numbers, for those who put them into words."""

from collections.abc import Collection
from itertools import pairwise


def runs(numbers: Collection[int]) -> list[tuple[int, int]]:
    """Cut numbers into stretches without a hole: 1 2 3 7 is (1, 3) (7, 7)."""
    found: list[tuple[int, int]] = []
    for number in sorted(numbers):
        if found and found[-1][1] == number - 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found


def circular_run(numbers: Collection[int], low: int, high: int) -> tuple[int, int] | None:
    """Answer first and last of a single stretch that may go past the end: 22 23 0 1 is (22, 1); else ``None``."""
    found = runs(numbers)
    if len(found) == 1:
        return found[0]
    if len(found) == 2 and found[0][0] == low and found[1][1] == high:
        return found[1][0], found[0][1]
    return None


def even_step(numbers: Collection[int]) -> int | None:
    """Answer the distance of three or more numbers that stand at equal distances."""
    distances = {later - earlier for earlier, later in pairwise(sorted(numbers))}
    return distances.pop() if len(numbers) > 2 and len(distances) == 1 else None


def cycle_step(numbers: Collection[int], size: int) -> int | None:
    """Answer the step of numbers that go on evenly from one cycle to the next: ``*/15`` or ``5/15`` in 60."""
    step = size // len(numbers)
    return step if size % step == 0 and sorted(numbers) == list(range(min(numbers), size, step)) else None
