"""The button of the job form that tries its query."""

import pytest

from app.bootstrap import Services
from app.core.errors import UnavailableError
from app.job_types.sql_export.rehearsal.coming import Start
from app.job_types.sql_export.rehearsal.found import Cell, Column, Found, Refused
from app.job_types.sql_export.rehearsal.rehearsals import Rehearsals
from app.job_types.sql_export.sql_text import Place
from tests.web.conftest import QUERY, MakeJob
from tests.web.pages.conftest import HTMX, Reader
from tests.web.pages.test_job_form import FORM

FOUND = Found(
    "SQLite 3.40.1",
    [Column("id", "integer"), Column("name", "")],
    [[Cell("1"), Cell("Ada", is_cut=True)], [Cell(None), Cell("")]],
    has_more=True, seconds=0.02, expected_rows=1200, cost=12345.6, steps=["SCAN visit"], notes=["a note"],
)  # fmt: skip


class FakeStage:
    """Says what it is told to say, and remembers what it was asked."""

    def __init__(self) -> None:
        self.says: Found | Refused | Exception = FOUND
        self.asked: list[tuple[str, str, object, Start]] = []

    def rehearse(self, url: str, query: str, values: object, start: Start) -> Found | Refused:
        self.asked.append((url, query, values, start))
        if isinstance(self.says, Exception):
            raise self.says
        return self.says


@pytest.fixture
def stage(services: Services) -> FakeStage:
    stage = FakeStage()
    services.rehearsals = Rehearsals(services.connections.url, services.clock, stage)
    return stage


def tried(admin: Reader, **fields: object) -> str:
    answer = admin.post("/preview/rehearsal", FORM | fields, headers=HTMX)
    assert answer.status_code == 200
    return answer.text


def test_rows_columns_guesses_and_values_are_shown(admin: Reader, stage: FakeStage) -> None:
    page = tried(admin)

    for words in (
        "SQLite 3.40.1", "about 1,200 rows", "cost 12,346", "SCAN visit", "A note.", "there are more",
        '<i class="null">NULL</i>', '<i class="null">empty</i>', "Ada<span", ":region", "north",
    ):  # fmt: skip
        assert words in page
    (asked,) = stage.asked
    assert asked[0].startswith("sqlite:///")
    assert asked[2] == {"region": "north", "least": 1, "strict": True, "since": None}


def test_it_is_tried_for_the_next_start_of_the_schedule_in_the_form(admin: Reader, stage: FakeStage) -> None:
    page = tried(admin, **{"parameters.query": "SELECT :scheduled_for, :previous_success"})

    assert "2026-03-03 02:00:00+00" in page  # 03:00 in Paris
    for shown in ("2026-03-03 03:00:00 CET", "2026-03-04 03:00:00 CET", "2026-03-05 03:00:00 CET"):
        assert shown in page
    assert "2026-03-06" not in page


def test_a_job_that_exists_knows_its_last_success(
    admin: Reader, services: Services, stage: FakeStage, make_job: MakeJob, play
) -> None:  # type: ignore[no-untyped-def]
    job = make_job()
    play.run(job)
    tried(admin, uid=job.uid)

    assert stage.asked[0][3].previous_success == services.jobs.get(job.uid).last_success_for is not None


def test_without_javascript_the_whole_page_comes_back(admin: Reader, stage: FakeStage, services: Services) -> None:
    answer = admin.post("/jobs/new", FORM | {"rehearse": "1"})

    assert answer.status_code == 200
    assert "SQLite 3.40.1" in answer.text
    assert 'value="nightly"' in answer.text
    assert not services.jobs.list()


def test_an_error_is_marked_in_the_query(admin: Reader, stage: FakeStage) -> None:
    stage.says = Refused("no such column: nope at line 2, column 3 of the query", "exception", Place(2, 3))

    page = tried(admin, **{"parameters.query": "SELECT id,\r\n  nope\r\nFROM visit"})

    assert "No such column: nope at line 2, column 3 of the query." in page
    assert '<span class="line-number">2</span>   <mark>nope</mark>' in page


def test_what_the_database_says_is_text(admin: Reader, stage: FakeStage) -> None:
    stage.says = Refused("<script>alert(1)</script>", "exception", Place(9, 99))

    assert "<script>" not in tried(admin)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"parameters.connection": ""}, "Choose the connection to ask."),
        ({"parameters.connection": "gone"}, "No connection named &#39;gone&#39;"),
        ({"parameters.query": ""}, "The query is empty."),
        ({"parameters.query": "DELETE FROM visit"}, "A query begins with SELECT"),
        ({"parameters.query": "SELECT :nobody"}, "The bind :nobody has no value"),
        ({"parameters.parameters.text": ["north", "x", "true", "", "", ""]}, "is no number"),
    ],
)
def test_what_is_wrong_in_the_form_is_said_before_anything_is_asked(
    admin: Reader, stage: FakeStage, fields: dict[str, object], words: str
) -> None:
    assert words in tried(admin, **fields)
    assert not stage.asked


def test_too_many_at_a_time_are_told_so(admin: Reader, stage: FakeStage) -> None:
    stage.says = UnavailableError("other queries are being tried: try again in a few seconds")

    assert "Other queries are being tried" in tried(admin)


def test_who_may_not_edit_jobs_tries_nothing(user: Reader, stage: FakeStage) -> None:
    assert user.post("/preview/rehearsal", FORM, headers=HTMX).status_code == 403
    assert not stage.asked


def test_a_real_one(admin: Reader) -> None:
    page = tried(admin, **{"parameters.query": QUERY})

    assert "SQLite 3" in page
    assert "Ada" in page
