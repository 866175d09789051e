"""The page that shows what changed between two results."""

import re

import pytest

from app.bootstrap import Services
from app.core.job_types import JobTypes
from app.core.statuses import Role, RunStatus
from app.job_types.result_diff import JOB_TYPE as RESULT_DIFF
from app.job_types.sql_export import JOB_TYPE as SQL_EXPORT
from tests.comparisons import PLAIN, perform
from tests.fakes import FakeExecutor
from tests.web.conftest import MakeJob, Play
from tests.web.pages.conftest import Reader

OLD = b"id,name\n1,Ada\n2,Bob\n3,\n"
NEW = b'id,name\n1,Ada\n2,<b>Bea</b>\n3,""\n4,=1+1\n'
PAGE = "/results/2/diff"


@pytest.fixture
def job_types() -> JobTypes:
    return JobTypes([SQL_EXPORT, RESULT_DIFF])


@pytest.fixture(autouse=True)
def _two_results(make_job: MakeJob, play: Play) -> None:
    job = make_job()
    for content in (OLD, NEW):
        play.run(job, content=content, csv=PLAIN)


def done(services: Services, executor: FakeExecutor) -> None:
    services.engine.dispatch()
    perform(services, executor)


def test_who_may_see_the_results_asks_and_is_shown(user: Reader, services: Services, executor: FakeExecutor) -> None:
    before = user.page(PAGE)
    assert "Compare them" in before.text
    assert user.page("/results/1/diff", 409).text.count("no earlier result") == 1

    answer = user.post(PAGE)

    assert (answer.status_code, answer.location) == (303, PAGE)
    going = user.get(PAGE).text
    assert "It begins when a worker is free" in going
    assert "hx-get" in re.findall(r'<div id="diff"[^>]*>', going)[0]
    done(services, executor)
    found = user.page(PAGE)
    tallies = [" ".join(words.split()) for words in re.findall(r" \d+\s+(?:changed|added|removed|same)\b", found.text)]
    assert tallies == ["2 changed", "1 added", "0 removed", "1 same"]
    assert "hx-get" not in found.find("div", id="diff")[0]
    assert "id, which was guessed" in " ".join(found.text.split())
    assert "<b>Bea</b>" in found.text
    assert not found.find("b")


def test_changed_cells_are_marked_and_null_is_not_empty(
    user: Reader, services: Services, executor: FakeExecutor
) -> None:
    user.post(PAGE)
    done(services, executor)

    html = user.get(PAGE).text

    cells = re.findall(r'<td class="changed-cell"><del>(.*?)</del> <ins>(.*?)</ins></td>', html)
    assert cells == [("Bob", "&lt;b&gt;Bea&lt;/b&gt;"), ('<i class="null">NULL</i>', '<i class="null">empty</i>')]


def test_the_download_is_guarded_and_the_other_one_is_not(
    user: Reader, services: Services, executor: FakeExecutor
) -> None:
    user.post(PAGE)
    done(services, executor)
    links = [link for link in user.page(PAGE).links() if link.endswith(("/download", "/download?raw=1"))]

    guarded, raw = (user.get(link, buffered=True).data for link in links)

    assert raw.endswith(b'added,"",4,=1+1\n')
    assert guarded.endswith(b'added,"",4,\'=1+1\n')


def test_another_result_and_another_key_can_be_chosen(
    user: Reader, services: Services, executor: FakeExecutor, make_job: MakeJob, play: Play
) -> None:
    page = user.page(PAGE)
    assert [option["value"] for option in page.find("option")] == ["1"]
    assert [box["value"] for box in page.find("input", type="checkbox", name="key")] == ["id", "name"]

    answer = user.post(PAGE, {"with": "1", "by": "columns", "key": ["name", "id"]})

    assert answer.location == f"{PAGE}?with=1&by=columns&key=name&key=id"
    done(services, executor)
    assert "name, id." in user.page(answer.location).text
    assert user.post(PAGE, {"with": "1", "by": "rows"}).location == f"{PAGE}?with=1&by=rows"


@pytest.mark.parametrize(
    ("data", "status"),
    [({"by": "columns"}, 422), ({"by": "columns", "key": "none"}, 422), ({"with": "99"}, 404), ({"with": "2"}, 422)],
)
def test_what_makes_no_sense_is_refused(data: dict[str, str], status: int, user: Reader) -> None:
    assert user.post(PAGE, data).status_code == status


def test_one_that_failed_says_why_and_can_be_asked_for_again(
    user: Reader, services: Services, executor: FakeExecutor, play: Play
) -> None:
    user.post(PAGE)
    services.engine.dispatch()
    play.end(executor.assignments[-1], RunStatus.FAILED, error="no space left")

    assert "no space left" in user.page(PAGE).text

    user.post(PAGE)
    done(services, executor)
    assert "Download all changes" in user.page(PAGE).text


def test_results_lead_to_their_changes(user: Reader, admin: Reader) -> None:
    assert PAGE in user.page("/results").links()
    assert [form["action"] for form in user.page("/runs/2").find("form") if (form["action"] or "").endswith("/diff")]
    assert user.page("/results").text.count("changes of") == 0


def test_nobody_else_is_shown_anything(nobody: Reader, services: Services) -> None:
    assert services.users.list()[0].role is Role.ADMINISTRATOR
    assert nobody.get(PAGE).status_code == 302 or nobody.get(PAGE).status_code == 303
    assert nobody.client.post(PAGE).status_code in (302, 303, 400, 401)
