"""Floats as PostgreSQL prints them: the shortest text that reads back as the same number.

Python's ``repr`` finds the same digits. They differ in form (``1e+15`` and ``123456789`` where Python writes
``1000000000000000.0`` and ``123456789.0``) and in one rare case of digits, see ``_edges``.
"""

import math
from collections.abc import Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from fractions import Fraction

_NAMES = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
_SCIENTIFIC_FROM = 1e15  # Python: 1e16


def float_texts(values: Sequence[float]) -> list[str]:
    """Spell many floats; quick when all of them are below 1e15."""
    texts = list(map(repr, values))
    if max(map(abs, values)) < _SCIENTIFIC_FROM and "nan" not in texts:
        return [text[:-2] if text.endswith(".0") else text for text in texts]
    return list(map(float_text, values))


def float_text(value: float) -> str:
    text = repr(value)
    if abs(value) < _SCIENTIFIC_FROM:
        return text.removesuffix(".0")
    return _NAMES.get(text) or _scientific(value, text)


def _scientific(value: float, text: str) -> str:
    shortest = Decimal(text)
    if Fraction(shortest) in _edges(value):
        shortest = _shortest_between(value, *_edges(value))
    digits = "".join(map(str, shortest.as_tuple().digits)).rstrip("0")
    mantissa = digits[0] + ("." + digits[1:] if digits[1:] else "")
    return f"{'-' if value < 0 else ''}{mantissa}e+{shortest.adjusted():02}"


def _edges(value: float) -> tuple[Fraction, Fraction]:
    """Give the points halfway to the next float below and above.

    A text exactly there is read as the even one of the two, so Python may use it (1e+23). PostgreSQL does not rely on
    the reader's rounding and takes one digit more (9.999999999999999e+22).
    """
    exact = Fraction(value)
    below, above = math.nextafter(value, -math.inf), math.nextafter(value, math.inf)
    gap_below = exact - Fraction(below) if math.isfinite(below) else Fraction(above) - exact
    gap_above = Fraction(above) - exact if math.isfinite(above) else gap_below
    return exact - gap_below / 2, exact + gap_above / 2


def _shortest_between(value: float, low: Fraction, high: Fraction) -> Decimal:
    exact = Decimal(value)
    for precision in range(1, 18):
        rounded = [Context(prec=precision, rounding=way).plus(exact) for way in (ROUND_FLOOR, ROUND_CEILING)]
        inside = [candidate for candidate in rounded if low < Fraction(candidate) < high]
        if inside:
            return min(inside, key=lambda candidate: abs(Fraction(candidate) - Fraction(exact)))
    return exact
