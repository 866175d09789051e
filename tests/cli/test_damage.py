"""What has to be put right first ends every command with a status of its own."""

from pathlib import Path

from tests.cli.console import Carillon


def test_a_damaged_database_is_not_started_from(carillon: Carillon, tmp_path: Path) -> None:
    (tmp_path / "data" / "carillon.db").write_bytes(b"no database " * 1000)

    done = carillon("serve", CARILLON_PORT="1")

    assert done.returncode == 78
    assert "carillon restore FILE --replace" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_lost_key_is_replaced_only_when_somebody_says_so(carillon: Carillon, tmp_path: Path) -> None:
    carillon("connection", "add", "clinic", "postgresql://u@db.example/x", "--password-file", "-", text="secret\n")
    (tmp_path / "data" / "secret.key").unlink()

    refused = carillon("connection", "list")
    made = carillon("new-key")
    again = carillon("new-key")

    assert (refused.returncode, "carillon new-key" in refused.stderr) == (78, True)
    assert (made.returncode, again.returncode) == (0, 1)
    assert carillon("connection", "list").returncode == 0
