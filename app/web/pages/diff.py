"""What changed between two results: asked for here, computed by a run, shown when it is there."""

from collections.abc import Mapping, Sequence
from typing import Any

from flask import Response, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict

from app.core.diffs import Diff, Key
from app.core.errors import InvalidError
from app.web.auth import Right, allow, current_actor, services
from app.web.pages import live, progress
from app.web.pages.links import whole_number
from app.web.pages.site import pages

SHOWN = 25  # rows of each kind


@pages.get("/results/<int:file_id>/diff")
@allow(Right.SEE)
def diff(file_id: int) -> Response:
    old_id, key = _asked(request.args)
    found = services().diffs.find(file_id, old_id, key)
    run = found.run
    version = live.fingerprint(run and (run.id, run.status, run.started_at, run.progress))
    return live.answer(
        "results/diff.html", "results/_diff.html", version, diff=found, asked=_address(old_id, key), by=_by(key),
        columns=[name for name in found.new.columns or () if name in (found.old.columns or ())],
        candidates=services().diffs.candidates(file_id), progress=progress.shown(run) if run else None,
        **_shown(found.summary),
    )  # fmt: skip


@pages.post("/results/<int:file_id>/diff")
@allow(Right.SEE)
def compare(file_id: int) -> ResponseReturnValue:
    """Who may see both files may see what is different: nothing is changed by it."""
    old_id, key = _asked(request.form)
    services().diffs.request(file_id, old_id, key, by=current_actor().name)
    return redirect(url_for("pages.diff", file_id=file_id, **_address(old_id, key)), 303)


def _asked(given: MultiDict[str, str]) -> tuple[int | None, Key]:
    """Raises ``InvalidError``."""
    old_id = whole_number(given.get("with"))
    match given.get("by"):
        case "rows":
            return old_id, []
        case "columns":
            key = [name for name in given.getlist("key") if name]
            if not key:
                raise InvalidError.of("key", "choose at least one column by which rows are told apart")
            return old_id, key
    return old_id, None


def _by(key: Key) -> str:
    return "guess" if key is None else "columns" if key else "rows"


def _address(old_id: int | None, key: Key) -> dict[str, Any]:
    said = {"with": old_id, "by": None if key is None else _by(key), "key": list(key or ())}
    return {name: value for name, value in said.items() if value}


def _shown(summary: Mapping[str, Any] | None) -> dict[str, Any]:
    """The first differences as tables."""
    if summary is None:
        return {"heads": [], "changed": [], "added": [], "removed": []}
    examples, columns = summary["examples"], summary["columns"]["compared"]
    return {
        "heads": [{"name": name, "type": None} for name in columns],
        "changed": [_pairs(each, columns) for each in examples["changed"][:SHOWN]],
        "added": [_cells(each["after"]) for each in examples["added"][:SHOWN]],
        "removed": [_cells(each["before"]) for each in examples["removed"][:SHOWN]],
    }


def _pairs(example: Mapping[str, Any], columns: Sequence[str]) -> list[dict[str, Any]]:
    """Long values are cut: that two look alike does not say that they are."""
    values = zip(columns, example["before"], example["after"], strict=True)
    return [{"is_changed": name in example["columns"], "texts": (before, after)} for name, before, after in values]


def _cells(texts: Sequence[str | None]) -> list[dict[str, Any]]:
    return [{"text": text, "is_cut": False} for text in texts]


def has_differences(found: Diff) -> bool:
    counts = (found.summary or {}).get("counts", {})
    return any(counts.get(name) for name in ("changed", "added", "removed"))


pages.add_app_template_test(has_differences, "different")
