"""Waiting for the ends of runs."""

import threading

from app.core.run_ends import RunEnds


def test_what_is_over_is_not_waited_for() -> None:
    assert RunEnds().wait(lambda: True, 60)


def test_what_does_not_end_is_waited_for_no_longer_than_asked() -> None:
    assert not RunEnds().wait(lambda: False, 0.01)


def test_a_change_wakes_who_waits() -> None:
    ends, over, looked = RunEnds(), threading.Event(), threading.Event()

    def is_over() -> bool:
        looked.set()
        return over.is_set()

    def end_it() -> None:
        looked.wait(5)
        over.set()
        ends.notice()

    other = threading.Thread(target=end_it)
    other.start()

    assert ends.wait(is_over, 60)
    other.join()
