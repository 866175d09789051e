"""Texts of errors and logs as they may be stored and shown."""

import re

ERROR_LIMIT = 1000  # characters of the message that people see in lists

# An absolute path of two or more parts, outside of URLs.
_PATH = re.compile(r"(?<![\w:/.])/(?:[^\s/'\"<>:]+/)+([^\s/'\"<>:]*)")


def one_line(error: BaseException) -> str:
    """``TypeName: message`` without directories: where our files are is nobody's business who reads a run's error."""
    message = first_line(error)
    return f"{type(error).__name__}: {message}" if message else type(error).__name__


def first_line(error: BaseException) -> str:
    """The message alone, also without directories; empty when there is none."""
    lines = [line.strip() for line in _text(error).splitlines() if line.strip()]
    return _PATH.sub(r"\1", lines[0][:ERROR_LIMIT]) if lines else ""


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # of a job's own class
        return ""


def storable(text: str, limit: int) -> str:
    """Text that every database can hold: no NUL (PostgreSQL), no lone surrogates (UTF-8), not longer than ``limit``."""
    if len(text) > limit:
        text = f"{text[:limit]} ... ({len(text) - limit} more characters)"
    if not text.isascii():
        text = text.encode("utf-8", "replace").decode()
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")
