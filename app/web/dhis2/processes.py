"""The progress of a run as DHIS2 writes it: processes, their stages, the stages' items."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from app.core.models import Run
from app.web.auth import services
from app.web.dhis2.times import local

Node = Mapping[str, Any]
Document = dict[str, Any]


def processes(runs: Sequence[Run], *, with_user: bool) -> list[Document]:
    """The processes of these runs; what has no value is ``None``, and left out when sent."""
    trees, uids = services().progress.trees(runs), _uids_of_jobs(runs)
    users = {user.username: user.uid for user in services().users.list()} if with_user else {}
    return [
        {"jobId": uids.get(run.job_id), "userId": users.get(run.requested_by or ""), **_process(process)}
        for run in runs
        for process in trees[run.id]["processes"]
    ]


def infos(runs: Sequence[Run]) -> dict[str, list[Document]]:
    """The processes in short, by job type."""
    trees, uids = services().progress.trees(runs), _uids_of_jobs(runs)
    found: dict[str, list[Document]] = {}
    for run in runs:
        shown = (_info(process) for process in trees[run.id]["processes"])
        found.setdefault(run.job_type, []).extend({"jobId": uids.get(run.job_id), **info} for info in shown)
    return found


def errors(runs: Sequence[Run]) -> list[Document]:
    trees = services().progress.trees(runs)
    return [dict(error) for run in runs for error in trees[run.id].get("errors", ())]


def by_object(errors: Iterable[Document]) -> dict[str, dict[str, list[Document]]]:
    """Errors by the id of their object, then by their code."""
    found: dict[str, dict[str, list[Document]]] = {}
    for error in errors:
        found.setdefault(error["id"], {}).setdefault(error["code"], []).append(error)
    return found


def _uids_of_jobs(runs: Sequence[Run]) -> Mapping[int, str]:
    return services().jobs.uids(run.job_id for run in runs)


def _process(process: Node) -> Document:
    return {
        **_node(process),
        "cancelledTime": _time(process.get("cancelled_at")),
        "stages": [_stage(stage) for stage in process["stages"]],
    }


def _stage(stage: Node) -> Document:
    return {
        **_node(stage),
        "totalItems": -1 if stage["total"] is None else stage["total"],
        "onFailure": stage["on_failure"],
        "items": [_item(item, stage) for item in stage["items"]],
    }


def _item(item: Node, stage: Node) -> Document:
    """A bucket says how many items it stands for."""
    several = f"{item['description']} +{item['count']}" if "count" in item else None
    shown = _node(item)
    return {**shown, "summary": shown["summary"] or several, "onFailure": item.get("on_failure", stage["on_failure"])}


def _node(node: Node) -> Document:
    began = datetime.fromisoformat(node["started_at"])
    ended = datetime.fromisoformat(node["ended_at"]) if "ended_at" in node else None
    return {
        "description": node["description"],
        "status": node["status"],
        "summary": node.get("summary"),
        "error": node.get("error"),
        "startedTime": local(began),
        "completedTime": local(ended),
        "duration": round(((ended or services().clock()) - began).total_seconds() * 1000),
        "complete": node["status"] != "RUNNING",
    }


def _info(process: Node) -> Document:
    return {
        "status": process["status"],
        "description": process["description"],
        "startedTime": _time(process["started_at"]),
        "completedTime": _time(process.get("ended_at")),
        "cancelledTime": _time(process.get("cancelled_at")),
        "summary": process.get("summary"),
        "error": process.get("error"),
        "stages": [_stage_in_words(stage) for stage in process["stages"]],
    }


def _stage_in_words(stage: Node) -> str:
    total = stage["total"] or 0
    counted = f" [{stage['done'] + stage['failed']}/{total}]" if total > 1 else ""
    return f"{stage['description']}{counted}"


def _time(text: str | None) -> str | None:
    return local(datetime.fromisoformat(text)) if text else None
