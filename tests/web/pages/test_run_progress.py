"""The progress of a run on its page: live, in words, and kept when it is over."""

from datetime import timedelta
from typing import Any

import pytest

from app.core.ports import Assignment, Progressed
from app.core.statuses import RunStatus
from tests.web.conftest import MakeJob, Play
from tests.web.pages.conftest import Markup, Reader
from tests.web.pages.test_runs import poller


def report(play: Play, assignment: Assignment, *stages: dict[str, Any], **values: Any) -> None:
    process = {"description": "Send orders", "status": "RUNNING", "started_at": play.clock().isoformat()}
    values = {"processes": [process | {"stages": list(stages)}]} | values
    play.services.engine.deliver([Progressed(assignment.run_id, assignment.token, play.clock(), values)])
    play.services.engine.record()


def stage(play: Play, name: str, *, status: str = "RUNNING", took: float | None = None, **more: Any) -> dict[str, Any]:
    """A stage that begins now; with ``took`` it has ended well."""
    ended = {} if took is None else {"status": "SUCCESS", "ended_at": _later(play, took)}
    shown = {"description": name, "status": status, "started_at": play.clock().isoformat(), "on_failure": "FAIL"}
    return shown | {"total": 0, "done": 0, "failed": 0, "items": []} | ended | more


def item(play: Play, name: str, error: str | None = None, **more: Any) -> dict[str, Any]:
    ended = {"started_at": play.clock().isoformat(), "ended_at": _later(play, 0.2)}
    return {"description": name, "status": "ERROR", "error": error, **ended} if error else (
        {"description": name, "status": "SUCCESS", **ended, **more}
    )  # fmt: skip


def _later(play: Play, seconds: float) -> str:
    return (play.clock() + timedelta(seconds=seconds)).isoformat()


def text_of(html: str) -> str:
    return " ".join(Markup(html).text.split())


@pytest.fixture
def assignment(make_job: MakeJob, play: Play) -> Assignment:
    return play.begin(make_job())


def test_the_tree_is_shown_live_until_the_run_is_over(admin: Reader, play: Play, assignment: Assignment) -> None:
    path = poller(admin.get(f"/runs/{assignment.run_id}").text, "run")
    report(play, assignment, stage(play, "connect", took=0.4), stage(play, "send", total=9000, done=811, failed=1))

    live = admin.part(path)

    assert "Succeeded connect 0.4 s Running send 812 of 9,000 items, 1 failed" in text_of(live.text)
    assert {"max": "9000", "value": "812"}.items() <= Markup(live.text).find("progress")[0].items()
    path = poller(live.text, "run")
    assert admin.part(path).status_code == 204
    play.end(assignment)
    ended = admin.part(path)
    assert poller(ended.text, "run") == ""
    assert "Succeeded send 812 of 9,000 items, 1 failed" in text_of(ended.text)
    assert Markup(ended.text).find("progress") == []


def test_failed_items_stand_before_the_fold(admin: Reader, play: Play, assignment: Assignment) -> None:
    items = [item(play, f"order {number}", f"no customer {number}") for number in range(1, 6)]
    items += [item(play, "order 6", count=4000)]
    report(play, assignment, stage(play, "send", total=9000, items=items, on_failure="SKIP_ITEM"))

    page = admin.page(f"/runs/{assignment.run_id}")

    before, _, folded = " ".join(page.text.split()).partition("Items failed items are left out")
    assert "Failed order 3 no customer 3 and 2 more failed items" in before
    assert "no customer 4" not in before
    assert "no customer 4" in folded
    assert "order 6 and 3,999 more 0.2 s" in folded
    (fold,) = [given for given in page.find("details") if (given.get("id") or "").startswith("items-")]
    assert "open" not in fold


@pytest.mark.parametrize(("total", "words"), [(None, "812 items"), (1, "812 of 1 item"), (0, "")])
def test_the_amount_is_said_as_well_as_it_is_known(
    admin: Reader, play: Play, assignment: Assignment, total: int | None, words: str
) -> None:
    report(play, assignment, stage(play, "send", total=total, done=812 if total != 0 else 0))

    text = " ".join(admin.page(f"/runs/{assignment.run_id}").text.split())

    assert f"{words} running for" in text


def test_the_rest_is_told_from_earlier_runs(admin: Reader, play: Play, make_job: MakeJob) -> None:
    job = make_job("hourly")
    earlier = play.begin(job)
    report(play, earlier, stage(play, "read", took=60), stage(play, "send", took=120))
    play.end(earlier)
    assignment = play.begin(job)
    report(play, assignment, stage(play, "read"))

    play.clock.advance(seconds=30)

    assert "about 2 min left" in admin.get(f"/runs/{assignment.run_id}").text


def test_without_earlier_runs_only_the_stage_is_judged(admin: Reader, play: Play, assignment: Assignment) -> None:
    report(play, assignment, stage(play, "send", total=100, done=50))

    play.clock.advance(seconds=30)

    assert "about 30 s left in this stage" in admin.get(f"/runs/{assignment.run_id}").text


def test_a_cancellation_is_seen_in_the_tree_at_once(admin: Reader, play: Play, assignment: Assignment) -> None:
    report(play, assignment, stage(play, "send"))

    play.services.runs.cancel(assignment.run_id, "ada")

    page = admin.page(f"/runs/{assignment.run_id}")
    assert "Cancelled Send orders" in " ".join(page.text.split())


def test_a_run_that_says_nothing_has_no_tree(admin: Reader, play: Play, assignment: Assignment) -> None:
    play.end(assignment, RunStatus.FAILED, error="no route")

    assert "tree-title" not in admin.get(f"/runs/{assignment.run_id}").text


def test_what_a_job_says_is_text(admin: Reader, play: Play, assignment: Assignment) -> None:
    nasty = "<script>alert(1)</script>"
    report(play, assignment, stage(play, nasty, items=[item(play, nasty, nasty)]))

    html = admin.get(f"/runs/{assignment.run_id}").text

    assert nasty not in html
    assert html.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 3


def test_of_a_large_tree_that_is_changing_only_the_newest_items_are_sent(
    admin: Reader, play: Play, assignment: Assignment
) -> None:
    old = stage(play, "read", took=1, items=[item(play, f"old {number}") for number in range(200)])
    new = stage(play, "send", items=[item(play, f"new {number}") for number in range(200)])
    report(play, assignment, old, new)
    assert "old 7" not in admin.page(f"/runs/{assignment.run_id}").text

    play.end(assignment)

    assert "old 7" in admin.page(f"/runs/{assignment.run_id}").text


def test_what_was_left_out_is_counted(admin: Reader, play: Play, assignment: Assignment) -> None:
    report(play, assignment, stage(play, "send"), left_out=1)
    assert "1 older process not shown" in admin.page(f"/runs/{assignment.run_id}").text
