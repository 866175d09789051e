import socket
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from app.adapters.channel import Channel, ChannelClosed
from app.adapters.messages import assignment_of, is_kind, pack_assignment, pack_report, report_of, unpack
from app.core.ports import Alive, Assignment, Ended, Logged, LogLine, MadeFile, Progressed, Report, Started
from app.core.statuses import FailureReason, RunStatus

AT = datetime(2026, 3, 1, 12, 0, 0, 1, tzinfo=UTC)
FILE = MadeFile("ü.csv", "7/1-t-1.csv", "text/csv", 6, "ab" * 32, rows=2, columns=("n", "\n"))
BARE = MadeFile("a.csv", "7/1-t-2.csv", "text/csv", 0, "ab" * 32)

REPORTS: list[Report] = [
    Started(1, "t", AT, 4711, 99),
    Logged(1, "t", (LogLine(AT, "info", "line\nfeed \u2028 ü"), LogLine(AT, "error", ""))),
    Progressed(1, "t", AT, {"stage": "read", "rows": 10**12, "rate": 1.5, "total": None}),
    Alive(AT, ((1, "t"), (2, "u"))),
    Ended(1, "t", AT, RunStatus.SUCCEEDED, files=(FILE, BARE)),
    Ended(1, "t", AT, RunStatus.FAILED, FailureReason.TIMEOUT, "too slow"),
]


@pytest.mark.parametrize("report", REPORTS, ids=lambda report: type(report).__name__)
def test_a_report_comes_out_as_it_went_in_on_one_line(report: Report) -> None:
    line = pack_report(report)

    assert line.count(b"\n") == 1
    assert report_of(line) == report
    assert is_kind(line, type(report).__name__.lower())


@pytest.mark.parametrize("moment", [None, AT, AT.astimezone(timezone(timedelta(hours=-3)))])
def test_an_assignment_comes_out_as_it_went_in(moment: datetime | None) -> None:
    parameters = {"query": "select 'ü'\n", "limit": 3, "deep": {"a": [1, None, True]}}
    wanted = Assignment(1, "t", 7, "ü", "X", parameters, {"db": "sqlite://"}, moment, moment, 1.5)

    kind, body = unpack(pack_assignment(wanted, slot=5))

    assert (kind, body["slot"]) == ("run", 5)
    assert assignment_of(body) == wanted


def test_parameters_that_json_does_not_know_become_text() -> None:
    wanted = Assignment(1, "t", 7, "x", "X", {"price": Decimal("1.50"), "day": AT.date()})

    assert assignment_of(unpack(pack_assignment(wanted, 0))[1]).parameters == {"price": "1.50", "day": "2026-03-01"}


@pytest.mark.parametrize(
    "line", [b"", b"{", b"[]", b"1", b'{"a":1,"b":2}', b'{"ended":{}}', b'{"logged":[1]}', b"\xff"]
)
def test_what_is_no_report_is_refused(line: bytes) -> None:
    with pytest.raises((ValueError, KeyError)):
        report_of(line)


@pytest.fixture
def ends() -> tuple[Channel, socket.socket]:
    here, there = socket.socketpair()
    return Channel(here), there


def test_lines_are_put_together_from_pieces(ends: tuple[Channel, socket.socket]) -> None:
    channel, other = ends
    with other:
        received = []
        for piece in (b"on", b"e\ntwo\nth", b"", b"ree", b"\n"):
            other.send(piece)
            received.append(channel.receive())
        assert channel.receive() == []

    assert received == [[], [b"one", b"two"], [], [], [b"three"]]
    with pytest.raises(ChannelClosed):
        channel.receive()
    channel.close()


def test_what_finds_no_room_is_kept_in_order(ends: tuple[Channel, socket.socket]) -> None:
    channel, other = ends
    lines = [b"%07d\n" % number for number in range(200_000)]
    for start in range(0, len(lines), 1000):
        channel.send(b"".join(lines[start : start + 1000]))
    assert channel.unsent

    received = b""
    while len(received) < 200_000 * 8:
        received += other.recv(1 << 20)
        channel.flush()

    assert received == b"".join(lines)
    assert not channel.unsent
    other.close()
    channel.close()


def test_sending_to_a_closed_end_is_no_error(ends: tuple[Channel, socket.socket]) -> None:
    channel, other = ends
    other.close()

    channel.send(b"x\n")

    assert not channel.unsent
    channel.close()


def test_all_that_was_said_before_the_end_is_drained(ends: tuple[Channel, socket.socket]) -> None:
    channel, other = ends
    other.sendall(b"a\nb\n" + b"c" * 50_000)
    other.sendall(b"\nunfinished")
    assert channel.drain() == [b"a", b"b", b"c" * 50_000]

    other.sendall(b"!\n")
    other.close()

    assert channel.drain() == [b"unfinished!"]
    channel.close()
