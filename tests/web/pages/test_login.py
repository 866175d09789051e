"""Log in, log out, and where a reader goes who is not logged in."""

from tests.web.conftest import PASSWORD
from tests.web.pages.conftest import HTMX, Reader


def test_a_reader_who_is_not_logged_in_goes_to_the_login_and_comes_back(nobody: Reader) -> None:
    answer = nobody.get("/runs?state=failed")
    assert (answer.status_code, answer.location) == (303, "/login?next=/runs?state%3Dfailed")

    answer = nobody.log_in("ada", next="/runs?state=failed")
    assert (answer.status_code, answer.location) == (303, "/runs?state=failed")
    assert nobody.get("/runs").status_code == 200


def test_htmx_is_sent_to_the_login_with_the_page_it_was_on(nobody: Reader) -> None:
    headers = {**HTMX, "HX-Current-URL": "http://localhost/jobs?text=x"}
    answer = nobody.get("/jobs?seen=1", headers=headers)
    assert answer.headers["HX-Redirect"] == "/login?next=/jobs?text%3Dx"


def test_a_wrong_password_and_an_unknown_name_are_told_the_same(nobody: Reader) -> None:
    for username in ("ada", "nobody", "", "a" * 3000):
        answer = nobody.log_in(username, "wrong")
        assert answer.status_code == 401
        assert "The name or the password is wrong." in answer.text
        assert not nobody.is_logged_in


def test_the_login_needs_the_token_of_its_form(nobody: Reader) -> None:
    answer = nobody.client.post("/login", data={"username": "ada", "password": PASSWORD})
    assert answer.status_code == 400
    assert not nobody.is_logged_in


def test_a_login_begins_a_session_with_a_token_of_its_own(nobody: Reader) -> None:
    before = nobody.token()
    nobody.log_in("ada")
    answer = nobody.client.post("/jobs/sample", data={"csrf_token": before})
    assert answer.status_code == 400


def test_after_logging_out_the_old_session_is_of_no_use(admin: Reader) -> None:
    with admin.client.session_transaction() as session:
        secret = session["login"]
    assert admin.post("/logout").location == "/login"

    with admin.client.session_transaction() as session:
        session["login"] = secret
    assert admin.get("/jobs").status_code == 303


ELSEWHERE = (
    "//evil.example", "/\\evil.example", "\\\\evil.example", "https:evil.example", "https://evil.example/x",
    "/\t/evil.example", "javascript:alert(1)", "/\r\nX-Evil: 1", "evil", "",
)  # fmt: skip


def test_a_login_never_leads_to_another_server(nobody: Reader) -> None:
    for target in ELSEWHERE:
        answer = nobody.log_in("ada", next=target)
        assert (answer.status_code, answer.location) == (303, "/"), target
        assert "X-Evil" not in answer.headers
        nobody.post("/logout")


def test_the_front_page_leads_to_the_jobs(admin: Reader) -> None:
    assert admin.get("/").location == "/jobs"
    assert admin.get("/login").location == "/"
