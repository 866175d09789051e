"""The page of reasons names every reason that there is, and no other."""

import re
from pathlib import Path

from app.core.retries import RETRIABLE
from app.core.statuses import FailureReason, FireOutcome, FireReason

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "reasons.md").read_text()


def rows(title: str) -> dict[str, str]:
    section = PAGE.split(f"## {title}")[1].split("\n## ")[0]
    return dict(re.findall(r"^\| `(\w+)` \|(.*)$", section, re.MULTILINE))


def test_every_outcome_and_reason_has_its_row() -> None:
    assert rows("What became of a moment").keys() == set(FireOutcome)
    assert rows("Why it did not start").keys() == set(FireReason)
    assert rows("Why a run did not succeed").keys() == set(FailureReason)


def test_the_page_says_what_may_be_retried() -> None:
    retried = {name for name, rest in rows("Why a run did not succeed").items() if "| yes |" in rest}

    assert retried == set(RETRIABLE)
