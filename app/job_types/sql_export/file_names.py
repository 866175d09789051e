"""What a result file is called. On disk Carillon names files itself; this is the name that a person downloads."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

MAX_BYTES = 150
_UNSAFE = re.compile(r'[\\/:*?"<>|]+')
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_MOMENT = {
    "moment": "%Y%m%dT%H%MZ", "date": "%Y-%m-%d", "time": "%H%M", "year": "%Y", "month": "%m", "day": "%d",
    "hour": "%H", "minute": "%M", "week": "%V",
}  # fmt: skip
_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,10}$")
_PACKED = re.compile(r"(?i)\.(gz|zst)$")
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\.|$)")  # names of devices on Windows


@dataclass(frozen=True)
class Naming:
    """What a template may speak of."""

    job_name: str
    run_id: int
    scheduled_for: datetime | None  # aware; a name shows it in UTC
    values: Mapping[str, Any] = field(default_factory=dict)  # of the query's binds

    def parts(self) -> dict[str, str]:
        moment = {
            key: self.scheduled_for.astimezone(UTC).strftime(pattern) if self.scheduled_for else ""
            for key, pattern in _MOMENT.items()
        }
        values = {f":{name}": "" if value is None else str(value) for name, value in self.values.items()}
        return {**moment, "job": self.job_name, "run": str(self.run_id), **values}


def result_name(
    template: str | None, naming: Naming, suffix: str = ".csv", packed: str = "", *, only: bool = False
) -> str:
    """Give a safe name: the template filled in, else the job's with the UTC moment (``flights-20260701T0300Z.csv``).

    ``suffix`` is taken where the template has none, or always (``only``: no program opens the file without it).
    ``packed`` is that of the compression, as ``.gz``: it tells the truth, whatever the template ends with.
    """
    parts = naming.parts()
    default = naming.job_name + (f"-{parts['moment']}" if parts["moment"] else "")
    wanted = _PLACEHOLDER.sub(lambda found: parts.get(found[1], ""), template) if template else ""
    name = _safe(_PACKED.sub("", wanted.strip() or default))
    if only:
        return f"{name.removesuffix(suffix)}{suffix}"
    return (name if wanted and _SUFFIX.search(name) else f"{name}{suffix}") + packed


def tells_runs_apart(template: str | None) -> bool:
    """Say whether runs at different moments give files of different names; the default name does."""
    return not template or bool({*_MOMENT, "run"}.intersection(_PLACEHOLDER.findall(template)))


def unknown_placeholders(template: str, values: Iterable[str] = ()) -> list[str]:
    known = {*_MOMENT, "job", "run", *(f":{name}" for name in values)}
    return [name for name in _PLACEHOLDER.findall(template) if name not in known]


def placeholder_words(values: Iterable[str] = ()) -> str:
    return ", ".join(f"{{{name}}}" for name in (*_MOMENT, "job", "run", *(f":{name}" for name in values)))


def _safe(name: str) -> str:
    # Control characters and those that turn the direction of writing (Cc, Cf) can disguise what a file is.
    signs = unicodedata.normalize("NFC", name)
    seen = "".join(sign for sign in signs if unicodedata.category(sign) not in ("Cc", "Cf", "Cs"))
    name = _UNSAFE.sub("_", seen).strip(" .") or "export"
    return _shortened(f"_{name}" if _RESERVED.match(name) else name)


def _shortened(name: str) -> str:
    if len(name.encode()) <= MAX_BYTES:
        return name
    suffix = _SUFFIX.search(name)
    ending = suffix.group() if suffix else ""
    return name.encode()[: MAX_BYTES - len(ending.encode())].decode(errors="ignore") + ending
