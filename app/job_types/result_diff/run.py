"""One comparison, in the order in which it happens."""

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import PurePath
from typing import Any

from app.core.job_types import JobContext, JobError
from app.core.rows.cells import cutter, picker
from app.core.rows.differences import Differences
from app.core.rows.reading import Rows, UnreadableError
from app.core.statuses import FailureReason
from app.job_types.result_diff.guess import guessed, sample
from app.job_types.result_diff.sides import Pair, Side
from app.job_types.result_diff.written import Written

JSON = "application/json"


def run(context: JobContext) -> None:
    """``comparison``: ``old`` and ``new`` as ``Side.of`` reads them, ``key`` (null: guess it; empty: whole rows)."""
    asked = context.parameters.get("comparison") or {}
    if not asked:
        raise JobError("there is nothing to compare: ask for it where the results are", FailureReason.CONFIG)
    pair = Pair(Side.of(asked["old"]), Side.of(asked["new"]))
    with ExitStack() as stack:
        streams = [stack.enter_context(context.open_result(side.path)) for side in (pair.old, pair.new)]
        try:
            old, new = (pair.rows(side, stream) for side, stream in zip((pair.old, pair.new), streams, strict=True))
            _compare(context, pair, asked["key"], old, new)
        except UnreadableError as error:
            raise JobError(f"a file cannot be read: {error}") from error
        except IndexError as error:
            raise JobError("a file cannot be read: it has rows with fewer cells than columns") from error


def _compare(
    context: JobContext, pair: Pair, key: Sequence[str] | None, old: Iterator[Rows], new: Iterator[Rows]
) -> None:
    is_guessed = key is None
    if key is None:
        (first_old, old), (first_new, new) = sample(old), sample(new)
        null = pair.dialect.null_text.encode(pair.dialect.encoding, "replace")
        key = guessed(pair.columns, cutter(pair.dialect.delimiter), null, (first_old, first_new))
    context.log(f"rows are told apart by {', '.join(map(repr, key))}" if key else "rows are compared as a whole")
    key_of = picker(pair.dialect.delimiter, [_place(pair, name) for name in key]) if key else None
    total = None if pair.old.rows is None or pair.new.rows is None else pair.old.rows + pair.new.rows

    def on_batch() -> None:
        context.check_cancelled()
        context.progress(stage="read", rows=differences.rows_read, total=total)

    differences = Differences(key_of, context.scratch_file, on_batch)
    found = differences.find(old, new)
    context.progress(stage="write")
    with context.result_file(f"changes of {_stem(pair.new.name)}.csv") as file:
        written = Written(file.write, pair.columns, pair.dialect)
        for each in found:
            written.add(each)
            if not written.rows % 1024:
                context.check_cancelled()
        written.finish()
        columns = ["change", "changed_columns", *pair.columns]
        file.describe(rows=written.rows, columns=columns, csv=pair.dialect.written())
    _summarize(context, pair, differences, written, {"key": list(key), "is_key_guessed": is_guessed})


def _place(pair: Pair, name: str) -> int:
    try:
        return pair.columns.index(name)
    except ValueError:
        raise JobError(f"the key {name!r} is no column of both files", FailureReason.CONFIG) from None


def _stem(name: str) -> str:
    for suffix in (".gz", ".zst", ".csv"):
        name = name.removesuffix(suffix)
    return PurePath(name).name or "result"


def _summarize(
    context: JobContext, pair: Pair, differences: Differences, written: Written, key: dict[str, Any]
) -> None:
    counts = asdict(differences.counts)
    summary = {
        "old": pair.old.id,
        "new": pair.new.id,
        **key,
        "counts": counts,
        "columns": {
            "compared": pair.columns,
            "added": [name for name in pair.new.columns if name not in pair.old.columns],
            "removed": [name for name in pair.old.columns if name not in pair.new.columns],
            "is_reordered": [name for name in pair.old.columns if name in pair.new.columns] != pair.columns,
        },
        "changed_cells": {name: written.changed_cells[name] for name in pair.columns if name in written.changed_cells},
        "examples": written.examples,
    }
    with context.result_file("summary.json", media_type=JSON) as file:
        file.write(json.dumps(summary, ensure_ascii=False).encode("utf-8", "surrogatepass"))
    told = ", ".join(f"{counts[name]} {name}" for name in ("added", "removed", "changed", "same"))
    context.log(f"{told} rows")
