"""The progress of a run in words: its processes, their stages, the stages' items."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.core.models import Run
from app.core.progress import FailurePolicy, NodeStatus, item_summary
from app.core.statuses import RunStatus
from app.web.auth import services
from app.web.pages.times import counted, duration, rough

Node = Mapping[str, Any]

ICONS = {
    NodeStatus.RUNNING: RunStatus.RUNNING,
    NodeStatus.SUCCESS: RunStatus.SUCCEEDED,
    NodeStatus.ERROR: RunStatus.FAILED,
    NodeStatus.CANCELLED: RunStatus.CANCELLED,
}
POLICIES = {
    FailurePolicy.SKIP_STAGE: "a failure skips the rest",
    FailurePolicy.SKIP_ITEM: "failed items are left out",
    FailurePolicy.SKIP_ITEM_OUTLIER: "failed items are left out, once one has succeeded",
}
LARGE = 300  # items; of a larger tree that is still changing, only the items of a few stages are sent
FEW = 3  # failed items that are shown without unfolding


@dataclass(frozen=True)
class Line:
    """One node: ``took`` when it is over, ``since`` while it is going on."""

    status: str
    description: str
    took: str
    since: datetime | None
    note: str  # its error or summary
    is_wrong: bool


@dataclass(frozen=True)
class StageLine(Line):
    id: str
    amount: str
    done: int
    total: int | None
    failed: str
    policy: str
    items: Sequence[Line]  # behind a fold
    broken: Sequence[Line]  # in front of it
    left_out: int  # items that failed, too, and are not in front


@dataclass(frozen=True)
class ProcessLine(Line):
    stages: Sequence[StageLine]
    left_out: int  # older stages


@dataclass(frozen=True)
class Shown:
    processes: Sequence[ProcessLine]
    left_out: int  # older processes
    done: int | None
    total: int | None
    stage: str
    facts: Sequence[str]
    left: str


def shown(run: Run) -> Shown | None:
    """``None`` for a run that has said nothing of its progress."""
    progress = services().progress.of(run)
    if progress is None:
        return None
    done, total = _bar(progress)
    return Shown(
        processes=tuple(_processes(run, progress)),
        left_out=progress.get("left_out", 0),
        done=done,
        total=total,
        stage=str(progress.get("stage") or ""),
        facts=tuple(_facts(progress)),
        left=_left(progress),
    )


def _bar(progress: Node) -> tuple[int | None, int | None]:
    """Numbers for the bar; it has no end where the job does not know one."""
    if progress.get("items_total"):
        return progress["items_done"] + progress["items_failed"], progress["items_total"]
    rows, total = progress.get("rows"), progress.get("total")
    return (rows, total) if isinstance(rows, int) and isinstance(total, int) and total > 0 else (None, None)


def _facts(progress: Node) -> Iterator[str]:
    rows, total, rate = (progress.get(name) for name in ("rows", "total", "rows_per_second"))
    if isinstance(rows, int):
        yield f"{rows:,} of {counted(total, 'row')}" if isinstance(total, int) and total else counted(rows, "row")
    if isinstance(rate, int | float):
        yield f"{rate:,.0f} rows/s"
    if "items_done" in progress:
        yield _amount(progress["items_done"] + progress["items_failed"], progress["items_total"])
        if progress["items_failed"]:
            yield f"{progress['items_failed']:,} failed"


def _amount(done: int, total: int | None) -> str:
    return f"{done:,} of {counted(total, 'item')}" if total else counted(done, "item")


def _left(progress: Node) -> str:
    here, all_in_all = progress.get("stage_seconds_left"), progress.get("seconds_left")
    if all_in_all is not None:
        return f"about {rough(max(1, all_in_all))} left"
    return f"about {rough(max(1, here))} left in this stage" if here else ""


def _processes(run: Run, progress: Node) -> Iterator[ProcessLine]:
    """What says nothing new is left out: the only process, where it is called as the job."""
    many = sum(len(stage["items"]) for process in progress["processes"] for stage in process["stages"])
    is_small = run.status.is_final or many <= LARGE
    for number, process in enumerate(progress["processes"]):
        stages = [
            _stage(run, stage, f"items-{number}-{position}", with_items=is_small or stage is process["stages"][-1])
            for position, stage in enumerate(process["stages"], process.get("left_out", 0))
        ]
        yield ProcessLine(**_line(process), stages=stages, left_out=process.get("left_out", 0))


def _stage(run: Run, stage: Node, name: str, *, with_items: bool) -> StageLine:
    items, over = stage["items"], stage["done"] + stage["failed"]
    broken = [item for item in items if item["status"] == NodeStatus.ERROR]
    line = _line(stage)
    if line["note"] in (item_summary(stage["done"], stage["failed"]), run.error):
        line["note"] = ""  # the amount, or the run's own error, says the same
    return StageLine(
        **line,
        id=name,
        amount="" if stage["total"] == 0 and not over else _amount(over, stage["total"]),
        done=over,
        total=stage["total"] or None,
        failed=f"{stage['failed']:,} failed" if stage["failed"] else "",
        policy=POLICIES.get(stage["on_failure"], ""),
        items=[_item(item) for item in items] if with_items else (),
        broken=[_item(item) for item in broken[:FEW]],
        left_out=sum(item.get("count", 1) for item in broken[FEW:]),
    )


def _item(item: Node) -> Line:
    line = _line(item)
    if item.get("count", 1) > 1:
        line["description"] = f"{item['description']} and {item['count'] - 1:,} more"
    return Line(**line)


def _line(node: Node) -> dict[str, Any]:
    began = datetime.fromisoformat(node["started_at"])
    ended = datetime.fromisoformat(node["ended_at"]) if "ended_at" in node else None
    return {
        "status": ICONS[NodeStatus(node["status"])],
        "description": node["description"],
        "took": duration(ended - began) if ended else "",
        "since": began if ended is None and node["status"] == NodeStatus.RUNNING else None,
        "note": node.get("error") or node.get("summary") or "",
        "is_wrong": "error" in node and node["status"] != NodeStatus.CANCELLED,
    }
