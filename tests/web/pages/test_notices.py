"""Notices on pages: rules, tests, and what became of each message"""

import pytest

from app.bootstrap import Services
from app.core.models import Job
from app.core.notice_rules import Rule
from app.core.statuses import DeliveryStatus, NoticeKind, NoticeScope
from tests.web.conftest import MakeJob
from tests.web.pages.conftest import Reader

SITE = NoticeScope.SITE
HOOK = "https://hooks.example/services/T0/s3cr3t"
FORM = {"kinds": ["failure", "recovery"], "mail": "a@x.example\nb@x.example, c@x.example", "missed_from": "3"}


@pytest.fixture
def job(make_job: MakeJob) -> Job:
    return make_job(group="payroll")


def test_a_rule_is_saved_as_the_form_says(admin: Reader, services: Services, job: Job) -> None:
    what = f"job:{job.uid}"

    answer = admin.post("/notices/rule", {"what": what, "each_failure": "on", "webhook": HOOK, **FORM})

    assert (answer.status_code, answer.location) == (303, "/notices")
    kinds = (NoticeKind.FAILURE, NoticeKind.RECOVERY)
    mail = ("a@x.example", "b@x.example", "c@x.example")
    assert services.notice_rules.opened(NoticeScope.JOB, job.uid) == Rule(kinds, True, 3, mail, HOOK)
    shown = admin.page("/notices").text
    assert "Each failure, recoveries" in shown
    assert "https://hooks.example/…" in shown
    assert "s3cr3t" not in admin.get(f"/notices/rule?what={what}").text
    assert "Each failure, recoveries to a@x.example" in admin.page(f"/jobs/{job.uid}").text


def test_the_job_page_says_whose_rule_counts(admin: Reader, services: Services, job: Job) -> None:
    assert "Nobody is told" in admin.page(f"/jobs/{job.uid}").text

    admin.post("/notices/rule", {"what": "group:payroll", **FORM})
    assert "as its group" in admin.page(f"/jobs/{job.uid}").text

    assert not admin.page("/notices/rule").find("option", value="group:payroll")

    admin.post("/notices/rule/remove", {"what": "group:payroll"})
    assert admin.page("/notices/rule").find("option", value="group:payroll")
    assert services.notice_rules.list() == []


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"mail": "nobody"}, "is no mail address."),
        ({"missed_from": "many"}, "Must be from 1 to"),
        ({"webhook": "nonsense"}, "Must be an http:// or https:// URL"),
    ],
)
def test_a_form_that_is_wrong_comes_back_as_it_was(form: dict[str, str], words: str, admin: Reader) -> None:
    answer = admin.post("/notices/rule", {"what": "site", **FORM, **form})

    assert (answer.status_code, words in answer.text) == (422, True)
    assert next(iter(form.values())) in answer.text or "missed_from" in form


def test_a_test_is_sent_and_what_becomes_of_it_is_shown(admin: Reader, services: Services) -> None:
    admin.post("/notices/rule", {"what": "site", "test": "1", **FORM, "mail": "ops@x.example"})
    (due,) = services.postroom.due()
    services.postroom.failed(due.id, "no answer from the mail server")

    page = admin.page("/notices").text
    assert "Carillon: a test" in page
    assert "no answer from the mail server" in page
    assert "No mail server is set" in page

    assert admin.post(f"/notices/{due.id}/retry").location == "/notices"
    services.postroom.sent(due.id)
    assert services.postroom.list()[0].status is DeliveryStatus.SENT
    assert admin.post(f"/notices/{due.id}/retry").status_code == 409
    assert admin.post(f"/notices/{10**30}/retry").status_code == 404


def test_a_test_for_nobody_says_so(admin: Reader, services: Services) -> None:
    services.notice_rules.save(SITE, "", Rule(), "ada")

    admin.post("/notices/test", {"what": "site"})

    assert "The rule names nobody." in admin.page("/notices").text


@pytest.mark.parametrize("what", ["", "job:none", "group:", "planet:earth"])
def test_what_is_none_of_ours_is_not_found(what: str, admin: Reader) -> None:
    assert admin.post("/notices/rule", {"what": what, **FORM}).status_code == 404


def test_rules_are_for_administrators(user: Reader) -> None:
    assert user.get("/notices").status_code == 403
    assert "/notices" not in user.page("/jobs").links()
    for path in ("/notices/rule", "/notices/rule/remove", "/notices/test", "/notices/1/retry"):
        assert user.post(path, {"what": "site"}).status_code == 403
