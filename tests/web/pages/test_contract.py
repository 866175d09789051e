"""The page of a job's result contract, and held results on pages."""

import pytest

from app.bootstrap import Services
from app.core.models import Job
from app.core.terms import Terms
from tests.fakes import FakeClock
from tests.web.conftest import CSV, MakeJob, Play
from tests.web.pages.conftest import Reader

FORM = {"on": "on", "columns": "id\r\nname\r\n", "least_rows": "2", "most_rows": "", "max_age_hours": "24"}


@pytest.fixture
def job(make_job: MakeJob, play: Play) -> Job:
    """Has made a result with two rows."""
    made = make_job()
    play.run(made, content=CSV)
    return made


def test_one_switch_makes_a_contract(admin: Reader, services: Services, job: Job) -> None:
    assert "No contract looks at the results." in admin.page(f"/jobs/{job.uid}").text

    assert admin.post(f"/jobs/{job.uid}/contract/switch").status_code == 303

    assert services.contracts.of_job(job.id).terms == Terms(["id", "name"], 1, 102)
    assert "Results that break the contract are held." in admin.page(f"/jobs/{job.uid}").text


def test_the_form_says_and_changes_it(admin: Reader, services: Services, job: Job) -> None:
    assert admin.post(f"/jobs/{job.uid}/contract", FORM).status_code == 303

    contract = services.contracts.of_job(job.id)
    assert (contract.is_on, contract.terms) == (True, Terms(["id", "name"], 2, None, 86400))
    page = admin.page(f"/jobs/{job.uid}/contract")
    shown = {given["name"]: given.get("value") for given in page.find("input") if given.get("name") != "csrf_token"}
    fields = {given["name"]: given for given in page.find("textarea")}
    assert set(fields) == {"columns", "unique_key", "types"}
    assert shown == {"on": None, "least_rows": "2", "most_rows": "", "max_age_hours": "24"}
    assert page.find("input", name="on", checked=None)


def test_a_key_and_types_are_written_one_a_line(admin: Reader, services: Services, job: Job) -> None:
    form = FORM | {"unique_key": "id\r\nname\r\n", "types": "id = integer\r\nname = character varying(10)\r\n"}

    admin.post(f"/jobs/{job.uid}/contract", form)

    terms = services.contracts.of_job(job.id).terms
    assert terms is not None
    assert (terms.unique_key, terms.types) == (["id", "name"], {"id": "integer", "name": "character varying(10)"})
    html = admin.get(f"/jobs/{job.uid}/contract").text
    assert ">id\nname</textarea>" in html
    assert ">id = integer\nname = character varying(10)</textarea>" in html
    assert "their key is id, name" in admin.page(f"/jobs/{job.uid}").text
    assert f"/jobs/{job.uid}/contract" in admin.page(f"/jobs/{job.uid}/edit").links()


def test_a_job_whose_newest_good_result_is_too_old_is_shown_as_stale(
    admin: Reader, user: Reader, job: Job, clock: FakeClock
) -> None:
    admin.post(f"/jobs/{job.uid}/contract", FORM | {"max_age_hours": "1"})
    assert "Stale" not in user.page("/jobs").text

    clock.advance(hours=2)

    assert "Stale" in user.page("/jobs").text
    assert "the contract wants one of the last 1 h" in " ".join(user.page(f"/jobs/{job.uid}").text.split())


@pytest.mark.parametrize("seconds", [1, 2, 59, 5400, 86_399])
def test_hours_need_not_be_whole(seconds: int, admin: Reader, services: Services, job: Job) -> None:
    services.contracts.save(job.id, Terms(max_age_seconds=seconds), is_on=True, by="ada")
    (field,) = admin.page(f"/jobs/{job.uid}/contract").find("input", name="max_age_hours")

    admin.post(f"/jobs/{job.uid}/contract", {"on": "on", "max_age_hours": field["value"]})

    assert services.contracts.of_job(job.id).terms == Terms(max_age_seconds=seconds)


def test_an_empty_form_learns(admin: Reader, services: Services, job: Job) -> None:
    admin.post(f"/jobs/{job.uid}/contract", {"on": "on"})
    assert services.contracts.of_job(job.id).terms == Terms(["id", "name"], 1, 102)

    admin.post(f"/jobs/{job.uid}/contract", {**FORM, "learn": "1"})
    assert services.contracts.of_job(job.id).terms == Terms(["id", "name"], 1, 102)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"least_rows": "few"}, "A whole number, or nothing."),
        ({"max_age_hours": "0"}, "Must be at least 1."),
        ({"max_age_hours": "a day"}, "A number of hours as 24 or 0.5, or nothing."),
        ({"least_rows": "9", "most_rows": "8"}, "Must not be less than the least."),
        ({"columns": "id\nid"}, "Name each column once."),
        ({"unique_key": "none"}, "&#39;none&#39; is none of the columns."),
        ({"types": "id integer"}, "&#39;id integer&#39; is no column with its type: write name = type."),
    ],
)
def test_a_form_that_is_wrong_comes_back(
    wrong: dict[str, str], words: str, admin: Reader, services: Services, job: Job
) -> None:
    answer = admin.post(f"/jobs/{job.uid}/contract", FORM | wrong)

    assert (answer.status_code, words in answer.text) == (422, True)
    assert not services.contracts.of_job(job.id).is_on


def test_a_held_result_is_marked_wherever_it_is_shown_until_it_is_accepted(
    admin: Reader, user: Reader, job: Job, play: Play
) -> None:
    admin.post(f"/jobs/{job.uid}/contract/switch")
    run_id = play.run(job, content=b"id,name\n")
    paths = ["/results", f"/jobs/{job.uid}", f"/runs/{run_id}"]

    for path in paths:
        assert "It is empty." in user.page(path).text
        assert not user.page(path).find("form", action="/results/2/accept")
        assert admin.page(path).find("form", action="/results/2/accept")
    assert user.post("/results/2/accept").status_code == 403
    with admin.get(f"/r/{job.uid}/latest") as latest:
        assert latest.data == CSV

    answer = admin.post("/results/2/accept", {"next": f"/runs/{run_id}"})

    assert (answer.status_code, answer.location) == (303, f"/runs/{run_id}")
    for path in paths:
        assert "Was held; accepted by ada" in user.page(path).text
    with admin.get(f"/r/{job.uid}/latest") as latest:
        assert latest.data == b"id,name\n"
    assert admin.post("/results/2/accept").status_code == 409


def test_only_who_may_edit_sees_the_form(user: Reader, job: Job) -> None:
    assert user.get(f"/jobs/{job.uid}/contract").status_code == 403
    assert user.post(f"/jobs/{job.uid}/contract/switch").status_code == 403
    assert f"/jobs/{job.uid}/contract" not in user.page(f"/jobs/{job.uid}").links()


def test_a_contract_that_is_saved_but_switched_off_says_so(admin: Reader, job: Job) -> None:
    admin.post(f"/jobs/{job.uid}/contract", {name: text for name, text in FORM.items() if name != "on"})

    assert "It is switched off: no result is held." in admin.page(f"/jobs/{job.uid}").text
