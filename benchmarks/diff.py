"""Two results of a million rows each, compared: seconds of CPU, memory, and sqlite3 doing the same.

    python -m benchmarks.diff [--rows N] [--order same|shuffled]

The last line is JSON: ``seconds`` and ``peak_mb`` of the comparison by key, in a process of its own as in a worker;
``ratio``, how many times as long sqlite3 takes: both files imported, joined by the key, in tables with an index.
"""

import argparse
import json
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

COLUMNS = ["id", "facility", "period", "element", "value", "comment", "stored_by", "updated"]
CHANGED, ADDED, REMOVED = 0.01, 0.005, 0.005


def main() -> None:
    arguments = _arguments()
    if arguments.child:
        print(json.dumps(_child(arguments.child, Path(arguments.folder), arguments.rows)))
        return
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        expected = make(Path(folder), arguments.rows, arguments.order)
        ours, theirs = (_run(name, folder, arguments.rows) for name in ("ours", "sqlite"))
    assert ours["counts"] == theirs["counts"] == expected, (ours, theirs, expected)
    print(f"sqlite3: {theirs['seconds']} s, {theirs['peak_mb']} MB; {ours['counts']}")
    ratio = round(theirs["seconds"] / ours["seconds"], 2)
    print(json.dumps({"seconds": ours["seconds"], "peak_mb": ours["peak_mb"], "ratio": ratio}))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--order", choices=["same", "shuffled"], default="same")
    parser.add_argument("--folder", default=".", help="where the files are made: not in memory")
    parser.add_argument("--child", choices=["ours", "sqlite"], help=argparse.SUPPRESS)
    return parser.parse_args()


def make(folder: Path, rows: int, order: str) -> Mapping[str, int]:
    """Write old.csv and new.csv; gives how many rows were added, removed and changed."""
    draw = random.Random(1)
    counts = {"added": 0, "removed": 0, "changed": 0}
    new = []
    with (folder / "old.csv").open("w") as old:
        old.write(",".join(COLUMNS) + "\n")
        for number in range(rows):
            cells = [str(number), f"facility-{number % 977}", "202607", f"element {number % 13}", str(draw.random()),
                     "a comment of some length", "admin", "2026-07-01 03:00:00+00"]  # fmt: skip
            old.write(",".join(cells) + "\n")
            chance = draw.random()
            if chance < REMOVED:
                counts["removed"] += 1
                continue
            if chance < REMOVED + CHANGED:
                counts["changed"] += 1
                cells[4] = "-1"
            new.append(",".join(cells))
            if chance > 1 - ADDED:
                counts["added"] += 1
                new.append(",".join([str(number + rows), *cells[1:]]))
    if order == "shuffled":
        draw.shuffle(new)
    (folder / "new.csv").write_text("\n".join([",".join(COLUMNS), *new, ""]))
    return counts


def _run(name: str, folder: str, rows: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.diff", "--child", name, "--folder", folder, "--rows", str(rows)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _child(name: str, folder: Path, rows: int) -> dict[str, Any]:
    started = time.process_time()
    counts = ours(folder) if name == "ours" else theirs(folder)
    seconds = round(time.process_time() - started, 2)
    return {"seconds": seconds, "peak_mb": round(_peak_kb() / 1024), "counts": counts}


def _peak_kb() -> int:
    """Not ``ru_maxrss``: that one begins with the parent's."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0])


def ours(folder: Path) -> dict[str, int]:
    from app.job_types.result_diff.run import run

    context = Context(folder)
    run(context)  # type: ignore[arg-type]
    counts = json.loads((folder / "summary.json").read_bytes())["counts"]
    return {name: counts[name] for name in ("added", "removed", "changed")}


class Context:
    """As much of a run as the comparison needs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        sides = {side: {"id": number, "name": f"{side}.csv", "path": f"{side}.csv", "columns": COLUMNS, "csv": {}}
                 for number, side in enumerate(("old", "new"))}  # fmt: skip
        self.parameters = {"comparison": {**sides, "key": ["id"]}}

    def open_result(self, path: str) -> Any:
        return (self.folder / path).open("rb", buffering=0)

    def scratch_file(self) -> Any:
        return tempfile.TemporaryFile(dir=self.folder)

    @contextmanager
    def result_file(self, name: str, **_: Any) -> Iterator["Writer"]:
        with (self.folder / name).open("wb") as file:
            yield Writer(file)

    def log(self, *_: Any) -> None: ...

    def progress(self, **_: Any) -> None: ...

    def check_cancelled(self) -> None: ...


class Writer:
    def __init__(self, file: Any) -> None:
        self.write = file.write

    def describe(self, **_: Any) -> None: ...


def theirs(folder: Path) -> dict[str, int]:
    """With the csv module and the standard library's database: what one would write in an afternoon."""
    import csv

    database = sqlite3.connect(folder / "peer.db")
    database.execute("PRAGMA journal_mode = OFF")
    for side in ("old", "new"):
        fields = ", ".join(COLUMNS[1:])
        database.execute(f"CREATE TABLE {side} (id TEXT PRIMARY KEY, {fields}) WITHOUT ROWID")
        with (folder / f"{side}.csv").open(newline="") as file:
            lines = csv.reader(file)
            next(lines)
            database.executemany(f"INSERT INTO {side} VALUES ({', '.join('?' * len(COLUMNS))})", lines)
    differs = " OR ".join(f"old.{name} IS NOT new.{name}" for name in COLUMNS[1:])
    found = {
        "added": "SELECT count(*) FROM new WHERE id NOT IN (SELECT id FROM old)",
        "removed": "SELECT count(*) FROM old WHERE id NOT IN (SELECT id FROM new)",
        "changed": f"SELECT count(*) FROM old JOIN new USING (id) WHERE {differs}",
    }
    return {name: database.execute(query).fetchone()[0] for name, query in found.items()}


if __name__ == "__main__":
    main()
