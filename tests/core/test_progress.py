"""The progress tree: what becomes of items, stages and processes, and how small it stays."""

import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from app.core.execution import CANCELLED, CancelFlag, timed_out
from app.core.job_types import JobError, RunCancelled
from app.core.progress import MOST_ERRORS, MOST_NODES, FailurePolicy, ProgressTree
from app.core.stages import Progress
from tests.fakes import FakeClock

SKIPPED = "skipped stage. "
ABORTED = "processing aborted: skipped stage, failing item caused abort. "


class Played(Progress):
    """A tree with nobody around it; ``told`` counts how often it asked to be read."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.told = 0
        super().__init__(
            ProgressTree("nightly", self.clock, lambda text, limit: text[:limit], self._tell), CancelFlag()
        )

    def _tell(self) -> None:
        self.told += 1

    def shown(self) -> dict[str, Any]:
        return self.tree.read()

    def only_process(self) -> dict[str, Any]:
        (process,) = self.shown()["processes"]
        return dict(process)

    def last_stage(self) -> dict[str, Any]:
        return dict(self.only_process()["stages"][-1])

    def statuses(self) -> str:
        """One letter for each item of the newest stage: Success, Error, Cancelled, Running."""
        return "".join(item["status"][0] for item in self.last_stage()["items"])


@pytest.fixture
def played() -> Played:
    return Played()


def failing_at(*numbers: int) -> Callable[[int], None]:
    def work(number: int) -> None:
        if number in numbers:
            raise ValueError(f"{number} is wrong")

    return work


def try_to(run: Callable[[], object]) -> str:
    """Whether the process goes on after it."""
    try:
        run()
    except ValueError:
        return "aborted"
    return "goes on"


POLICIES = [
    # policy, items that fail of 1 to 4; statuses of items, of the stage, of the process; what the stage says
    ("PARENT", (), "SSSS", "SUCCESS", "goes on", "4 successful and 0 failed items"),
    ("PARENT", (2,), "SE", "ERROR", "aborted", f"{ABORTED}1 successful and 1 failed items"),
    ("FAIL", (2,), "SE", "ERROR", "aborted", f"{ABORTED}1 successful and 1 failed items"),
    ("FAIL", (4,), "SSSE", "ERROR", "aborted", f"{ABORTED}3 successful and 1 failed items"),
    ("SKIP_STAGE", (), "SSSS", "SUCCESS", "goes on", "4 successful and 0 failed items"),
    ("SKIP_STAGE", (1,), "E", "ERROR", "goes on", f"{SKIPPED}0 successful and 1 failed items"),
    ("SKIP_STAGE", (3, 4), "SSE", "ERROR", "goes on", f"{SKIPPED}2 successful and 1 failed items"),
    ("SKIP_STAGE", (4,), "SSSE", "ERROR", "goes on", f"{SKIPPED}3 successful and 1 failed items"),
    ("SKIP_ITEM", (1,), "ESSS", "SUCCESS", "goes on", "3 successful and 1 failed items"),
    ("SKIP_ITEM", (1, 2, 3, 4), "EEEE", "SUCCESS", "goes on", "0 successful and 4 failed items"),
    ("SKIP_ITEM_OUTLIER", (), "SSSS", "SUCCESS", "goes on", "4 successful and 0 failed items"),
    ("SKIP_ITEM_OUTLIER", (1,), "E", "ERROR", "aborted", f"{ABORTED}0 successful and 1 failed items"),
    ("SKIP_ITEM_OUTLIER", (2, 3, 4), "SEEE", "SUCCESS", "goes on", "1 successful and 3 failed items"),
]


@pytest.mark.parametrize(("policy", "failing", "items", "stage", "process", "words"), POLICIES)
def test_a_policy_says_what_a_failing_item_leads_to(
    played: Played, policy: str, failing: tuple[int, ...], items: str, stage: str, process: str, words: str
) -> None:
    outcome = try_to(lambda: played.stage("count", [1, 2, 3, 4], on_failure=policy).run(failing_at(*failing)))

    shown = played.last_stage()
    assert outcome == process
    assert played.statuses() == items
    assert (shown["status"], shown.get("summary") or shown.get("error")) == (stage, words)
    assert (shown["done"], shown["failed"]) == (items.count("S"), items.count("E"))


@pytest.mark.parametrize(("policy", "failing", "items", "stage", "process", "words"), POLICIES)
def test_a_loop_that_says_fail_follows_the_same_policies(
    played: Played, policy: str, failing: tuple[int, ...], items: str, stage: str, process: str, words: str
) -> None:
    def loop() -> None:
        stage = played.stage("count", [1, 2, 3, 4], on_failure=policy)
        for number in stage:
            if number in failing:
                stage.fail(f"{number} is wrong")

    try:
        loop()
        outcome = "goes on"
    except JobError:
        outcome = "aborted"

    shown = played.last_stage()
    assert (outcome, played.statuses(), shown["status"]) == (process, items, stage)
    assert (shown.get("summary") or shown.get("error")) == words


@pytest.mark.parametrize(("policy", "failing", "items", "stage", "process", "words"), POLICIES)
def test_items_marked_by_hand_follow_the_same_policies(
    played: Played, policy: str, failing: tuple[int, ...], items: str, stage: str, process: str, words: str
) -> None:
    def by_hand() -> None:
        with played.stage("count", total=4, on_failure=policy) as stage:
            for number in (1, 2, 3, 4):
                with stage.item(f"number {number}"):
                    failing_at(*failing)(number)

    outcome = try_to(by_hand)

    shown = played.last_stage()
    assert (outcome, played.statuses(), shown["status"]) == (process, items, stage)
    assert (shown.get("summary") or shown.get("error")) == words


@pytest.mark.parametrize(
    ("of_stage", "of_item", "stage", "process"),
    [
        ("FAIL", "SKIP_ITEM", "SUCCESS", "goes on"),
        ("SKIP_ITEM", "FAIL", "ERROR", "aborted"),
        ("SKIP_ITEM", "SKIP_STAGE", "ERROR", "goes on"),
        ("SKIP_STAGE", "PARENT", "ERROR", "goes on"),
        ("PARENT", "PARENT", "ERROR", "aborted"),
    ],
)
def test_an_items_own_policy_counts_before_the_stages(
    played: Played, of_stage: str, of_item: str, stage: str, process: str
) -> None:
    def by_hand() -> None:
        with played.stage("count", total=2, on_failure=of_stage) as stage:
            for number in (1, 2):
                with stage.item(on_failure=of_item):
                    failing_at(1)(number)

    outcome = try_to(by_hand)

    assert (outcome, played.last_stage()["status"]) == (process, stage)


@pytest.mark.parametrize(
    ("policy", "process"),
    [
        ("PARENT", "aborted"),
        ("FAIL", "aborted"),
        ("SKIP_STAGE", "goes on"),
        ("SKIP_ITEM", "aborted"),
        ("SKIP_ITEM_OUTLIER", "aborted"),
    ],
)
def test_a_stage_that_fails_itself_is_forgiven_only_when_it_may_be_skipped(
    played: Played, policy: str, process: str
) -> None:
    def fail() -> None:
        with played.stage("connect", on_failure=policy):
            raise ValueError("no route")

    outcome = try_to(fail)

    shown = played.last_stage()
    assert outcome == process
    assert (shown["status"], shown["error"], shown["items"], shown["total"]) == ("ERROR", "no route", [], 0)


@pytest.mark.parametrize(
    ("given", "kept"), [("PARENT", "FAIL"), ("FAIL", "FAIL"), ("SKIP_ITEM_OUTLIER", "SKIP_ITEM_OUTLIER")]
)
def test_a_stage_without_a_policy_of_its_own_fails(played: Played, given: str, kept: str) -> None:
    played.stage("connect", on_failure=given)

    assert played.last_stage()["on_failure"] == kept


def test_nothing_begins_after_an_abort_even_when_the_job_swallows_the_error(played: Played) -> None:
    try_to(lambda: played.stage("count", [1]).run(failing_at(1)))

    with pytest.raises(JobError, match="processing aborted: 1 is wrong"):
        played.stage("go on")
    with pytest.raises(JobError, match="processing aborted: 1 is wrong"), played.process("another"):
        pass
    assert [stage["description"] for stage in played.only_process()["stages"]] == ["count"]


def test_a_skipped_stage_does_not_skip_the_next(played: Played) -> None:
    played.stage("first", [1, 2], on_failure="SKIP_STAGE").run(failing_at(1))
    played.stage("second", [1, 2], on_failure="SKIP_STAGE").run(failing_at())
    played.tree.end()

    process = played.only_process()
    assert [stage["status"] for stage in process["stages"]] == ["ERROR", "SUCCESS"]
    assert process["status"] == "SUCCESS"


# What the tree says


def test_a_whole_tree(played: Played) -> None:
    with played.process("Send orders") as process:
        with played.stage("connect"):
            played.clock.advance(seconds=1.5)
        stage = played.stage("send", ["a", "b"], on_failure="SKIP_ITEM", describe=lambda name: f"order {name}")
        for name in stage:
            played.clock.advance(seconds=1)
            if name == "b":
                stage.fail("no such customer")
        process.summary = "1 order sent"

    second = "2026-03-02T12:00:01.500+00:00"
    assert played.shown() == {
        "processes": [
            {
                "description": "Send orders",
                "status": "SUCCESS",
                "started_at": "2026-03-02T12:00:00.000+00:00",
                "ended_at": "2026-03-02T12:00:03.500+00:00",
                "summary": "1 order sent",
                "stages": [
                    {
                        "description": "connect",
                        "status": "SUCCESS",
                        "started_at": "2026-03-02T12:00:00.000+00:00",
                        "ended_at": second,
                        "on_failure": "FAIL",
                        "total": 0,
                        "done": 0,
                        "failed": 0,
                        "items": [],
                    },
                    {
                        "description": "send",
                        "status": "SUCCESS",
                        "started_at": second,
                        "ended_at": "2026-03-02T12:00:03.500+00:00",
                        "summary": "1 successful and 1 failed items",
                        "on_failure": "SKIP_ITEM",
                        "total": 2,
                        "done": 1,
                        "failed": 1,
                        "items": [
                            {
                                "description": "order a",
                                "status": "SUCCESS",
                                "started_at": second,
                                "ended_at": "2026-03-02T12:00:02.500+00:00",
                            },
                            {
                                "description": "order b",
                                "status": "ERROR",
                                "started_at": "2026-03-02T12:00:02.500+00:00",
                                "ended_at": "2026-03-02T12:00:03.500+00:00",
                                "error": "no such customer",
                            },
                        ],
                    },
                ],
            }
        ]
    }


def numbers_up_to(last: int) -> Iterator[int]:
    yield from range(1, last + 1)


@pytest.mark.parametrize(
    ("items", "total"),
    [([1, 2, 3], 3), ({"a": 1}, 1), ((), 0), (numbers_up_to(3), None)],
    ids=["list", "dict", "none", "generator"],
)
def test_a_stage_says_how_many_items_it_will_have(played: Played, items: Any, total: int | None) -> None:
    played.stage("count", items)

    assert played.last_stage()["total"] == total


def test_the_total_of_items_that_do_not_know_their_number_can_be_given(played: Played) -> None:
    played.stage("count", numbers_up_to(3), total=3).run(failing_at())

    assert (played.last_stage()["total"], played.last_stage()["done"]) == (3, 3)


def test_items_are_numbered_unless_they_are_described(played: Played) -> None:
    played.stage("count", ["x", "y"]).run(len)

    assert [item["description"] for item in played.last_stage()["items"]] == ["#1", "#2"]


def test_a_loop_that_is_left_early_has_ended_well(played: Played) -> None:
    for number in played.stage("search", [1, 2, 3]):
        if number == 2:
            break
    played.stage("next")

    first = played.only_process()["stages"][0]
    assert (first["status"], first["summary"], first["done"]) == ("SUCCESS", "2 successful and 0 failed items", 2)


def test_an_error_outside_of_the_stages_fails_the_process(played: Played) -> None:
    def job() -> None:
        with played.process("Send orders"):
            with played.stage("connect"):
                pass
            failing_at(1)(1)

    assert try_to(job) == "aborted"
    process = played.only_process()
    assert (process["status"], process["error"]) == ("ERROR", "Process failed: 1 is wrong")
    assert process["stages"][0]["status"] == "SUCCESS"


def test_an_error_of_the_source_of_the_items_fails_the_stage(played: Played) -> None:
    def source() -> Iterator[int]:
        yield 1
        raise ValueError("the cursor is closed")

    outcome = try_to(lambda: played.stage("read", source()).run(failing_at()))

    assert outcome == "aborted"
    assert (played.statuses(), played.last_stage()["status"]) == ("S", "ERROR")
    assert played.only_process()["error"] == "the cursor is closed"


def test_a_source_that_breaks_can_be_skipped(played: Played) -> None:
    def source() -> Iterator[int]:
        yield 1
        raise ValueError("the cursor is closed")

    for _ in played.stage("read", source(), on_failure="SKIP_STAGE"):
        pass

    assert (played.statuses(), played.last_stage()["error"]) == ("S", "the cursor is closed")


def test_several_processes_follow_each_other(played: Played) -> None:
    for name in ("first", "second"):
        with played.process(name), played.stage("work"):
            pass

    processes = played.shown()["processes"]
    assert [(process["description"], process["status"]) for process in processes] == [
        ("first", "SUCCESS"),
        ("second", "SUCCESS"),
    ]


def test_a_told_stage_is_one_of_the_tree(played: Played) -> None:
    played.tree.tell({"stage": "query"})
    played.tree.tell({"stage": "export", "rows": 10})
    played.tree.tell({"stage": "export", "rows": 20})
    played.tree.end()

    process = played.only_process()
    assert (process["description"], process["status"], "summary" in process) == ("nightly", "SUCCESS", False)
    shown = [(stage["description"], stage["status"], stage.get("summary")) for stage in process["stages"]]
    assert shown == [("query", "SUCCESS", None), ("export", "SUCCESS", "20 rows")]
    assert (played.shown()["stage"], played.shown()["rows"]) == ("export", 20)


def test_errors_of_objects_are_kept_beside_the_tree_and_not_without_end(played: Played) -> None:
    for number in range(MOST_ERRORS + 1):
        played.tree.add_error("E1005", f"id{number}", "OrgUnit", ["x", 7])

    assert len(played.shown()["errors"]) == MOST_ERRORS
    assert played.shown()["errors"][0] == {"code": "E1005", "id": "id0", "type": "OrgUnit", "args": ["x", "7"]}


# The end from outside


def test_a_cancellation_is_seen_between_two_items(played: Played) -> None:
    def work(number: int) -> None:
        if number == 2:
            played.cancelled.set(CANCELLED)

    with pytest.raises(RunCancelled), played.process("Send orders"):
        played.stage("send", [1, 2, 3, 4], on_failure="SKIP_ITEM").run(work)

    process, stage = played.only_process(), played.last_stage()
    assert played.statuses() == "SS"
    assert (stage["status"], stage["error"]) == (
        "CANCELLED",
        "skipped stage, cancellation requested. 2 successful and 0 failed items",
    )
    assert (process["status"], process["error"]) == ("CANCELLED", "the run was cancelled")


@pytest.mark.parametrize("policy", list(FailurePolicy))
def test_no_policy_forgives_what_a_cancellation_brings_about(played: Played, policy: FailurePolicy) -> None:
    def work(number: int) -> None:
        played.cancelled.set(CANCELLED)
        raise ValueError("the query was cancelled")

    with pytest.raises(ValueError, match="cancelled"):
        played.stage("send", [1, 2], on_failure=policy).run(work)

    assert (played.statuses(), played.only_process()["status"]) == ("C", "CANCELLED")


def test_no_stage_begins_after_a_cancellation(played: Played) -> None:
    played.cancelled.set(CANCELLED)

    with pytest.raises(RunCancelled):
        played.stage("send")
    assert played.shown() == {}


def test_what_a_time_limit_ends_has_failed(played: Played) -> None:
    with pytest.raises(RunCancelled), played.process("Send orders"):
        played.stage("send", [1, 2, 3]).run(lambda number: played.cancelled.set(timed_out(5)))

    process = played.only_process()
    assert (process["status"], process["error"]) == ("ERROR", "the time limit of 5 s was exceeded")


# Several at a time


@pytest.mark.parametrize("policy", ["FAIL", "SKIP_STAGE", "SKIP_ITEM"])
def test_parallel_items_follow_the_policies(played: Played, policy: str) -> None:
    stage = played.stage("count", [1, 2, 3, 4], on_failure=policy)

    outcome = try_to(lambda: stage.run(failing_at(1, 2, 3, 4), workers=2))

    shown = played.last_stage()
    if policy == "SKIP_ITEM":
        assert (outcome, shown["summary"]) == ("goes on", "0 successful and 4 failed items")
    else:
        assert outcome == {"FAIL": "aborted", "SKIP_STAGE": "goes on"}[policy]
        assert f"parallel processing aborted after 0 successful and {shown['failed']} failed items" in shown["error"]
        assert 1 <= shown["failed"] <= 2


def test_parallel_items_run_at_the_same_time_and_no_more_than_allowed(played: Played) -> None:
    meeting, lock = threading.Barrier(3), threading.Lock()
    going_on: list[int] = []
    most = 0

    def work(number: int) -> None:
        nonlocal most
        with lock:
            going_on.append(number)
            most = max(most, len(going_on))
        meeting.wait(10)
        with lock:
            going_on.remove(number)

    played.stage("meet", range(9)).run(work, workers=3)

    assert (most, played.statuses()) == (3, "S" * 9)


def test_a_cancellation_lets_parallel_items_that_have_begun_come_to_their_end(played: Played) -> None:
    meeting = threading.Barrier(2)

    def work(number: int) -> None:
        meeting.wait(10)
        played.cancelled.set(CANCELLED)

    with pytest.raises(RunCancelled):
        played.stage("meet", range(100)).run(work, workers=2)

    assert (played.statuses(), played.last_stage()["status"]) == ("SS", "CANCELLED")


def test_an_outlier_is_forgiven_once_another_thread_has_succeeded(played: Played) -> None:
    has_succeeded = threading.Event()

    def work(number: int) -> None:
        if number == 2:
            has_succeeded.wait(10)
            raise ValueError("an outlier")
        if number == 3:
            has_succeeded.set()

    played.stage("meet", [1, 2, 3], on_failure="SKIP_ITEM_OUTLIER").run(work, workers=2)

    assert played.statuses() == "SES"


# Many items


@pytest.mark.parametrize("total", [200, 201, 1000, 12_345])
@pytest.mark.parametrize("is_known", [True, False])
def test_many_items_are_kept_in_buckets(played: Played, total: int, is_known: bool) -> None:
    items = range(1, total + 1) if is_known else numbers_up_to(total)

    played.stage("count", items).run(failing_at())

    shown = played.last_stage()
    assert shown["done"] == total
    assert sum(item.get("count", 1) for item in shown["items"]) == total
    assert len(shown["items"]) <= 200
    assert shown["items"][0]["description"] == "#1"
    assert set(played.statuses()) == {"S"}


def test_up_to_two_hundred_items_are_kept_one_by_one(played: Played) -> None:
    played.stage("count", range(200)).run(failing_at())

    assert len(played.last_stage()["items"]) == 200


@pytest.mark.parametrize("workers", [1, 3])
def test_an_item_that_fails_in_a_bucket_is_kept_by_itself(played: Played, workers: int) -> None:
    stage = played.stage("count", range(1, 1001), on_failure="SKIP_ITEM", describe=lambda number: f"number {number}")
    stage.run(failing_at(1, 500, 1000), workers=workers)

    shown = played.last_stage()
    broken = [(item["description"], item["error"]) for item in shown["items"] if item["status"] == "ERROR"]
    assert sorted(broken) == [(f"number {number}", f"{number} is wrong") for number in (1, 1000, 500)]
    assert (shown["done"], shown["failed"], shown["status"]) == (997, 3, "SUCCESS")
    assert sum(item.get("count", 1) for item in shown["items"]) == 1000


@pytest.mark.parametrize("is_known", [True, False])
def test_many_failed_items_are_counted_in_one(played: Played, is_known: bool) -> None:
    items = range(1, 5001) if is_known else numbers_up_to(5000)

    played.stage("count", items, on_failure="SKIP_ITEM").run(failing_at(*range(1, 5001, 2)))

    shown = played.last_stage()
    assert (shown["done"], shown["failed"]) == (2500, 2500)
    assert sum(item.get("count", 1) for item in shown["items"]) == 5000
    assert len(shown["items"]) <= 200
    (rest,) = [item for item in shown["items"] if item["status"] == "ERROR" and item.get("count", 1) > 1]
    assert rest["error"] == "4999 is wrong"


def test_a_cancelled_bucket_keeps_what_was_done(played: Played) -> None:
    def work(number: int) -> None:
        if number == 505:
            played.cancelled.set(CANCELLED)
            raise RunCancelled

    with pytest.raises(RunCancelled):
        played.stage("count", range(1, 1001)).run(work)

    shown = played.last_stage()
    assert (shown["done"], shown["failed"]) == (504, 1)
    assert [(item["status"], item.get("count", 1)) for item in shown["items"][-2:]] == [
        ("SUCCESS", 4),
        ("CANCELLED", 1),
    ]


def test_many_stages_stay_a_small_tree(played: Played) -> None:
    for number in range(3 * MOST_NODES):
        played.stage(f"stage {number}", ["x"]).run(failing_at())

    process = played.only_process()
    assert process["left_out"] + len(process["stages"]) == 3 * MOST_NODES
    assert process["stages"][-1]["description"] == f"stage {3 * MOST_NODES - 1}"
    assert len(json.dumps(played.shown())) < 400_000


def test_many_stages_that_were_skipped_stay_a_small_tree(played: Played) -> None:
    for _ in range(2 * MOST_NODES):
        played.stage("stage", ["x"], on_failure="SKIP_STAGE").run(lambda x: 1 / 0)

    process = played.only_process()
    assert process["left_out"] + len(process["stages"]) == 2 * MOST_NODES
    assert len(process["stages"]) <= MOST_NODES


def test_many_processes_stay_a_small_tree(played: Played) -> None:
    for number in range(2 * MOST_NODES):
        with played.process(f"process {number}"):
            pass

    shown = played.shown()
    assert shown["left_out"] + len(shown["processes"]) == 2 * MOST_NODES
    assert len(shown["processes"]) <= MOST_NODES


# When it is told


def test_a_change_is_told_once_until_the_tree_is_read(played: Played) -> None:
    stage = iter(played.stage("count", range(3)))
    next(stage)
    next(stage)
    assert played.told == 1

    played.shown()
    next(stage)
    assert played.told == 2
