"""Cells that a spreadsheet would take for a formula (CWE-1236): an apostrophe before them makes them text.

It protects who opens a file in a spreadsheet and changes the data for everybody else: so it is a choice, and recorded.
Pure numbers stay as they are.
"""

import re

_FORMULA = re.compile(r"[=+\-@\t\r\0]")
_NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?", re.ASCII)


def guarded(text: str) -> str:
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text
