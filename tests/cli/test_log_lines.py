"""Lines of JSON: one for each record, whatever is in it, with the ids that are known"""

import json
import logging
import subprocess
import sys
from typing import Any

import pytest

from app.adapters.log_lines import JsonFormatter, request_id

PROGRAM = """
import logging, threading, warnings
from app.adapters import log_lines
log_lines.set_up("json")
warnings.warn("a warning\\nof two lines")
def fail(): raise ValueError("in a thread")
thread = threading.Thread(target=fail, name="carillon-x"); thread.start(); thread.join()
raise KeyError("at the end")
"""


def line(message: str, *arguments: object, **record: Any) -> dict[str, Any]:
    made = logging.LogRecord("app.core.x", logging.INFO, "x.py", 1, message, arguments, record.pop("exc_info", None))
    vars(made).update(record)
    text = JsonFormatter().format(made)
    assert "\n" not in text
    found: dict[str, Any] = json.loads(text)
    return found


def test_a_record_is_one_object_with_what_it_was_given() -> None:
    found = line("run %s\nfailed: %r", 7, "“x”", run_id=7, job_id=3, fire_id=9)

    assert found["message"] == "run 7\nfailed: '“x”'"
    assert (found["run_id"], found["job_id"], found["fire_id"]) == (7, 3, 9)
    assert (found["level"], found["logger"]) == ("info", "app.core.x")


def test_a_trace_is_a_part_of_its_line() -> None:
    try:
        raise ValueError("first\nsecond")
    except ValueError:
        found = line("it failed", exc_info=sys.exc_info())

    assert found["trace"].endswith("ValueError: first\nsecond")


def test_what_json_does_not_know_is_written_as_text() -> None:
    assert line("x", given=object)["given"] == "<class 'object'>"


def test_lines_of_a_request_carry_its_id() -> None:
    kept = request_id.set("abc")
    try:
        assert line("x")["request_id"] == "abc"
    finally:
        request_id.reset(kept)

    assert "request_id" not in line("x")


def test_what_goes_past_the_logging_is_a_line_too() -> None:
    ended = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True)

    told = [json.loads(text) for text in ended.stderr.splitlines()]
    assert [one["level"] for one in told] == ["warning", "critical", "critical"]
    assert [one["message"] for one in told][1:] == ["the thread 'carillon-x' ends", "the process ends"]
    assert ["in a thread" in told[1]["trace"], "at the end" in told[2]["trace"], ended.returncode] == [True, True, 1]


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_form_is_known(form: str) -> None:
    program = f"from app.adapters import log_lines as l; l.set_up({form!r}); l.log.info('here')"

    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)

    assert ended.stderr.startswith("{") is (form == "json")
    assert "here" in ended.stderr
