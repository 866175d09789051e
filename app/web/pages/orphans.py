"""Result files without a record, and records without their file."""

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from app.web.auth import Right, allow, services
from app.web.pages.site import pages
from app.web.pages.times import counted

SHOWN = 100


@pages.get("/retention/orphans")
@allow(Right.EDIT)
def orphans() -> str:
    return render_template("retention/orphans.html", found=services().orphans.find(), most=SHOWN)


@pages.post("/retention/orphans/files")
@allow(Right.EDIT)
def remove_stray_files() -> ResponseReturnValue:
    flash(f"{counted(services().orphans.remove_files(), 'file')} deleted.")
    return redirect(url_for("pages.orphans"), 303)


@pages.post("/retention/orphans/records")
@allow(Right.EDIT)
def forget_lost_records() -> ResponseReturnValue:
    flash(f"{counted(services().orphans.forget_records(), 'record')} removed.")
    return redirect(url_for("pages.orphans"), 303)
