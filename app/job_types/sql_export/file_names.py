"""What a result file is called. On disk Carillon names files itself; this is the name that a person downloads."""

import re
import unicodedata
from datetime import datetime

MAX_BYTES = 150
_UNSAFE = re.compile(r'[\\/:*?"<>|]+')
_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,10}$")
_PACKED = re.compile(r"(?i)\.(gz|zst)$")
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\.|$)")  # names of devices on Windows


def result_name(wanted: str | None, job_name: str, scheduled_for: datetime | None, packed: str = "") -> str:
    """Give a safe name: the wanted one, else the job's with the UTC moment (``nightly-flights-20260701T0300Z.csv``).

    ``packed`` is the suffix of the compression, as ``.gz``: it tells the truth, whatever the wanted name ends with.
    """
    moment = f"{scheduled_for:-%Y%m%dT%H%MZ}" if scheduled_for else ""
    name = _safe(_PACKED.sub("", wanted or job_name + moment))
    return (name if wanted and _SUFFIX.search(name) else f"{name}.csv") + packed


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
