"""The job form: what is typed is what is stored, and what it cannot say it does not touch."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest

from app.bootstrap import Services
from app.core.calendars import CalendarSpec
from app.core.statuses import CalendarKind, TriggerKind
from app.core.triggers import TriggerSpec, cron
from tests.fakes import FakeClock
from tests.web.conftest import QUERY, ZONE, MakeJob, after, every
from tests.web.pages.conftest import HTMX, Markup, Reader

FORM: dict[str, Any] = {
    "job_type": "SQL_EXPORT",
    "name": "nightly",
    "enabled": "on",
    "parameters.connection": "clinic",
    "parameters.query": QUERY.replace(" FROM", "\r\n  FROM"),
    "parameters.parameters.name": ["region", "least", "strict", "since", "", ""],
    "parameters.parameters.kind": ["text", "number", "truth", "null", "text", "text"],
    "parameters.parameters.text": ["north", "1", "true", "", "", ""],
    "parameters.delimiter": ";",
    "parameters.header": "on",
    "parameters.lineEnding": "CRLF",
    "parameters.maxRows": "1000",
    "mode": "preset",
    "preset": "0 0 3 ? * *",
    "timezone": ZONE,
}
SCHEDULES = [
    pytest.param({"mode": "preset", "preset": "0 0 12 ? * MON-FRI"}, [cron("0 0 12 ? * MON-FRI", ZONE)], id="preset"),
    pytest.param({"mode": "cron", "expression": " 0 5 4 L * ? "}, [cron("0 5 4 L * ?", ZONE)], id="cron"),
    pytest.param({"mode": "cron", "expression": "0 0 4 * * 0"}, [cron("0 0 4 * * 0", ZONE)], id="cron of Spring"),
    pytest.param(
        {"mode": "cron", "expression": "0 H 4 ? * *"},
        [TriggerSpec(TriggerKind.CRON, ZONE, expression="0 H 4 ? * *", dialect="quartz")],
        id="a time picked for each job",
    ),
    pytest.param({"mode": "delay", "delay": "2", "delay_unit": "60"}, [after(120)], id="fixed delay"),
    pytest.param({"mode": "cron", "expression": "broken", "continuous": "on"}, [after(0)], id="continuous"),
    pytest.param({"mode": "hand"}, [], id="by hand"),
    pytest.param(
        {"mode": "once", "once_at": "2026-03-29T02:30"},  # does not exist in Paris
        [TriggerSpec(TriggerKind.ONCE, ZONE, start_at=datetime(2026, 3, 29, 1, 30, tzinfo=UTC))],
        id="once",
    ),
    pytest.param(
        {"mode": "rate", "every": "15", "every_unit": "60", "rate_start": "2026-03-01T06:00"},
        [TriggerSpec(TriggerKind.SIMPLE, ZONE, every_seconds=900, start_at=datetime(2026, 3, 1, 5, tzinfo=UTC))],
        id="fixed rate",
    ),
    pytest.param(
        {"mode": "cron", "expression": "30 6 * * 1", "dialect": "unix"},
        [TriggerSpec(TriggerKind.CRON, ZONE, expression="30 6 * * 1", dialect="unix")],
        id="cron of Unix",
    ),
    pytest.param(
        {"mode": "interval", "interval_count": "3", "interval_unit": "month", "month_end": "spill",
         "interval_start": "2026-03-31T08:00", "gap": "skip", "overlap": "both"},
        [TriggerSpec(TriggerKind.CALENDAR_INTERVAL, ZONE, every_count=3, every_unit="month", month_end="spill",
                     start_at=datetime(2026, 3, 31, 6, tzinfo=UTC), gap="skip", overlap="both")],
        id="calendar interval",
    ),
    pytest.param(
        {"mode": "daily", "daily_every": "72", "daily_every_unit": "60", "from_time": "08:00:00", "to_time": "17:30",
         "weekdays": ["FRI", "MON"], "start_at": "2026-04-01T00:00"},
        [TriggerSpec(TriggerKind.DAILY_INTERVAL, ZONE, every_seconds=72 * 60, from_time="08:00", to_time="17:30",
                     weekdays="MON,FRI", start_at=datetime(2026, 3, 31, 22, tzinfo=UTC))],
        id="daily interval",
    ),
    pytest.param(
        {"mode": "preset", "timezone": "UTC", "end_at": "2027-01-01T00:00", "misfire": "do_nothing", "threshold": "5",
         "misfire_counted": "fire_now"},
        [TriggerSpec(TriggerKind.CRON, "UTC", "0 0 3 ? * *", "quartz", end_at=datetime(2027, 1, 1, tzinfo=UTC),
                     misfire="do_nothing", misfire_threshold_seconds=5)],
        id="an end, a zone and a misfire instruction",
    ),
    pytest.param(
        {"mode": "rate", "every": "1", "every_unit": "3600", "rate_start": "2026-03-01T06:00", "rate_count": "5",
         "misfire": "do_nothing", "misfire_counted": "ask", "start_at": "2026-05-01T00:00"},
        [TriggerSpec(TriggerKind.SIMPLE, ZONE, every_seconds=3600, start_at=datetime(2026, 3, 1, 5, tzinfo=UTC),
                     repeat_count=5, misfire="ask")],
        id="only what the kind has counts",
    ),
    pytest.param(
        {"card": ["1", "2"], "mode": "preset", "mode-2": "delay", "delay-2": "10", "delay_unit-2": "60",
         "timezone-2": ZONE},
        [cron("0 0 3 ? * *", ZONE), after(600)],
        id="two triggers",
    ),
]  # fmt: skip


def stored(services: Services) -> list[TriggerSpec]:
    (job,) = services.jobs.list()
    return [TriggerSpec.of(row) for row in job.triggers]


def fields(page: Markup) -> dict[str, Any]:
    """What a browser would send back if nothing was touched. One that is on disables the fields for a time."""
    data: dict[str, Any] = {}
    for given in page.find("input"):
        name, kind = given.get("name") or "", given.get("type")
        if not name or name == "csrf_token" or (kind in ("radio", "checkbox") and "checked" not in given):
            continue
        data.setdefault(name, []).append(given.get("value", "on"))
    return data


def sent_back(html: str) -> dict[str, Any]:
    data = fields(Markup(html))
    for name, content in re.findall(r'<textarea[^>]* name="([^"]+)"[^>]*>\n?(.*?)</textarea>', html, re.DOTALL):
        data[name] = [unescape(content)]
    for name, options in re.findall(r'<select[^>]*?name="([^"]+)".*?>(.*?)</select>', html, re.DOTALL):
        chosen = re.search(r'value="([^"]*)" selected', options) or re.search(r'value="([^"]*)"', options)
        data.setdefault(name, []).append(unescape(chosen[1]) if chosen else "")
    return data


def test_a_job_is_made_as_the_form_says(admin: Reader, services: Services) -> None:
    answer = admin.post("/jobs/new", FORM)

    (job,) = services.jobs.list()
    assert answer.location == f"/jobs/{job.uid}"
    assert (job.name, job.enabled, job.created_by, job.timeout_seconds) == ("nightly", True, "ada", None)
    assert job.parameters["query"] == QUERY.replace(" FROM", "\n  FROM")
    assert job.parameters["parameters"] == {"region": "north", "least": 1, "strict": True, "since": None}
    assert (job.parameters["delimiter"], job.parameters["lineEnding"], job.parameters["maxRows"]) == (";", "CRLF", 1000)
    assert job.parameters["header"] is True


def test_boxes_that_are_not_ticked_are_off(admin: Reader, services: Services) -> None:
    data = {name: value for name, value in FORM.items() if name not in ("enabled", "parameters.header")}
    admin.post("/jobs/new", {**data, "stop_after": "90", "stop_after_unit": "60"})
    (job,) = services.jobs.list()
    assert (job.enabled, job.parameters["header"], job.timeout_seconds) == (False, False, 5400)


@pytest.mark.parametrize(("form", "expected"), SCHEDULES)
def test_a_schedule_of_every_kind_is_stored_and_shown_again(
    admin: Reader, services: Services, form: dict[str, str], expected: list[TriggerSpec]
) -> None:
    assert admin.post("/jobs/new", {**FORM, **form}).status_code == 303
    assert stored(services) == expected
    (job,) = services.jobs.list()
    before = [(row.id, row.next_fire_at) for row in job.triggers]

    answer = admin.post(f"/jobs/{job.uid}/edit", sent_back(admin.get(f"/jobs/{job.uid}/edit").text))

    assert answer.status_code == 303, answer.text
    (job,) = services.jobs.list()
    assert stored(services) == expected
    assert [(row.id, row.next_fire_at) for row in job.triggers] == before
    assert job.parameters["parameters"] == {"region": "north", "least": 1, "strict": True, "since": None}


UNTOUCHED = [
    pytest.param([cron("0 0 3 ? * *", ZONE), every(900)], id="two triggers"),
    pytest.param(
        [TriggerSpec(TriggerKind.CRON, ZONE, expression="0 0 3 ? * 1", dialect="spring")],
        id="an expression that Quartz would read otherwise",
    ),
    pytest.param([TriggerSpec(TriggerKind.CRON, ZONE, expression="0 0 3 ? * *", dialect="spring")], id="as a preset"),
    pytest.param(
        [TriggerSpec(TriggerKind.ONCE, ZONE, start_at=datetime(2027, 1, 1, 0, 0, 0, 500, tzinfo=UTC))],
        id="a part of a second",
    ),
    pytest.param(
        [TriggerSpec(TriggerKind.ONCE, ZONE, start_at=datetime(2026, 10, 25, 1, 30, tzinfo=UTC))],
        id="a time that comes twice",
    ),
    pytest.param(
        [TriggerSpec(TriggerKind.CALENDAR_INTERVAL, ZONE, every_count=1, every_unit="month")], id="an anchor left open"
    ),
    pytest.param([after(0), cron("0 0 3 ? * *", ZONE)], id="continuous and more"),
    pytest.param(
        [TriggerSpec(TriggerKind.DAILY_INTERVAL, ZONE, every_seconds=90, from_time="08:00:00", to_time="9:00".zfill(5),
                     weekdays="mon,tue", calendar="weekends")],
        id="written otherwise",
    ),
]  # fmt: skip


@pytest.mark.parametrize("triggers", UNTOUCHED)
def test_a_card_that_nobody_touches_rewrites_nothing(
    admin: Reader, services: Services, make_job: MakeJob, triggers: list[TriggerSpec]
) -> None:
    services.calendars.save(CalendarSpec("weekends", CalendarKind.WEEKLY, ZONE, {"weekdays": ["SAT", "SUN"]}))
    job = make_job(triggers=triggers)
    before = [(row.id, row.next_fire_at, TriggerSpec.of(row)) for row in job.triggers]
    html = admin.get(f"/jobs/{job.uid}/edit").text

    assert admin.post(f"/jobs/{job.uid}/edit", {**sent_back(html), "name": "renamed"}).status_code == 303

    (job,) = services.jobs.list()
    assert job.name == "renamed"
    assert [(row.id, row.next_fire_at, TriggerSpec.of(row)) for row in job.triggers] == before


def test_a_trigger_is_added_and_removed_by_buttons(admin: Reader, services: Services, make_job: MakeJob) -> None:
    job = make_job(triggers=[cron("0 5 4 L * ?", ZONE), every(900)])
    form = sent_back(admin.get(f"/jobs/{job.uid}/edit").text)

    more = admin.post(f"/jobs/{job.uid}/edit", {**form, "add": "1"})
    assert more.status_code == 200
    assert [each["value"] for each in Markup(more.text).find("input", name="card")] == ["1", "2", "3"]

    less = admin.post(f"/jobs/{job.uid}/edit", {**sent_back(more.text), "remove": "1"})
    page = Markup(less.text)
    assert [each["value"] for each in page.find("input", name="card")] == ["1", "2"]
    assert "checked" in page.find("input", id="mode-rate")[0]
    assert len(services.jobs.list()[0].triggers) == 2

    kept = job.triggers[1].id
    assert admin.post(f"/jobs/{job.uid}/edit", sent_back(less.text)).status_code == 303
    (job,) = services.jobs.list()
    assert [TriggerSpec.of(row).kind for row in job.triggers] == [TriggerKind.SIMPLE, TriggerKind.CRON]
    assert job.triggers[0].id == kept


def test_htmx_swaps_only_the_cards_and_the_preview(admin: Reader) -> None:
    answer = admin.post("/preview/cards", {**FORM, "add": "1"}, headers=HTMX)
    page = Markup(answer.text)
    assert "<html" not in answer.text
    assert len(page.find("section", class_="card trigger-card")) == 2
    assert page.find("div", id="preview", **{"hx-swap-oob": "innerHTML"})


def test_the_first_trigger_takes_the_place_of_by_hand_only(admin: Reader) -> None:
    page = Markup(admin.post("/preview/cards", {**FORM, "mode": "hand", "add": "1"}, headers=HTMX).text)
    assert "checked" in page.find("input", id="mode-preset")[0]
    assert "checked" not in page.find("input", id="mode-hand")[0]
    assert (
        "checked" in Markup(admin.post("/preview/cards", {**FORM, "remove": "1"}).text).find("input", id="mode-hand")[0]
    )


def test_a_fixed_rate_keeps_counting_from_where_it_did(admin: Reader, services: Services, make_job: MakeJob) -> None:
    job = make_job(triggers=[every(900)])
    anchor = job.triggers[0].start_at
    admin.post(f"/jobs/{job.uid}/edit", {**sent_back(admin.get(f"/jobs/{job.uid}/edit").text), "description": "new"})
    (job,) = services.jobs.list()
    assert (job.description, job.triggers[0].start_at) == ("new", anchor)


def test_everything_that_is_wrong_is_listed_with_links_and_the_values_stay(admin: Reader, services: Services) -> None:
    wrong = {
        **FORM, "name": " ", "parameters.connection": "", "parameters.query": "DELETE FROM visit <b>",
        "parameters.maxRows": "many", "parameters.parameters.text": ["north", "much", "perhaps", "", "", ""],
        "mode": "cron", "expression": "0 0 25 * * ?", "timezone": "Mars/Olympus", "stop_after": "long",
    }  # fmt: skip
    answer = admin.post("/jobs/new", wrong)
    assert answer.status_code == 422
    page = Markup(answer.text)
    summary = [link for link in page.links() if link.startswith("#") and link != "#main"]
    assert set(summary) == {
        "#name", "#parameters.connection", "#parameters.maxRows", "#parameters.parameters", "#expression",
        "#timezone", "#stop_after",
    }  # fmt: skip
    for link in set(summary):
        targets = [given for _, given in page.tags if given.get("id") == link[1:]]
        assert len(targets) == 1, link
        assert targets[0].get("aria-invalid") == "true", link
    assert "'much' is no number" in page.text
    assert "DELETE FROM visit <b>" in page.text
    assert page.find("input", id="expression", value="0 0 25 * * ?")
    assert page.find("details", id="more")[0].keys() >= {"open"}
    assert not services.jobs.list()


WRONG_SCHEDULES: list[tuple[dict[str, str], str]] = [
    ({"mode": "rate", "every": ""}, "#every"),
    ({"mode": "rate", "every": "-5"}, "#every"),
    ({"mode": "delay", "delay": "x"}, "#delay"),
    ({"mode": "once", "once_at": "soon"}, "#once_at"),
    ({"mode": "once", "once_at": "2020-01-01T00:00"}, "#once_at"),
    ({"mode": "cron", "expression": ""}, "#expression"),
    ({"mode": "preset", "preset": "nonsense"}, "#preset"),
    ({"mode": "rate", "rate_start": "soon"}, "#rate_start"),
    ({"mode": "rate", "rate_count": "x"}, "#rate_count"),
    ({"mode": "rate", "misfire_counted": "do_nothing"}, "#misfire_counted"),
    ({"mode": "interval", "interval_count": "0"}, "#interval_count"),
    ({"mode": "interval", "interval_unit": "aeon"}, "#interval_unit"),
    ({"mode": "daily", "weekdays": []}, "#weekdays"),
    ({"mode": "daily", "weekdays": ["MON"], "from_time": "8"}, "#from_time"),
    ({"start_at": "2026-13-01T00:00"}, "#start_at"),
    ({"end_at": "9999-01-01T00:00"}, "#end_at"),
    ({"start_at": "2027-01-01T00:00", "end_at": "2026-12-31T00:00"}, "#end_at"),
    ({"calendar": "none"}, "#calendar"),
    ({"threshold": "x"}, "#threshold"),
    ({"mode": "sometimes"}, "#mode"),
    ({"card": ["1", "2"], "mode-2": "cron", "expression-2": "broken"}, "#expression-2"),
]


def test_a_wrong_schedule_is_told_at_its_field(admin: Reader) -> None:
    for form, field in WRONG_SCHEDULES:
        answer = admin.post("/jobs/new", {**FORM, **form})
        assert answer.status_code == 422, form
        page = Markup(answer.text)
        assert field in page.links(), form
        (target,) = [given for _, given in page.tags if given.get("id") == field[1:]]
        assert target.get("aria-invalid") == "true", form


def test_what_is_wrong_in_a_new_card_is_told_there_though_others_are_kept(
    admin: Reader, make_job: MakeJob, services: Services
) -> None:
    job = make_job(triggers=[cron("0 0 3 ? * *", ZONE), every(900)])
    form = sent_back(admin.post(f"/jobs/{job.uid}/edit", {**sent_back(admin.get(f"/jobs/{job.uid}/edit").text),
                                                          "add": "1"}).text)  # fmt: skip
    answer = admin.post(f"/jobs/{job.uid}/edit", {**form, "mode-3": "cron", "expression-3": "broken"})
    assert answer.status_code == 422
    assert "#expression-3" in Markup(answer.text).links()


def test_a_name_that_is_taken_is_told_at_the_name(admin: Reader, make_job: MakeJob) -> None:
    make_job("nightly")
    answer = admin.post("/jobs/new", FORM)
    assert answer.status_code == 422
    assert "A job named &#39;nightly&#39; already exists" in answer.text


def test_a_change_by_somebody_else_is_not_overwritten_unseen(admin: Reader, services: Services) -> None:
    admin.post("/jobs/new", FORM)
    (job,) = services.jobs.list()
    first, second = (sent_back(admin.get(f"/jobs/{job.uid}/edit").text) for _ in range(2))
    admin.post(f"/jobs/{job.uid}/edit", {**first, "name": "theirs"})

    answer = admin.post(f"/jobs/{job.uid}/edit", {**second, "name": "mine"})

    assert answer.status_code == 409
    assert "changed this job while you were editing it" in answer.text
    assert Markup(answer.text).find("input", id="name", value="mine")
    assert services.jobs.get(job.uid).name == "theirs"

    again = admin.post(f"/jobs/{job.uid}/edit", {**sent_back(answer.text), "name": "mine"})
    assert again.status_code == 303
    assert services.jobs.get(job.uid).name == "mine"


def test_the_preview_shows_five_starts_while_typing(admin: Reader) -> None:
    data = {"mode": "cron", "expression": "0 30 6 ? * MON-FRI", "timezone": "America/New_York"}
    page = Markup(admin.post("/preview", data, headers=HTMX).text)
    assert "At 06:30, Monday to Friday" in page.text
    assert len(page.find("li")) == 5
    assert "2026-03-02 06:30 EST" not in page.text  # is past: it is 07:00 in New York
    assert "2026-03-03 06:30 EST" in page.text
    assert "2026-03-03 12:30 CET" in page.text


PREVIEWS: list[tuple[dict[str, str], str]] = [
    ({"mode": "cron", "expression": "0 3 * * MON"}, "did you mean '0 0 3 ? * MON'?"),
    ({"mode": "cron", "expression": ""}, "Its next starts appear here."),
    ({"mode": "cron", "expression": "0 0 0 30 2 ?"}, "never fires"),
    ({"mode": "cron", "expression": "*/2 * * * * ?"}, "more than 1,000 times a day"),
    ({"mode": "cron", "expression": "0 30 2 29 3 ?"}, "02:30 does not exist on 29 March 2026: fires at 03:00"),
    ({"mode": "rate", "every": "30", "every_unit": "60"}, "2026-03-02 13:30 CET"),
    ({"mode": "delay", "delay": "5", "delay_unit": "60"}, "5 min after each run has ended"),
    ({"mode": "hand"}, "By hand only"),
    ({"mode": "rate", "every": "x", "timezone": "Mars"}, "'Mars' is no time zone"),
    ({"continuous": "on"}, "Continuously"),
    ({"mode": "cron", "expression": "0 H 3 ? * *"}, "H stands for a time that is picked for each job"),
    ({"mode": "cron", "expression": "0 0 3 ? * 1"}, "Spring reads it: At 03:00, every Monday."),
    ({"mode": "cron", "expression": "0 3 * * MON"}, "Unix reads it: At 03:00, every Monday."),
    ({"mode": "cron", "expression": "0 3 * * MON", "dialect": "unix"}, "At 03:00, every Monday"),
    ({"mode": "daily", "weekdays": ["SAT"]}, "Every 30 minutes from 08:00 to 17:00, every Saturday"),
    ({"mode": "interval", "interval_start": "2026-03-31T08:00"}, "2026-04-30 08:00 CEST"),
    ({"calendar": "weekends"}, "Left out by calendar 'weekends'"),
    ({"card": ["1", "2"], "mode-2": "cron", "expression-2": "x"}, "Trigger 2: "),
]


def test_the_preview_says_what_a_schedule_will_do(admin: Reader, services: Services) -> None:
    services.calendars.save(CalendarSpec("weekends", CalendarKind.WEEKLY, ZONE, {"weekdays": ["SAT", "SUN"]}))
    for form, words in PREVIEWS:
        timezone = {} if "continuous" in form else {"timezone": ZONE}
        answer = admin.post("/preview", {**timezone, **form}, headers=HTMX)
        assert answer.status_code == 200, form
        assert words in Markup(answer.text).text, form


def test_the_preview_strikes_out_what_a_calendar_takes_out(admin: Reader, services: Services) -> None:
    services.calendars.save(CalendarSpec("weekends", CalendarKind.WEEKLY, ZONE, {"weekdays": ["SAT", "SUN"]}))
    html = admin.post("/preview", {"preset": "0 0 3 ? * *", "timezone": ZONE, "calendar": "weekends"}).text
    assert re.findall(r"<s><time[^>]*>([^<]*)", html) == ["2026-03-07 03:00 CET", "2026-03-08 03:00 CET"]
    assert len(Markup(html).find("li")) == 7


def test_the_fires_of_all_triggers_are_previewed_together(admin: Reader) -> None:
    second = {"mode-2": "cron", "expression-2": "0 0 4 ? * *", "timezone-2": "UTC"}
    page = Markup(admin.post("/preview", {"card": ["1", "2"], "timezone": ZONE, **second}).text)
    assert len(page.find("li")) == 10
    assert page.text.index("2026-03-03 03:00 CET") < page.text.index("2026-03-03 04:00 UTC")


def test_a_once_that_is_over_does_not_spoil_the_preview(admin: Reader, make_job: MakeJob, clock: FakeClock) -> None:
    job = make_job(triggers=[TriggerSpec(TriggerKind.ONCE, ZONE, start_at=clock() + timedelta(hours=1)), every(900)])
    clock.advance(hours=2)
    page = admin.page(f"/jobs/{job.uid}/edit")
    assert "Trigger 1: It is over." in page.text
    assert len(page.find("li")) >= 5


def test_without_javascript_a_button_shows_the_preview(admin: Reader, services: Services) -> None:
    data = {**FORM, "mode": "cron", "expression": "0 0 4 ? * *", "preview": "1"}
    answer = admin.post("/jobs/new", data)
    assert answer.status_code == 200
    assert "2026-03-03 04:00 CET" in answer.text
    assert Markup(answer.text).find("input", id="name", value="nightly")
    assert not services.jobs.list()


def test_an_unknown_type_has_no_form(admin: Reader) -> None:
    assert admin.get("/jobs/new?type=NONE").status_code == 404
    assert admin.post("/jobs/new", {**FORM, "job_type": "NONE"}).status_code == 404


def test_a_file_name_is_shown_as_it_will_be(admin: Reader) -> None:
    form = {**FORM, "parameters.filename": "{job}: {:region} {date}", "parameters.compression": "ZSTD"}

    answer = admin.post("/preview/example/filename", form)

    assert "nightly_ north 2026-03-02.csv.zst" in answer.text
    assert Markup(answer.text).find("p", id="example-filename")[0]["hx-trigger"].startswith("input from:closest form")


def test_a_name_that_every_run_gives_is_said_to_be_so(admin: Reader) -> None:
    answer = admin.post("/preview/example/filename", {**FORM, "parameters.filename": "visits.csv"})

    assert "visits.csv, whichever run it is of" in answer.text


def test_what_cannot_be_read_does_not_spoil_the_example(admin: Reader) -> None:
    form = {**FORM, "parameters.filename": "x-{run}", "parameters.maxRows": "many", "parameters.compression": "nope"}

    assert "x-1234.csv" in admin.post("/preview/example/filename", form).text


def test_what_the_file_looks_like_waits_in_a_fold_of_its_own(admin: Reader) -> None:
    page = Markup(admin.get("/jobs/new?type=SQL_EXPORT").text)
    limit = {"parameters.statementTimeoutSeconds": "3600"}
    changed = Markup(admin.post("/jobs/new", {**FORM, "name": "", "parameters.maxRows": "", **limit}).text)

    assert ["open" in page.find("details", id=fold)[0] for fold in ("more-1", "more")] == [False, False]
    assert ["open" in changed.find("details", id=fold)[0] for fold in ("more-1", "more")] == [True, False]
