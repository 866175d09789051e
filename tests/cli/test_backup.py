"""carillon backup, restore and wake, in a terminal."""

from pathlib import Path

from tests.cli.console import Carillon


def test_a_house_is_backed_up_checked_restored_and_woken(carillon: Carillon, tmp_path: Path) -> None:
    carillon("connection", "add", "clinic", "postgresql://u@db.example/x", "--password-file", "-", text="secret\n")
    file = str(tmp_path / "b.zip")

    made = carillon("backup", file)
    checked = carillon("restore", file, "--check")
    refused = carillon("restore", file)
    restored = carillon("restore", file, "--replace")
    shown = carillon("wake")
    woken = carillon("wake", "--skip-missed")
    again = carillon("wake", "--by-rules")

    assert "no result files (--with-results)" in made.stdout
    assert "It holds the secret key" in made.stdout
    assert "can be restored" in checked.stdout
    assert (refused.returncode, "--replace keeps it aside" in refused.stderr) == (1, True)
    assert "Kept aside: " in restored.stdout
    assert "It is asleep" in restored.stdout
    assert "Nothing was due since then." in shown.stdout
    assert woken.stdout == "Carillon is awake.\n"
    assert (again.returncode, "awake already" in again.stderr) == (1, True)
    assert all("Traceback" not in done.stderr for done in (made, checked, refused, restored, shown, woken, again))


def test_what_is_no_backup_is_said_in_one_line(carillon: Carillon, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("words")

    for name, words in (("thesis.txt", "no whole backup"), ("nothing.zip", "No such file")):
        done = carillon("restore", str(tmp_path / name), "--check")
        assert (done.returncode, words in done.stderr, "Traceback" in done.stderr) == (1, True, False)
