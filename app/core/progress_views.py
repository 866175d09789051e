"""What is shown of a progress tree: in short, as of a moment, and how long the rest will take.

Pure functions over the tree as ``ProgressTree.read`` gives it and as it is kept with its run.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import Any, NamedTuple

from app.core.models import Run
from app.core.progress import NodeStatus
from app.core.statuses import RunStatus

Tree = Mapping[str, Any]

TREE = ("processes", "errors", "left_out")
ENDED = {
    RunStatus.SUCCEEDED: NodeStatus.SUCCESS,
    RunStatus.FAILED: NodeStatus.ERROR,
    RunStatus.CANCELLED: NodeStatus.CANCELLED,
    RunStatus.INTERRUPTED: NodeStatus.ERROR,
}
"""How a node ends that was still running when its run ended."""
OWN_PACE_AFTER = 0.1  # of a stage's items; before, the history knows better


def tree_of(values: Tree) -> dict[str, Any]:
    return {name: values[name] for name in TREE if name in values}


def in_short(values: Tree) -> dict[str, Any]:
    """What lists show: the newest stage, its items, and what the job counts itself."""
    short = {name: value for name, value in values.items() if name not in TREE}
    stage = _newest_stage(values)
    if stage is not None:
        short["stage"] = stage["description"]
        if stage["total"] != 0:
            short |= {"items_done": stage["done"], "items_failed": stage["failed"], "items_total": stage["total"]}
    return short


def _newest_stage(values: Tree) -> dict[str, Any] | None:
    stages = [stage for process in values.get("processes", ())[-1:] for stage in process["stages"][-1:]]
    return stages[0] if stages else None


def as_of(run: Run, tree: Tree) -> dict[str, Any]:
    """The tree as it is to be shown: what is cancelled says so at once, and what nobody could finish has ended."""
    return {**tree, "processes": [_process_as_of(run, process) for process in tree.get("processes", ())]}


def implied(run: Run) -> dict[str, Any]:
    """The tree of a run whose job says nothing of its progress."""
    began = _text(run.begun_at or run.started_at or run.queued_at)
    process = {"description": run.job_name, "status": NodeStatus.RUNNING, "started_at": began, "stages": []}
    return {"processes": [process]}


def _process_as_of(run: Run, process: Mapping[str, Any]) -> dict[str, Any]:
    shown = dict(process)
    if process["status"] == NodeStatus.RUNNING and run.status.is_final:
        shown = _ended(run, process, run.error) | {"stages": [_stage_ended(run, stage) for stage in process["stages"]]}
    elif process["status"] == NodeStatus.RUNNING and run.status is RunStatus.CANCELLING:
        shown["status"] = NodeStatus.CANCELLED
    if shown["status"] == NodeStatus.CANCELLED and run.cancelled_at:
        shown["cancelled_at"] = _text(run.cancelled_at)
    return shown


def _stage_ended(run: Run, stage: Mapping[str, Any]) -> dict[str, Any]:
    if stage["status"] != NodeStatus.RUNNING:
        return dict(stage)
    return _ended(run, stage, run.error) | {"items": [_ended(run, item) for item in stage["items"]]}


def _ended(run: Run, node: Mapping[str, Any], error: str | None = None) -> dict[str, Any]:
    if node["status"] != NodeStatus.RUNNING:
        return dict(node)
    ended = {"status": ENDED[run.status], "ended_at": _text(run.finished_at or run.queued_at)}
    return {**node, **ended} | ({"error": error} if error else {})


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")


# How long the rest will take


class StageName(NamedTuple):
    """What makes a stage the same in two runs; ``number`` counts those of one name."""

    process: str
    stage: str
    number: int


@dataclass(frozen=True)
class StageTime:
    seconds: float
    items: int

    @property
    def per_item(self) -> float | None:
        return self.seconds / self.items if self.items else None


Times = Mapping[StageName, StageTime]
"""The stages of one earlier run, in their order."""


@dataclass(frozen=True)
class Expectation:
    """Seconds until the end of the newest stage and of the run; ``None`` where nothing tells."""

    stage_seconds: float | None = None
    run_seconds: float | None = None


def stage_times(tree: Tree) -> Times:
    """How long the stages took that ended well."""
    return {
        name: StageTime(_seconds(stage, stage["ended_at"]), stage["done"] + stage["failed"])
        for name, stage in _named_stages(tree)
        if stage["status"] == NodeStatus.SUCCESS
    }


def _named_stages(tree: Tree) -> Iterator[tuple[StageName, Mapping[str, Any]]]:
    seen: dict[tuple[str, str], int] = {}
    for process in tree.get("processes", ()):
        for stage in process["stages"]:
            key = process["description"], stage["description"]
            seen[key] = seen.get(key, 0) + 1
            yield StageName(*key, seen[key]), stage


def expected(tree: Tree, history: Sequence[Times], now: datetime) -> Expectation:
    """Judge from earlier runs, the newest first, and from the pace of the stage that is going on."""
    stages = dict(_named_stages(tree))
    if not stages:
        return Expectation()
    name, stage = next(reversed(stages.items()))
    if stage["status"] != NodeStatus.RUNNING:
        here: float | None = 0.0
    else:
        here = _seconds_left(stage, [times[name] for times in history if name in times], now)
    if not history or here is None:
        return Expectation(here)
    coming = [following for following in history[0] if following not in stages]
    return Expectation(here, here + sum(_usual_seconds(following, history) for following in coming))


def _usual_seconds(name: StageName, history: Sequence[Times]) -> float:
    return median(times[name].seconds for times in history if name in times)


def _seconds_left(stage: Mapping[str, Any], earlier: Sequence[StageTime], now: datetime) -> float | None:
    elapsed = _seconds(stage, now.isoformat())
    over, total = stage["done"] + stage["failed"], stage["total"]
    if total and over >= max(1, total * OWN_PACE_AFTER):
        return float(elapsed / over * max(0, total - over))
    paces = [time.per_item for time in earlier if time.per_item is not None]
    if total and paces:
        return max(0.0, float(median(paces) * total - elapsed))
    return max(0.0, median(time.seconds for time in earlier) - elapsed) if earlier else None


def _seconds(node: Mapping[str, Any], until: str) -> float:
    return (datetime.fromisoformat(until) - datetime.fromisoformat(node["started_at"])).total_seconds()
