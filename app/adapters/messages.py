"""What server, warden and workers write to each other: one JSON object a line, ``{"<kind>": <body>}``.

JSON and not pickle: a message can carry data only. The kind stands first, so that the warden can pass a line on unread.
"""

import json
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.core.execution import Ending
from app.core.log_cap import Kept, LogLimits, LogSoFar
from app.core.ports import Alive, Assignment, Ended, Logged, LogLine, MadeFile, Progressed, Report, Started, Unbegun
from app.core.statuses import FailureReason, RunStatus

# default=str: parameters and progress values may hold a date or a Decimal.
_encode = json.JSONEncoder(separators=(",", ":"), default=str).encode


def pack(kind: str, body: Any = None) -> bytes:
    return _encode({kind: body}).encode() + b"\n"


def unpack(line: bytes) -> tuple[str, Any]:
    """Raises ``ValueError`` for what is no message."""
    message = json.loads(line)
    if not isinstance(message, dict) or len(message) != 1:
        raise ValueError(f"no message: {line[:100]!r}")
    return next(iter(message.items()))


def is_kind(line: bytes, kind: str) -> bool:
    return line.startswith(b'{"%b"' % kind.encode())


# Assignments


def pack_assignment(assignment: Assignment, slot: int) -> bytes:
    """``slot`` is its place in the spool."""
    return pack(
        "run",
        {
            "slot": slot,
            "run_id": assignment.run_id,
            "token": assignment.token,
            "job_id": assignment.job_id,
            "job_name": assignment.job_name,
            "job_type": assignment.job_type,
            "parameters": dict(assignment.parameters),
            "connections": dict(assignment.connections),
            "scheduled_for": _text(assignment.scheduled_for),
            "previous_success": _text(assignment.previous_success),
            "timeout_seconds": assignment.timeout_seconds,
            "fire_id": assignment.fire_id,
            "attempt": assignment.attempt,
            "settings": dict(assignment.settings),
            "unique_key": list(assignment.unique_key),
            "log_limits": vars(assignment.log_limits),
            "log_so_far": vars(assignment.log_so_far),
        },
    )


def assignment_of(body: Mapping[str, Any]) -> Assignment:
    return Assignment(
        run_id=body["run_id"],
        token=body["token"],
        job_id=body["job_id"],
        job_name=body["job_name"],
        job_type=body["job_type"],
        parameters=body["parameters"],
        connections=body["connections"],
        scheduled_for=_moment(body["scheduled_for"]),
        previous_success=_moment(body["previous_success"]),
        timeout_seconds=body["timeout_seconds"],
        fire_id=body["fire_id"],
        attempt=body["attempt"],
        settings=body["settings"],
        unique_key=tuple(body["unique_key"]),
        log_limits=LogLimits(**body["log_limits"]),
        log_so_far=LogSoFar(**body["log_so_far"] | {"end": tuple(body["log_so_far"]["end"])}),
    )


# Endings


def ending_body(ending: Ending) -> dict[str, Any]:
    return {"status": ending.status, "reason": ending.reason, "error": ending.error}


def ending_of(body: Mapping[str, Any]) -> Ending:
    reason = body["reason"]
    return Ending(RunStatus(body["status"]), reason and FailureReason(reason), body["error"])


# Reports


def pack_report(report: Report) -> bytes:
    match report:
        case Ended():
            return pack("ended", ended_body(report))
        case Logged():
            lines = [(line.at.isoformat(), line.level, line.message) for line in report.lines]
            kept = report.kept and (report.kept.beginning, report.kept.end)
            return pack("logged", (report.run_id, report.token, lines, report.left_out, kept))
        case Progressed():
            return pack("progressed", (report.run_id, report.token, report.at.isoformat(), dict(report.values)))
        case Started():
            at = report.at.isoformat()
            return pack("started", (report.run_id, report.token, at, report.pid, report.start_ticks))
        case Alive():
            return pack("alive", (report.at.isoformat(), report.runs))
        case Unbegun():
            raise ValueError("only the server gives attempts back")


def report_of(line: bytes) -> Report:
    """Raises ``ValueError`` for what is no report."""
    kind, body = unpack(line)
    try:
        return _READERS[kind](body)
    except (KeyError, TypeError, IndexError) as error:
        raise ValueError(f"no report: {line[:100]!r}") from error


def ended_body(report: Ended) -> dict[str, Any]:
    return {
        "run_id": report.run_id,
        "token": report.token,
        "at": report.at.isoformat(),
        "status": report.status,
        "reason": report.reason,
        "error": report.error,
        "files": [vars(file) for file in report.files],
    }


def ended_of(body: Mapping[str, Any]) -> Ended:
    ending = ending_of(body)
    return Ended(
        run_id=body["run_id"],
        token=body["token"],
        at=datetime.fromisoformat(body["at"]),
        status=ending.status,
        reason=ending.reason,
        error=ending.error,
        files=tuple(map(_file_of, body["files"])),
    )


def _file_of(body: Mapping[str, Any]) -> MadeFile:
    lists = {name: None if body[name] is None else tuple(body[name]) for name in ("columns", "types")}
    return MadeFile(**{**body, **lists})


def _logged_of(body: Sequence[Any]) -> Logged:
    run_id, token, lines, left_out, kept = body
    said = tuple(LogLine(datetime.fromisoformat(at), level, text) for at, level, text in lines)
    return Logged(run_id, token, said, left_out, kept and Kept(*kept))


def _progressed_of(body: Sequence[Any]) -> Progressed:
    run_id, token, at, values = body
    return Progressed(run_id, token, datetime.fromisoformat(at), values)


def _started_of(body: Sequence[Any]) -> Started:
    run_id, token, at, pid, start_ticks = body
    return Started(run_id, token, datetime.fromisoformat(at), pid, start_ticks)


def _alive_of(body: Sequence[Any]) -> Alive:
    at, runs = body
    return Alive(datetime.fromisoformat(at), tuple((run_id, token) for run_id, token in runs))


_READERS: Mapping[str, Callable[[Any], Report]] = {
    "ended": ended_of,
    "logged": _logged_of,
    "progressed": _progressed_of,
    "started": _started_of,
    "alive": _alive_of,
}


def _text(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


# Settings: the first line that a warden reads


@dataclass(frozen=True)
class WardenSettings:
    """Times are seconds."""

    workers: int
    spool: str
    results: str
    cooperative: float = 5.0  # from the request to end until the tree gets SIGTERM
    terminate: float = 3.0  # from SIGTERM until SIGKILL
    bereaved: float = 0.5  # instead of both, once the server is gone
    hopeless: float = 6.0  # after this long what does not die (another user's, stuck in the kernel) is given up
    heartbeat: float = 2.0


def pack_settings(settings: WardenSettings) -> bytes:
    return pack("settings", vars(settings))


def read_settings(server: socket.socket) -> WardenSettings:
    """Read the first line and not a byte more: what follows belongs to the warden."""
    with server.makefile("rb", buffering=0) as lines:
        _, body = unpack(lines.readline())
    return WardenSettings(**body)
