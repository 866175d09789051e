"""The file: a zip archive that is there only when it is complete, and whose manifest has a checksum of each member."""

import hashlib
import json
import os
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from app.core.errors import ConflictError, InvalidError

MANIFEST = "manifest.json"
FORMAT = 1
LARGEST_MANIFEST = 100_000_000  # bytes: some 500,000 result files
CHUNK = 1 << 20
FASTEST = 1
"""Of zlib's levels: it takes a third of the time of the usual one, for a file that is a tenth larger."""
PACKED = (".gz", ".zst", ".xlsx", ".parquet", ".zip")
Write = Callable[[bytes], None]


class Writer:
    """Writes ``FILE.part``; ``finish`` makes it ``FILE``. To leave it without that leaves nothing."""

    def __init__(self, path: Path) -> None:
        """Raises ``ConflictError`` where there is a file that is no backup, and ``OSError``."""
        if path.exists() and not is_backup(path):
            raise ConflictError(f"{str(path)!r} is there already and is no backup of Carillon; it is left as it is")
        self.path = path
        self.part = path.with_name(f"{path.name}.part")
        self.members: dict[str, dict[str, Any]] = {}
        flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
        self._file = os.fdopen(os.open(self.part, flags, 0o600), "w+b")
        self._zip = zipfile.ZipFile(self._file, "w", zipfile.ZIP_DEFLATED, compresslevel=FASTEST)

    @contextmanager
    def member(self, name: str) -> Iterator[Write]:
        """Give the function that writes the next bytes of a member."""
        checksum, size = hashlib.sha256(), 0
        packed = zipfile.ZipInfo(name) if name.endswith(PACKED) else name  # such a one is stored as it is
        with self._zip.open(packed, "w", force_zip64=True) as stream:

            def write(data: bytes) -> None:
                nonlocal size
                stream.write(data)
                checksum.update(data)
                size += len(data)

            yield write
        self.members[name] = {"size": size, "sha256": checksum.hexdigest()}

    def finish(self, manifest: dict[str, Any]) -> None:
        said = {"format": FORMAT, **manifest, "members": self.members}
        self._zip.writestr(MANIFEST, json.dumps(said, indent=1))
        self._zip.close()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        os.replace(self.part, self.path)
        sync_folder(self.path.parent)

    def discard(self) -> None:
        """After ``finish`` there is nothing left to do."""
        with suppress(OSError, ValueError):  # the disk may be full: what closing would write is not wanted
            self._file.close()
        self._zip.fp = None  # else it would try to end the archive when it is collected
        with suppress(FileNotFoundError):
            self.part.unlink()


class Reader:
    """An archive that was written; ``manifest`` is what it says of itself."""

    def __init__(self, path: Path) -> None:
        """Raises ``InvalidError`` for what is no backup, or one of a format that is not known, and ``OSError``."""
        self.path = path
        try:
            self._zip = zipfile.ZipFile(path)
            with self._zip.open(MANIFEST) as stream:
                self.manifest: dict[str, Any] = json.loads(stream.read(LARGEST_MANIFEST))
            known = self.manifest["format"]
        except (zipfile.BadZipFile, KeyError, ValueError, TypeError, EOFError, NotImplementedError) as error:
            raise InvalidError.of("file", f"{str(path)!r} is no whole backup of Carillon: {error}") from None
        if known != FORMAT:
            raise InvalidError.of("file", f"{str(path)!r} has the format {known!r}, this version knows {FORMAT}")
        if not _is_whole_manifest(self.manifest):
            raise InvalidError.of("file", f"{str(path)!r} is no whole backup of Carillon: its manifest is damaged")

    def close(self) -> None:
        self._zip.close()

    def __contains__(self, name: str) -> bool:
        return name in self.manifest["members"]

    def open(self, name: str) -> IO[bytes]:
        return self._zip.open(name)

    def read(self, name: str) -> bytes:
        return self._zip.read(name)

    def check(self) -> None:
        """Compare every member with its checksum. Raises ``InvalidError`` with all that differ."""
        listed, there = set(self.manifest["members"]), set(self._zip.namelist()) - {MANIFEST}
        wrong = [f"{name} is missing" for name in sorted(listed - there)]
        wrong += [f"{name} is not in its manifest" for name in sorted(there - listed)]
        wrong += [f"{name} is damaged" for name in sorted(listed & there) if not self._is_whole(name)]
        if wrong:
            raise InvalidError.of("file", f"{str(self.path)!r} is damaged: {', '.join(wrong[:20])}")

    def _is_whole(self, name: str) -> bool:
        checksum = hashlib.sha256()
        try:
            with self._zip.open(name) as stream:
                while data := stream.read(CHUNK):
                    checksum.update(data)
        except (zipfile.BadZipFile, EOFError, OSError, ValueError, NotImplementedError):
            return False
        except Exception as error:  # zlib.error and its like have no common root
            if type(error).__name__ != "error":
                raise
            return False
        return bool(checksum.hexdigest() == self.manifest["members"][name]["sha256"])


def _is_whole_manifest(said: dict[str, Any]) -> bool:
    """Whoever reads on need not ask again whether a part is there."""
    try:
        tables, members = said["tables"].values(), said["members"].values()
        listed = all(isinstance(each["columns"], list) and isinstance(each["rows"], int) for each in tables)
        summed = all(isinstance(each["sha256"], str) for each in members)
        is_aware = datetime.fromisoformat(said["made_at"]).tzinfo is not None
        named = isinstance(said["revision"], str) and isinstance(said["sequences"], dict)
    except (KeyError, TypeError, ValueError, AttributeError):
        return False
    return listed and summed and is_aware and named


def is_backup(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return MANIFEST in archive.namelist()
    except (zipfile.BadZipFile, OSError):
        return False


def sync_folder(folder: Path) -> None:
    """So that a renamed file keeps its name over a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
