"""Make the environment in .venv from what is locked, with whatever this machine has.

    python3 tools/environment.py runtime    what `make run` needs
    python3 tools/environment.py dev        that, and what tests, checks and benchmarks need
    python3 tools/environment.py lock       lock again and export; needs uv or a registry that has it
    python3 tools/environment.py check      fail when the lock does not fit pyproject.toml, or the exports not the lock

``uv.lock`` is the truth. It is installed by the uv on PATH, or by a uv that pip fetches into .uv, or, where no uv can
be had, by pip from the hash-pinned exports of the lock. Standard library only: it runs before anything is installed.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
VENV_PYTHON = VENV / "bin" / "python"
FETCHED_UV = ROOT / ".uv" / "bin" / "uv"
UV_PIN = ROOT / "tools" / "uv.txt"

OLDEST_PYTHON = (3, 11)
OLDEST_UV = (0, 8)  # reads a lock of this revision and knows every option used here

UV_SYNC = {
    # --inexact: the tools of an earlier `make test` stay
    "runtime": ["--all-extras", "--no-default-groups", "--inexact"],
    "dev": ["--all-extras", "--all-groups"],
}
EXPORTS = {
    "requirements.txt": ["--all-extras", "--no-default-groups"],
    "requirements-dev.txt": ["--all-extras", "--all-groups"],
}
EXPORT_OF = {"runtime": "requirements.txt", "dev": "requirements-dev.txt"}
INCLUDES = {"runtime": ["runtime"], "dev": ["runtime", "dev"]}


class InstallError(Exception):
    """One way to install did not work; its text says why."""


def main(arguments: list[str]) -> int:
    if sys.version_info < OLDEST_PYTHON:
        return fail(python_is_too_old())
    commands = {"runtime": install, "dev": install, "lock": lock, "check": check}
    if len(arguments) != 1 or arguments[0] not in commands:
        return fail(__doc__ or "")
    os.chdir(ROOT)
    try:
        commands[arguments[0]](arguments[0])
    except InstallError as error:
        return fail(str(error))
    return 0


def install(level: str) -> None:
    """Install unless the stamp says that exactly this is there; then only freshen the stamp, which needs no network."""
    fresh_start = os.environ.get("PYTHON_IS_GIVEN") and VENV_PYTHON.exists() and not same_python()
    if fresh_start or moved() or not usable(VENV_PYTHON):
        shutil.rmtree(VENV, ignore_errors=True)
    if read(stamp(level)) != fingerprint():
        install_anew(level)
    for included in INCLUDES[level]:
        stamp(included).write_text(fingerprint())


def install_anew(level: str) -> None:
    """Try the three ways in turn; the first that works wins."""
    for included in INCLUDES:
        stamp(included).unlink(missing_ok=True)
    complaints = []
    for way in (with_uv_on_path, with_fetched_uv, with_pip):
        try:
            way(level)
        except InstallError as error:
            complaints.append(f"{way.__name__.replace('_', ' ')}: {error}")
        else:
            return
    raise InstallError("could not install what is locked\n  " + "\n  ".join(complaints))


def with_uv_on_path(level: str) -> None:
    uv_sync(uv_on_path(), level)


def with_fetched_uv(level: str) -> None:
    uv_sync(fetched_uv(), level)


def with_pip(level: str) -> None:
    say("no uv: installing with pip from the hash-pinned export of the lock")
    if not VENV_PYTHON.exists():
        # without pip inside: some systems ship venv without ensurepip, and the outer pip installs into it as well
        run([sys.executable, "-m", "venv", "--without-pip", str(VENV)])
    pip = [sys.executable, "-m", "pip", "--python", str(VENV_PYTHON), "install", "--no-deps", "-q"]
    run([*pip, "--require-hashes", "-r", EXPORT_OF[level]])
    run([*pip, "-e", "."])


def uv_on_path() -> Path:
    found = shutil.which("uv")
    if found is None:
        raise InstallError("not on PATH")
    return recent(Path(found))


def fetched_uv() -> Path:
    if not usable(FETCHED_UV):
        say("fetching uv into .uv")
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--upgrade", "--target", str(ROOT / ".uv")]
        run([*pip, "--only-binary", ":all:", "--require-hashes", "-r", str(UV_PIN)], quiet=True)
    return recent(FETCHED_UV)


def recent(uv: Path) -> Path:
    """Give uv back, or raise: a shim may lead nowhere, and an old uv does not read the lock."""
    answer = output_of([str(uv), "--version"])
    found = re.search(r"(\d+)\.(\d+)", answer)
    if not found:
        raise InstallError(f"{uv} does not run")
    if tuple(map(int, found.groups())) < OLDEST_UV:
        raise InstallError(f"{uv} is too old: {answer.strip()}, {'.'.join(map(str, OLDEST_UV))} is needed")
    return uv


def uv_sync(uv: Path, level: str) -> None:
    python = VENV_PYTHON if VENV_PYTHON.exists() else Path(sys.executable)
    say(f"installing what is locked with {uv}")
    # compiled now, so that the first start is as fast as a later one
    run([str(uv), "sync", "--quiet", "--frozen", "--compile-bytecode", "--python", str(python), *UV_SYNC[level]])


def lock(_: str) -> None:
    """Lock again, and export the lock for pip. The exports carry hashes and no index address."""
    uv = str(any_uv())
    run([uv, "lock"])
    for name in EXPORTS:
        (ROOT / name).write_text(exported(uv, name), encoding="utf-8")


def check(_: str) -> None:
    uv = str(any_uv())
    run([uv, "lock", "--check"])
    for name in EXPORTS:
        if read(ROOT / name) != exported(uv, name):
            raise InstallError(f"{name} is not what uv.lock says: make lock")


def exported(uv: str, name: str) -> str:
    command = [uv, "export", "--frozen", "--no-emit-project", "--no-header", "--no-annotate", *EXPORTS[name]]
    pins = output_of(command)
    if not pins:
        raise InstallError(f"{uv} cannot export uv.lock")
    return f"# From uv.lock, by `make lock`. Install with --no-deps: some names here are never needed.\n{pins}"


def any_uv() -> Path:
    try:
        return uv_on_path()
    except InstallError:
        return fetched_uv()


def run(command: list[str], *, quiet: bool = False) -> None:
    finished = subprocess.run(command, env=environment(), check=False, capture_output=quiet, text=True)
    if finished.returncode:
        last_words = (finished.stderr or "").strip().rpartition("\n")[2]
        raise InstallError(f"{' '.join(command[:4])} ... ended with {finished.returncode} {last_words}".rstrip())


def environment() -> dict[str, str]:
    """The caller's environment without what would lead uv or pip to another place than .venv."""
    misleading = ("VIRTUAL_ENV", "PYTHONHOME", "PYTHONPATH")
    kept = {name: value for name, value in os.environ.items() if name not in misleading}
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path(os.path.expanduser("~")) / ".cache")
    if not writable(cache):
        kept.setdefault("UV_CACHE_DIR", str(ROOT / ".uv" / "cache"))
        kept.setdefault("PIP_NO_CACHE_DIR", "1")
    return kept | {
        "UV_PROJECT_ENVIRONMENT": str(VENV),
        "PIP_REQUIRE_VIRTUALENV": "0",
        "PIP_USER": "0",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_ROOT_USER_ACTION": "ignore",
    }


def writable(folder: Path) -> bool:
    """Whether this folder can be written, or made."""
    existing = next(place for place in (folder, *folder.parents) if place.exists())
    return os.access(existing, os.W_OK | os.X_OK)


def fingerprint() -> str:
    """Where .venv is, and a digest of all that decides what is in it."""
    inputs = [ROOT / name for name in ("pyproject.toml", "uv.lock", *EXPORTS)]
    return f"{ROOT}\n{hashlib.sha256(''.join(map(read, inputs)).encode()).hexdigest()}\n"


def stamp(level: str) -> Path:
    return VENV / f"installed-{level}"


def moved() -> bool:
    """Whether .venv was copied here from another folder: its scripts would start that folder's Python."""
    return any(not read(file).startswith(f"{ROOT}\n") for file in VENV.glob("installed-*"))


def same_python() -> bool:
    return output_of([str(VENV_PYTHON), "-V"]) == output_of([sys.executable, "-V"])


def usable(program: Path) -> bool:
    return bool(output_of([str(program), "--version"]))


def output_of(command: list[str]) -> str:
    """What the command prints; nothing if it cannot be started or fails."""
    try:
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout
    except (OSError, subprocess.SubprocessError):
        return ""


def read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def python_is_too_old() -> str:
    names = [f"python3.{minor}" for minor in range(20, OLDEST_PYTHON[1] - 1, -1)]
    better = next((name for name in names if shutil.which(name)), "python3.12")
    mine, oldest = (".".join(map(str, version[:2])) for version in (sys.version_info, OLDEST_PYTHON))
    return (
        f"Carillon needs Python {oldest} or newer, {sys.executable} is {mine}; name another: make run PYTHON={better}"
    )


def say(text: str) -> None:
    sys.stderr.write(text + "\n")


def fail(text: str) -> int:
    say(text)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
