"""/api/v1/results/ID/diff: what changed between two results."""

import csv
import io
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from flask import request
from marshmallow import Schema, fields, validate

from app.core.diffs import Diff, Key
from app.core.errors import InvalidError
from app.web.auth import Right, current_actor, services
from app.web.v1.fields import LARGEST_ID, Truth
from app.web.v1.results import ResultSchema, result_document
from app.web.v1.routes import PREFIX, Answer, operation

WITH = "The id of the other result; left out: the newest one before it of the same job that was given out."
KEY = "The columns by which rows are told apart; none: whole rows are compared. Left out: the unique key of the job's"\
      " contract, else the first column in which no value comes twice."  # fmt: skip


class DiffQuerySchema(Schema):
    with_ = fields.Integer(data_key="with", validate=validate.Range(1, LARGEST_ID), metadata={"description": WITH})
    key = fields.String(metadata={"description": f"{KEY} Separated by commas, as a line of CSV.", "example": "id"})
    limit = fields.Integer(
        load_default=20, validate=validate.Range(0, 100), metadata={"description": "Rows of each kind in the answer."}
    )


class DiffBodySchema(Schema):
    with_ = fields.Integer(
        data_key="with", strict=True, allow_none=True, validate=validate.Range(1, LARGEST_ID),
        metadata={"description": WITH},
    )  # fmt: skip
    key = fields.List(fields.String(), allow_none=True, metadata={"description": KEY})


class CountsSchema(Schema):
    """Rows; of a key that comes several times they count as added and removed."""

    changed = fields.Integer(required=True)
    added = fields.Integer(required=True)
    removed = fields.Integer(required=True)
    same = fields.Integer(required=True)
    old_rows = fields.Integer(required=True)
    new_rows = fields.Integer(required=True)
    repeated_keys = fields.Integer(
        required=True, metadata={"description": "Keys that several of the rows have that differ."}
    )


class ColumnsSchema(Schema):
    compared = fields.List(fields.String(), required=True, metadata={"description": "Those of the rows below."})
    added = fields.List(fields.String(), required=True)
    removed = fields.List(fields.String(), required=True)
    is_reordered = Truth(required=True)


class ExampleSchema(Schema):
    """A row; `null` is NULL, a long text is cut."""

    row = fields.Integer(required=True, metadata={"description": "Its number in its file: the old one, if removed."})
    columns = fields.List(fields.String(), metadata={"description": "Those that changed."})
    before = fields.List(fields.String(allow_none=True))
    after = fields.List(fields.String(allow_none=True))


class DiffSchema(Schema):
    """What changed between two results. As long as `status` is not `succeeded`, the rest of it is null."""

    status = fields.String(
        required=True,
        metadata={
            "description": "Of the run that compares: `queued`, `running`, `succeeded`, `failed` ..., or `none` when"
            " nobody has asked for it."
        },
    )
    run_id = fields.Integer(required=True, allow_none=True)
    error = fields.String(required=True, allow_none=True)
    old = fields.Nested(ResultSchema, required=True)
    new = fields.Nested(ResultSchema, required=True)
    key = fields.List(fields.String(), required=True, allow_none=True)
    is_key_guessed = Truth(required=True, allow_none=True)
    counts = fields.Nested(CountsSchema, required=True, allow_none=True)
    columns = fields.Nested(ColumnsSchema, required=True, allow_none=True)
    changed_cells = fields.Dict(
        required=True, allow_none=True, metadata={"description": "How many cells changed, by their column."}
    )
    changed = fields.List(fields.Nested(ExampleSchema), required=True, allow_none=True)
    added = fields.List(fields.Nested(ExampleSchema), required=True, allow_none=True)
    removed = fields.List(fields.Nested(ExampleSchema), required=True, allow_none=True)
    rows = fields.Nested(
        ResultSchema, required=True, allow_none=True,
        metadata={"description": "The file with all differences: `/results/{id}/content` gives it."},
    )  # fmt: skip


@operation("POST", "/results/<int:file_id>/diff", Right.SEE, takes=DiffBodySchema, needs_body=False, gives=DiffSchema,
           statuses=(202, 200), errors=(404, 409), example={"key": ["id"]},
           tells={"Location": "Where to look for it."})  # fmt: skip
def compare_results(file_id: int, asked: dict[str, Any]) -> Answer:
    """Compare a result with another one

    A run does it; asked for again it gives what is known. 200 when it is there, 202 when it goes on.
    """
    key = asked.get("key")
    found = services().diffs.request(file_id, asked.get("with_"), key, by=current_actor().name)
    return Answer(_document(found, 20), 200 if found.summary else 202, {"Location": _address(found)})


@operation("GET", "/results/<int:file_id>/diff", Right.SEE, query=DiffQuerySchema, gives=DiffSchema, errors=(404, 409))
def show_diff(file_id: int, query: dict[str, Any]) -> dict[str, Any]:
    """Show what changed between two results

    POST asks for it first.
    """
    found = services().diffs.find(file_id, query.get("with_"), _key(query.get("key")))
    return _document(found, query["limit"])


def _key(text: str | None) -> Key:
    """``a,"b,c"``. Raises ``InvalidError``."""
    if text is None:
        return None
    try:
        lines = list(csv.reader([text], strict=True))
    except csv.Error as error:
        raise InvalidError.of("?key", f"{text!r} is no line of CSV: {error}") from None
    return lines[0] if lines else []


def _address(found: Diff) -> str:
    query: dict[str, object] = {"with": found.old.id}
    if found.key is not None:
        line = io.StringIO()
        csv.writer(line, lineterminator="").writerow(found.key)
        query["key"] = line.getvalue()
    return f"{request.host_url.rstrip('/')}{PREFIX}/results/{found.new.id}/diff?{urlencode(query)}"


def _document(found: Diff, limit: int) -> dict[str, Any]:
    told: Mapping[str, Any] = found.summary or {}
    examples = told.get("examples", {})
    uids = services().jobs.uids([file.job_id for file in (found.old, found.new, found.rows) if file])
    names = ("is_key_guessed", "counts", "columns", "changed_cells")
    return {
        "status": found.run.status.value if found.run else "none",
        "run_id": found.run and found.run.id,
        "error": found.run and found.run.error,
        "old": result_document(found.old, uids[found.old.job_id]),
        "new": result_document(found.new, uids[found.new.job_id]),
        "key": told.get("key", found.key),
        "rows": found.rows and result_document(found.rows, uids[found.rows.job_id]),
        **{name: told.get(name) for name in names},
        **{kind: examples[kind][:limit] if examples else None for kind in ("changed", "added", "removed")},
    }
