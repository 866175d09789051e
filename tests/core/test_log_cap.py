"""The cap of a log: exactly the beginning and the end are kept, over attempts too, whenever lines are passed on."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.log_cap import LogCap, LogLimits, LogSoFar
from app.core.ports import LogLine

AT = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


class Table:
    """Stands for the table of lines: does what the recorder does with what it is told."""

    def __init__(self) -> None:
        self.last = 0
        self.lines: dict[int, str] = {}

    def head(self, line: LogLine) -> None:
        self.last += 1
        self.lines[self.last] = line.message

    def tail(self, cap: LogCap, most: int) -> None:
        lines, left_out, kept = cap.take(most)
        self.last += left_out
        for line in lines:
            self.head(line)
        self.lines = {n: text for n, text in self.lines.items() if n <= kept.beginning or n > self.last - kept.end}

    def sizes(self) -> list[tuple[int, int]]:
        return [(number, len(text)) for number, text in sorted(self.lines.items())]


def say(table: Table, limits: LogLimits, attempts: list[list[str]], every: int, most: int) -> None:
    """Every so many lines up to ``most`` are passed on; at the end of an attempt all."""
    for texts in attempts:
        cap = LogCap(limits, LogSoFar.of(table.sizes(), limits))
        for number, text in enumerate(texts, 1):
            line = LogLine(AT, "info", text)
            if cap.add(line):
                table.head(line)
            elif number % every == 0:
                table.tail(cap, most)
        while cap.has_more:
            table.tail(cap, most)


def expected(limits: LogLimits, texts: list[str]) -> dict[int, str]:
    """Told from the definition: the longest beginning and the longest end that fit."""
    half, characters = limits.lines // 2, limits.characters // 2
    head = 0
    while head < min(half, len(texts)) and sum(map(len, texts[: head + 1])) <= characters:
        head += 1
    tail = 0
    while tail < min(half, len(texts) - head) and sum(map(len, texts[len(texts) - tail - 1 :])) <= characters:
        tail += 1
    kept = [*range(1, head + 1), *range(len(texts) - tail + 1, len(texts) + 1)]
    return {number: texts[number - 1] for number in kept}


TEXTS = st.lists(st.text("x", max_size=9), max_size=40)


@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(
    st.lists(TEXTS, min_size=1, max_size=3),
    st.integers(2, 30),
    st.integers(20, 120),
    st.integers(1, 10),
    st.integers(1, 10),
)
def test_what_is_kept_is_exactly_the_beginning_and_the_end(
    attempts: list[list[str]], lines: int, characters: int, every: int, most: int
) -> None:
    limits, table = LogLimits(lines, characters), Table()

    say(table, limits, attempts, every, most)

    texts = [text for attempt in attempts for text in attempt]
    assert table.lines == expected(limits, texts)
    assert table.last == len(texts) if texts else table.last == 0


@pytest.mark.parametrize(
    ("number", "kept"),
    [
        (9, range(1, 10)),
        (10, range(1, 11)),
        (11, [1, 2, 3, 4, 5, 7, 8, 9, 10, 11]),
        (1000, [1, 2, 3, 4, 5, 996, 997, 998, 999, 1000]),
    ],
)
def test_at_the_borders(number: int, kept: list[int]) -> None:
    table = Table()

    say(table, LogLimits(10, 10_000), [[f"{n}" for n in range(1, number + 1)]], every=3, most=2)

    assert table.lines == {n: f"{n}" for n in kept}


def test_a_flood_is_held_back_in_memory_that_does_not_grow() -> None:
    cap = LogCap(LogLimits(100, 10_000))
    passed_on = sum(cap.add(LogLine(AT, "info", "x")) for _ in range(100_000))

    lines, left_out, kept = cap.take(1000)

    assert (passed_on, len(lines), left_out) == (50, 50, 99_900)
    assert (kept.beginning, kept.end) == (50, 50)
