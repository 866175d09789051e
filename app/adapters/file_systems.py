"""Which file system holds a file: SQLite's locks and its shared memory are not to be trusted over a network.

The names come from the kernel's list of mounts. The numbers that ``statfs`` gives would not do: everything in user
space (sshfs, but also NTFS on a local disk) has the same one.
"""

import os
import re
from pathlib import Path

from app.core.errors import StartRefusedError

MOUNTS = Path("/proc/self/mountinfo")
OVER_A_NETWORK = frozenset(
    {
        "nfs", "nfs4", "cifs", "smb", "smb2", "smb3", "smbfs", "ncpfs", "afs", "coda", "ceph", "lustre", "glusterfs",
        "beegfs", "gpfs", "panfs", "pvfs2", "orangefs", "9p",
    }
)  # fmt: skip
IN_USER_SPACE = frozenset(
    {
        "sshfs", "glusterfs", "ceph", "ceph-fuse", "s3fs", "s3ql", "goofys", "gcsfuse", "blobfuse", "blobfuse2",
        "rclone", "davfs", "davfs2", "smbnetfs", "curlftpfs", "juicefs", "mfs", "moosefs", "lizardfs", "seaweedfs",
        "hdfs", "mount-s3", "gvfsd-fuse",
    }
)  # fmt: skip


def refuse_network(path: Path, mounts: Path = MOUNTS) -> None:
    """Raise ``StartRefusedError`` where ``path``, which need not exist yet, would lie on another machine's disk."""
    kind = kind_of(path, mounts)
    if kind is not None and is_network(kind):
        raise StartRefusedError(
            f"the database {str(path)!r} would lie on a network file system ({kind}), where SQLite's locks do not hold:"
            " two servers could run every job twice and damage the database. Put CARILLON_DATA_DIR on a local disk, or"
            " use PostgreSQL (CARILLON_DATABASE_URL). Where you know that its locks and shared memory are sound, and"
            " that no other machine has it: CARILLON_NETWORK_FILES=allow"
        )


def is_network(kind: str) -> bool:
    return kind in OVER_A_NETWORK or kind.removeprefix("fuse.") in IN_USER_SPACE


def kind_of(path: Path, mounts: Path = MOUNTS) -> str | None:
    """Name the file system, as ``mount`` does: ``ext4``, ``nfs4``, ``fuse.sshfs``. ``None`` where that is unknown."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:  # not on Linux
        return None
    place, found = os.path.realpath(path), None
    longest = -1
    for line in lines:
        point, kind = _mount(line)
        if len(point) >= longest and _is_below(place, point):  # of two on one point the later one hides the other
            longest, found = len(point), kind
    return found


def _mount(line: str) -> tuple[str, str]:
    """The mount point and the kind of a line of ``/proc/self/mountinfo``, see proc(5)."""
    before, _, after = line.partition(" - ")
    point = re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), before.split(" ")[4])
    return point, after.split(" ")[0]


def _is_below(place: str, point: str) -> bool:
    return place == point or place.startswith(point if point.endswith("/") else f"{point}/")
