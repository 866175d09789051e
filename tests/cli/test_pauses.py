"""carillon pause, resume and pauses, on a database that a server may be using."""

from tests.cli.console import Carillon


def test_everything_is_paused_and_resumed(carillon: Carillon) -> None:
    begun = carillon("pause", "--until", "2099-12-24T18:00", "--why", "the database moves", CARILLON_TIMEZONE="UTC")
    assert (begun.stdout, begun.stderr) == ("Paused everything until 2099-12-24 18:00 UTC.\n", "")

    listed = carillon("pauses", CARILLON_TIMEZONE="UTC").stdout
    assert "everything" in listed
    assert "2099-12-24 18:00 UTC" in listed
    assert "(terminal)" in listed
    assert "the database moves" in listed

    assert carillon("resume").stdout == "Resumed everything.\n"
    again = carillon("resume")
    assert (again.returncode, again.stderr) == (1, "Error: there is no pause of everything; see: carillon pauses\n")


def test_what_cannot_be_paused_is_said_in_one_line(carillon: Carillon) -> None:
    for arguments, status, words in (
        (["--job", "none"], 2, "no job named 'none'"),
        (["--group", "none"], 1, "there is no job in a group 'none'"),
        (["--trigger", "7"], 1, "no trigger 7"),
        (["--group", "a", "--job", "b"], 2, "give one of"),
        (["--until", "soon"], 2, "'soon' is no moment"),
        (["--until", "2020-01-01"], 1, "the moment must lie in the future"),
    ):
        done = carillon("pause", *arguments)
        assert (done.returncode, "Traceback" in done.stderr) == (status, False), arguments
        assert words in done.stderr, arguments
