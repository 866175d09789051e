"""``python -m tests.torture``: hundreds of kills while 500 triggers fire 245 times a second. Ends with 1 when a promise
was broken. The last line is one JSON object."""

import argparse
import json
import logging
import sys
import tempfile
import time
from pathlib import Path

from tests import services
from tests.torture import verdict, witness
from tests.torture.ordeal import Ordeal

OTHERS = ("all", "warden", "guardian", "worker", "workers")
MARKED_WITHIN = 5.0  # seconds after the server is ready


def main() -> None:
    given = arguments()
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory(prefix="carillon-torture-") as folder:
        if given.database == "postgresql":
            with services.postgresql_database() as url:
                found = torture(Path(folder), url, given)
        else:
            found = torture(Path(folder), "", given)
    sys.stdout.write(json.dumps(found) + "\n")
    sys.exit(0 if found["is_good"] else 1)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--kills", type=int, default=200, help="of the server; others come on top [200]")
    parser.add_argument("--others", type=int, default=8, help="of each of: " + ", ".join(OTHERS) + " [8]")
    parser.add_argument("--triggers", type=int, default=500)
    parser.add_argument("--seed", type=int)
    return parser.parse_args()


def torture(folder: Path, url: str, given: argparse.Namespace) -> dict[str, object]:
    began = time.monotonic()
    ordeal = Ordeal(folder, given.triggers, url, given.seed)
    victims = ["server"] * given.kills + list(OTHERS) * given.others
    ordeal.random.shuffle(victims)
    try:
        ordeal.suffer(victims)
        ordeal.recover()
        found = verdict.judge(ordeal.db, witness.read(ordeal.book))
        outcomes = verdict.outcomes(ordeal.db)
    finally:
        ordeal.close()
    return {
        "database": given.database,
        "is_good": found.is_good and max(ordeal.marked_seconds) < MARKED_WITHIN,
        **found.as_dict(),
        "outcomes": outcomes,
        "kills": dict(ordeal.kills),
        "ready_seconds_max": round(max(ordeal.ready_seconds), 2),
        "marked_seconds_max": round(max(ordeal.marked_seconds), 2),
        "seconds": round(time.monotonic() - began),
    }


if __name__ == "__main__":
    main()
