"""The list of runs and one run from its beginning to its end."""

from sqlalchemy import delete

from app.bootstrap import Services
from app.core.log_cap import Kept
from app.core.models import LogEntry
from app.core.ports import Assignment, Logged, LogLine, Progressed
from app.core.statuses import FailureReason, Origin, RunStatus
from app.web.pages.words import FAILURES
from tests.fakes import FakeClock
from tests.web.conftest import CSV, MakeJob, Play
from tests.web.pages.conftest import Markup, Reader


def write(play: Play, assignment: Assignment, count: int, start: int = 1, level: str = "info") -> None:
    lines = [LogLine(play.clock(), level, f"line {number}") for number in range(start, start + count)]
    play.services.engine.deliver([Logged(assignment.run_id, assignment.token, lines)])
    play.services.engine.record()


def poller(html: str, name: str) -> str:
    found = [given for _, given in Markup(html).tags if given.get("id") == name]
    return (found[0].get("hx-get") or "") if found and found[0].get("hx-trigger") else ""


def test_a_run_polls_itself_until_it_is_over(admin: Reader, make_job: MakeJob, play: Play, clock: FakeClock) -> None:
    assignment = play.begin(make_job())
    path = poller(admin.get(f"/runs/{assignment.run_id}").text, "run")
    assert admin.part(path).status_code == 204

    values = {"rows": 12345, "rows_per_second": 678.9, "stage": "export"}
    play.services.engine.deliver([Progressed(assignment.run_id, assignment.token, clock(), values)])
    play.services.engine.record()
    answer = admin.part(path)
    assert "12,345" in answer.text
    assert "679 rows/s" in answer.text
    path = poller(answer.text, "run")
    assert path

    clock.advance(seconds=192)
    play.end(assignment, content=CSV)
    answer = admin.part(path)
    assert poller(answer.text, "run") == ""
    assert "It took 3 min 12 s." in answer.text
    assert "/results/1/download" in Markup(answer.text).links()
    assert "Succeeded" in Markup(answer.text).text.split("Run 1 of")[1], "the announcement"


def test_the_log_grows_at_its_end_and_stops_with_the_run(admin: Reader, make_job: MakeJob, play: Play) -> None:
    assignment = play.begin(make_job())
    write(play, assignment, 3)
    html = admin.get(f"/runs/{assignment.run_id}").text
    assert "line 3" in html
    path = poller(html, "log-poll")
    assert path == f"/runs/{assignment.run_id}/log?after=3"
    assert admin.part(path).status_code == 204

    write(play, assignment, 2, start=4)
    answer = admin.part(path)
    assert ["line 3" in answer.text, "line 4" in answer.text, "line 5" in answer.text] == [False, True, True]
    path = poller(answer.text, "log-poll")
    assert path.endswith("after=5")

    play.end(assignment)
    answer = admin.part(path)
    assert answer.status_code == 200
    assert poller(answer.text, "log-poll") == ""


def test_a_long_log_shows_its_end_and_links_to_what_is_before(admin: Reader, make_job: MakeJob, play: Play) -> None:
    assignment = play.begin(make_job())
    write(play, assignment, 1200)
    play.end(assignment)
    page = admin.page(f"/runs/{assignment.run_id}")
    assert "line 701\n" in page.text
    assert "line 700\n" not in page.text
    assert f"/runs/{assignment.run_id}?from=200" in page.links()
    earlier = admin.page(f"/runs/{assignment.run_id}?from=200")
    assert "line 201\n" in earlier.text
    assert "line 701\n" not in earlier.text
    assert f"/runs/{assignment.run_id}?from=700" in earlier.links()


def test_a_log_says_what_is_left_out_of_it(admin: Reader, make_job: MakeJob, play: Play, services: Services) -> None:
    assignment = play.begin(make_job())
    write(play, assignment, 300)
    lines = [LogLine(play.clock(), "info", f"line {number}") for number in range(12_646, 13_146)]
    play.services.engine.deliver([Logged(assignment.run_id, assignment.token, lines, 12_345, Kept(300, 500))])
    play.services.engine.record()
    play.end(assignment)
    path = f"/runs/{assignment.run_id}"

    newest = admin.page(path)
    assert "line 12646\n" in newest.text
    assert f"{path}?from=0" in newest.links()

    whole = admin.page(f"{path}?from=0")
    assert "line 300\n12,345 lines left out here" in whole.text.replace("\n\n", "\n")

    with services.db.transaction() as session:
        session.execute(delete(LogEntry))
    assert "13,145 lines, removed since" in admin.get(path).text


def test_a_burst_of_lines_at_the_end_is_sent_completely(admin: Reader, make_job: MakeJob, play: Play) -> None:
    assignment = play.begin(make_job())
    path = poller(admin.get(f"/runs/{assignment.run_id}").text, "log-poll")
    write(play, assignment, 1100)
    play.end(assignment)
    seen = 0
    while path:
        answer = admin.part(path)
        seen += answer.text.count("<li")
        path = poller(answer.text, "log-poll")
    assert seen == 1100


def test_what_a_job_prints_is_out_of_reach_of_htmx(admin: Reader, make_job: MakeJob, play: Play) -> None:
    assignment = play.begin(make_job())
    line = LogLine(play.clock(), "info", "<div hx-get=/logout hx-trigger=load>")
    play.services.engine.deliver([Logged(assignment.run_id, assignment.token, [line])])
    play.services.engine.record()
    html = admin.get(f"/runs/{assignment.run_id}").text
    assert "&lt;div hx-get=/logout" in html
    assert "hx-disable" in Markup(html).find("ol", id="log-lines")[0]


def test_a_run_that_did_not_succeed_says_why(admin: Reader, make_job: MakeJob, play: Play) -> None:
    job = make_job()
    for reason in FailureReason:
        run_id = play.run(job, RunStatus.FAILED, reason=reason, error="no such table: visitz")
        answer = admin.get(f"/runs/{run_id}")
        assert FAILURES[reason] in answer.text
        assert "no such table: visitz" in answer.text
        assert poller(answer.text, "run") == ""


def test_a_run_is_cancelled_by_a_user(user: Reader, make_job: MakeJob, play: Play, services: Services) -> None:
    run_id = play.begin(make_job()).run_id
    assert user.post(f"/runs/{run_id}/cancel").location == f"/runs/{run_id}"
    assert services.runs.get(run_id).cancelled_by == "uma"
    page = user.page(f"/runs/{run_id}")
    assert "uma asked for its end" in page.text
    assert page.find("button", id=f"b-runs-{run_id}-cancel")[0].keys() >= {"disabled"}


def test_a_run_that_is_over_cannot_be_cancelled(user: Reader, make_job: MakeJob, play: Play) -> None:
    run_id = play.run(make_job())
    answer = user.post(f"/runs/{run_id}/cancel")
    assert answer.status_code == 409
    assert "The run has already succeeded." in answer.text


def test_a_run_is_repeated_with_its_own_parameters(
    user: Reader, make_job: MakeJob, play: Play, services: Services
) -> None:
    job = make_job()
    old = services.runs.request(job.uid, "ada", parameters={"parameters": {"region": "south"}})
    services.engine.dispatch()
    play.end(play.executor.assignments[-1])
    answer = user.post(f"/runs/{old.id}/again")
    assert answer.location == f"/runs/{old.id + 1}"
    assert services.runs.get(old.id + 1).parameters["parameters"] == {"region": "south"}


def test_the_list_goes_on_by_keys_and_ends(admin: Reader, make_job: MakeJob, play: Play) -> None:
    job = make_job()
    for _ in range(120):
        play.run(job)
    seen: list[str] = []
    path: str | None = f"/runs?job={job.uid}"
    while path:
        page = admin.page(path)
        seen += [given["id"] or "" for given in page.find("tr") if given.get("id")]
        path = next((link for link in page.links() if "before=" in link), None)
        assert path is None or f"job={job.uid}" in path
    assert seen == [f"run-{number}" for number in range(120, 0, -1)]


def test_only_the_newest_page_polls(admin: Reader, make_job: MakeJob, play: Play) -> None:
    play.run(make_job())
    assert poller(admin.get("/runs").text, "runs")
    assert not poller(admin.get("/runs?before=99").text, "runs")


def test_the_filters(admin: Reader, make_job: MakeJob, play: Play, services: Services, clock: FakeClock) -> None:
    play.run(make_job("Alpha"))  # 2 March, 13:00 in Paris
    clock.advance(days=1, hours=10, minutes=30)  # 3 March, 23:30 in Paris
    beta = play.run(make_job("Beta"), RunStatus.FAILED)
    with services.db.transaction() as session:
        run = services.runs.get(beta)
        session.merge(run).origin = Origin.TRIGGER
    admin.log_in("ada")  # a day has passed

    def shown(query: str) -> list[str]:
        page = Markup(admin.part(f"/runs?{query}").text)
        return [name for name in ("Alpha", "Beta") if name in page.text]

    assert shown("state=failed") == ["Beta"]
    assert shown("state=active") == []
    assert shown("text=alph") == ["Alpha"]
    assert shown("origin=manual") == ["Alpha"]
    assert shown("from=2026-03-03") == ["Beta"]
    assert shown("to=2026-03-02") == ["Alpha"]
    assert shown("from=2026-03-03&to=2026-03-03") == ["Beta"]
    assert shown("from=2026-03-04") == []
