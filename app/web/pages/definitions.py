"""Definitions: download, upload, look at what would change, confirm."""

from flask import Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.adapters import yaml_file
from app.core.definitions import importing
from app.core.definitions.importing import Plan
from app.core.errors import InvalidError
from app.web.auth import Right, allow, current_actor, services
from app.web.pages.problems import Problems
from app.web.pages.site import pages

SHOWN = 200
LONGEST = 120


@pages.app_template_filter()
def short_value(value: object) -> str:
    words = "nothing" if value is None else str(value)
    return words if len(words) <= LONGEST else f"{words[:LONGEST]} …"


@pages.get("/definitions")
@allow(Right.EDIT)
def definitions() -> str:
    return _page([], None, "", prune=False)


@pages.get("/definitions/carillon.yaml")
@allow(Right.EDIT)
def download_definitions() -> Response:
    text = yaml_file.write(services().definitions.export())
    return Response(
        text, mimetype="application/yaml", headers={"Content-Disposition": 'attachment; filename="carillon.yaml"'}
    )


@pages.post("/definitions")
@allow(Right.EDIT)
def import_definitions() -> ResponseReturnValue:
    """First the plan; its form sends the same text again, with the word to do it."""
    upload, prune = request.files.get("file"), request.form.get("prune") == "on"
    data = upload.read() if upload and upload.filename else request.form.get("text", "").encode()
    if not data:
        return _page([("file", "Choose a file first.")], None, "", prune=prune), 422
    does = request.form.get("do") == "import"
    try:
        plan = _applied(data, prune=prune, dry_run=not does)
    except InvalidError as error:
        return _page([("file", f"{each.field}: {each.message}") for each in error.errors], None, "", prune=prune), 422
    if not does:
        return _page([], plan, data.decode("utf-8-sig"), prune=prune)
    flash(f"Done: changed {len(plan.changes)}, unchanged {plan.unchanged}.")
    return redirect(url_for("pages.definitions"), 303)


def _applied(data: bytes, *, prune: bool, dry_run: bool) -> Plan:
    document, lines = yaml_file.read(data)
    try:
        return services().definitions.apply(
            document, current_actor().name, prune=prune, dry_run=dry_run, seconds=importing.LONGEST
        )
    except InvalidError as error:
        raise yaml_file.located(error, lines) from None


def _page(problems: Problems, plan: Plan | None, text: str, *, prune: bool) -> str:
    return render_template("definitions/index.html", problems=problems, plan=plan, text=text, prune=prune, shown=SHOWN)
