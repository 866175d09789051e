"""Mail over a real socket: what is sent, how safely, and what becomes of it where the server is none or a bad one"""

from collections.abc import Callable
from pathlib import Path

import pytest

from app.adapters.mail import Mail
from app.adapters.postman import NobodyThereError, NotTakenError, RefusedError
from app.core.postroom import Due
from app.core.statuses import Channel
from tests.fakes import FakeClock
from tests.notices.mail_server import DROPS, SILENT, certificate, running

DUE = Due(1, "u-1", Channel.MAIL, "ops@clinic.example", "Carillon: “nightly” failed", {
    "text": "It failed.\n.\nA dot alone.", "html": "<p>It failed.</p>",
})  # fmt: skip


def mail(url: str, seconds: float = 5.0, sender: str = "Carillon <carillon@clinic.example>") -> Mail:
    return Mail(url, sender, FakeClock(), seconds)


def test_a_message_arrives_whole() -> None:
    with running() as server:
        mail(f"smtp://127.0.0.1:{server.port}").send(DUE)

    (message,) = server.messages
    assert message["Subject"] == "Carillon: “nightly” failed"
    assert (message["To"], message["From"]) == ("ops@clinic.example", "Carillon <carillon@clinic.example>")
    assert message["Message-ID"] == "<u-1@clinic.example>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert "A dot alone." in message.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert "<p>It failed.</p>" in message.get_body(("html",)).get_content()  # type: ignore[union-attr]
    assert server.recipients == ["<ops@clinic.example>"]
    assert not [command for command in server.commands if command.startswith("AUTH")]


def test_starttls_is_used_where_it_is_offered_and_the_password_goes_over_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls, authority = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))

    with running(tls=tls) as server:
        mail(f"smtp://ada:pass%40word@localhost:{server.port}?starttls=required").send(DUE)

    assert len(server.messages) == 1
    assert [command for command in server.commands if command.startswith("AUTH")]
    assert server.in_the_clear[-1].upper() == "STARTTLS"


def test_smtps_is_tls_from_the_first_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tls, authority = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))

    with running(tls=tls, tls_at_once=True) as server:
        mail(f"smtps://localhost:{server.port}").send(DUE)

    assert (len(server.messages), server.in_the_clear) == (1, [])


def test_a_certificate_that_nobody_vouches_for_is_not_trusted(tmp_path: Path) -> None:
    tls, _ = certificate(tmp_path)

    with running(tls=tls) as server, pytest.raises(NobodyThereError, match="CERTIFICATE_VERIFY_FAILED"):
        mail(f"smtp://ada:word@localhost:{server.port}").send(DUE)

    assert server.messages == []
    assert not [command for command in server.commands if command.startswith("AUTH")]


def test_tls_that_is_required_and_not_offered_ends_the_talk() -> None:
    with running() as server, pytest.raises(NobodyThereError, match="offers no STARTTLS"):
        mail(f"smtp://127.0.0.1:{server.port}?starttls=required").send(DUE)

    assert server.messages == []


def test_a_password_is_not_sent_in_the_clear_to_another_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.adapters.mail._is_here", lambda host: False)

    with running() as server, pytest.raises(NobodyThereError, match="not sent in the clear"):
        mail(f"smtp://ada:word@127.0.0.1:{server.port}").send(DUE)

    assert not [command for command in server.commands if command.startswith("AUTH")]


@pytest.mark.parametrize(
    ("answers", "kind", "words"),
    [
        ({"greeting": "421 busy"}, NotTakenError, "421"),
        ({"MAIL": "451 try later"}, NotTakenError, "451: try later"),
        ({"RCPT": "450 busy mailbox"}, NotTakenError, "450 busy mailbox"),
        ({"RCPT": "550 no such user"}, RefusedError, "550 no such user"),
        ({"DATA": "554 no"}, NotTakenError, "554: no"),
        ({"message": "552 too much"}, NotTakenError, "552: too much"),
        ({"AUTH": "535 wrong password"}, NotTakenError, "535"),
        ({"greeting": DROPS}, NobodyThereError, "closed"),
        ({"MAIL": DROPS}, NobodyThereError, "closed"),
        ({"message": DROPS}, NobodyThereError, "closed"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_a_server_that_does_not_take_it(answers: dict[str, str], kind: type[Exception], words: str) -> None:
    with running(answers=answers) as server, pytest.raises(NotTakenError, match=words) as refused:
        mail(f"smtp://ada:word@127.0.0.1:{server.port}").send(DUE)

    assert type(refused.value) is kind
    assert server.messages == []
    assert "word" not in str(refused.value).replace("password", "")


@pytest.mark.parametrize("command", ["greeting", "EHLO", "MAIL", "message"])
def test_a_server_that_hangs_is_left_after_a_time(command: str) -> None:
    with (
        running(answers={command: SILENT}) as server,
        pytest.raises(NobodyThereError, match=r"did not answer in 0\.3 s"),
    ):
        mail(f"smtp://127.0.0.1:{server.port}", seconds=0.3).send(DUE)


def test_a_message_that_was_taken_counts_as_sent_whatever_follows() -> None:
    with running(answers={"QUIT": DROPS}) as server:
        mail(f"smtp://127.0.0.1:{server.port}").send(DUE)

    assert len(server.messages) == 1


def test_nobody_there(free_port: Callable[[], int]) -> None:
    with pytest.raises(NobodyThereError, match="refused"):
        mail(f"smtp://127.0.0.1:{free_port()}").send(DUE)


def test_without_a_mail_server_it_says_which_setting_is_missing() -> None:
    with pytest.raises(NobodyThereError, match="CARILLON_SMTP_URL"):
        mail("").send(DUE)
