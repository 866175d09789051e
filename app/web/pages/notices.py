"""Notices: who is told about what, a test, and what became of each message."""

from collections.abc import Mapping
from dataclasses import dataclass

from flask import Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.core.errors import NotFoundError
from app.core.models import Job
from app.core.notice_rules import Rule
from app.core.statuses import DeliveryStatus, NoticeKind, NoticeScope
from app.web.auth import Right, allow, current_actor, services
from app.web.pages import live
from app.web.pages.links import given, local_path, whole_number
from app.web.pages.problems import Problems, attempt
from app.web.pages.site import pages

PER_PAGE = 50
KINDS = {
    NoticeKind.FAILURE: ("A failure", "The first in a row, unless each is wanted."),
    NoticeKind.RECOVERY: ("The first success after failures", "With how long it was broken."),
    NoticeKind.INTERRUPTED: ("An interrupted run", "The server or a worker ended under it."),
    NoticeKind.HELD: ("A result that is held", "It breaks its job's contract."),
    NoticeKind.MISSED: ("Missed starts", "No server kept the time, or it was too late."),
}
SHORT = {
    NoticeKind.FAILURE: "failures", NoticeKind.RECOVERY: "recoveries", NoticeKind.INTERRUPTED: "interrupted runs",
    NoticeKind.HELD: "held results", NoticeKind.MISSED: "missed starts",
}  # fmt: skip
BADGES = {DeliveryStatus.PENDING: "queued", DeliveryStatus.SENT: "succeeded", DeliveryStatus.GIVEN_UP: "failed"}
STATES = {DeliveryStatus.PENDING: "To be sent", DeliveryStatus.SENT: "Sent", DeliveryStatus.GIVEN_UP: "Given up"}


@dataclass(frozen=True)
class Subject:
    """Whose rule is meant."""

    scope: NoticeScope
    name: str  # of the group, or the uid of the job
    job: Job | None = None

    @property
    def key(self) -> str:
        """As ``_subject`` reads it."""
        return f"{self.scope.value}:{self.name}" if self.name else self.scope.value

    @property
    def words(self) -> str:
        if self.job:
            return f"“{self.job.name}”"
        return f"the group “{self.name}”" if self.name else "all jobs"


@pages.app_template_filter()
def notice_words(rule: Rule) -> str:
    """What is told, in short."""
    told = [SHORT[kind] for kind in rule.kinds]
    if rule.each_failure and NoticeKind.FAILURE in rule.kinds:
        told[told.index("failures")] = "each failure"
    return ", ".join(told) or "nothing"


@pages.app_template_filter()
def recipient_words(rule: Rule) -> str:
    return ", ".join([*rule.mail, *([rule.webhook] if rule.webhook else [])]) or "nobody"


@pages.get("/notices")
@allow(Right.EDIT)
def notices() -> Response:
    query, before = given("status"), whole_number(request.args.get("before"))
    status = DeliveryStatus(query["status"]) if query.get("status") in list(DeliveryStatus) else None
    found = services().postroom.list(status=status, before=before, limit=PER_PAGE + 1)
    version = live.fingerprint([(row.id, row.status, row.tries) for row in found])
    return live.answer(
        "notices/index.html", "notices/_deliveries.html", version, rules=services().notice_rules.list(),
        deliveries=found[:PER_PAGE], more=len(found) > PER_PAGE, query=query, before=before, badges=BADGES,
        states=STATES, sends_mail=bool(services().settings.smtp_url),
    )  # fmt: skip


@pages.get("/notices/rule")
@allow(Right.EDIT)
def notice_rule() -> str:
    """The form; ``?what=`` says whose rule, as ``_subject`` reads it, else it asks for a group."""
    what = _subject(request.args["what"]) if request.args.get("what") else None
    rule = services().notice_rules.get(what.scope, what.name) if what else None
    return _form(what, _values(rule or Rule()), [], is_new=rule is None)


@pages.post("/notices/rule")
@allow(Right.EDIT)
def save_notice_rule() -> ResponseReturnValue:
    form, what = request.form, _subject(request.form.get("what", ""))
    rule = Rule(
        kinds=[kind for kind in NoticeKind if kind in form.getlist("kinds")],
        each_failure="each_failure" in form,
        missed_from=whole_number(form.get("missed_from", "").strip()) or 0,
        mail=[line.strip() for line in form.get("mail", "").replace(",", "\n").splitlines() if line.strip()],
        webhook=form.get("webhook", "").strip() or None,
    )
    rules, by = services().notice_rules, current_actor().name
    problems = attempt(lambda: rules.save(what.scope, what.name, rule, by))
    if problems:
        return _form(what, _values(rule), problems), 422
    flash(f"Notices of {what.words} were saved.")
    return _sent_test(what) if "test" in form else redirect(url_for("pages.notices"), 303)


@pages.post("/notices/rule/remove")
@allow(Right.EDIT)
def remove_notice_rule() -> ResponseReturnValue:
    what = _subject(request.form.get("what", ""))
    services().notice_rules.remove(what.scope, what.name)
    flash(f"Notices of {what.words} follow the next wider rule now.")
    return redirect(url_for("pages.notices"), 303)


@pages.post("/notices/test")
@allow(Right.EDIT)
def test_notice_rule() -> ResponseReturnValue:
    return _sent_test(_subject(request.form.get("what", "")))


def _sent_test(what: Subject) -> ResponseReturnValue:
    sent: list[int] = []
    test, by = services().postroom.test, current_actor().name
    wrong = attempt(lambda: sent.append(test(services().notice_rules, what.scope, what.name, by)))
    flash(wrong[0][1] if wrong else "The test is on its way; what becomes of it is told below.")
    return redirect(url_for("pages.notices"), 303)


@pages.post("/notices/<int:delivery_id>/retry")
@allow(Right.EDIT)
def retry_delivery(delivery_id: int) -> ResponseReturnValue:
    services().postroom.send_again(delivery_id)
    flash("It is sent again now.")
    return redirect(local_path(request.form.get("next") or url_for("pages.notices")), 303)


def _subject(key: str) -> Subject:
    """``site``, ``group:<name>`` or ``job:<uid>``. Raises ``NotFoundError``."""
    scope, _, name = key.partition(":")
    match scope:
        case NoticeScope.SITE:
            return Subject(NoticeScope.SITE, "")
        case NoticeScope.GROUP if name.strip():
            return Subject(NoticeScope.GROUP, name.strip())
        case NoticeScope.JOB:
            return Subject(NoticeScope.JOB, name, services().jobs.get_any(name))
    raise NotFoundError("there is nothing of this kind to be told of")


def _groups_without_rule() -> list[str]:
    """A new rule must not take the place of one that nobody sees."""
    taken = {view.name for view in services().notice_rules.list() if view.scope is NoticeScope.GROUP}
    return [group for group in services().jobs.groups() if group not in taken]


def _values(rule: Rule) -> Mapping[str, object]:
    return vars(rule) | {"mail": "\n".join(rule.mail), "missed_from": rule.missed_from or ""}


def _form(what: Subject | None, values: Mapping[str, object], problems: Problems, *, is_new: bool = True) -> str:
    return render_template(
        "notices/form.html", what=what, values=values, problems=problems, kinds=KINDS, is_new=is_new,
        groups=_groups_without_rule(), sends_mail=bool(services().settings.smtp_url),
    )  # fmt: skip
