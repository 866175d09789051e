"""What can go wrong, named by what the caller can do about it. No HTTP in here: each dialect maps these itself."""

from collections.abc import Sequence
from dataclasses import dataclass


class CarillonError(Exception):
    """Root of all expected errors. ``code`` is stable and may be shown to machines."""

    code = "error"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code


class StartRefusedError(Exception):
    """Somebody has to put something right before Carillon may start here: to try again would not help."""


class NotFoundError(CarillonError):
    """There is no such thing, or the caller may not know of it."""

    code = "not_found"


class ConflictError(CarillonError):
    """The request is valid but the present state forbids it."""

    code = "conflict"


class ForbiddenError(CarillonError):
    """The caller is known but lacks the right."""

    code = "forbidden"


class UnavailableError(CarillonError):
    """Not now: the database is locked or away, or another process keeps the time. Try again later."""

    code = "unavailable"


@dataclass(frozen=True)
class FieldError:
    """One thing wrong with one field. ``field`` is the path in our own words, for example ``parameters.query``."""

    field: str
    message: str
    code: str = "invalid"


class InvalidError(CarillonError):
    """The request itself is wrong. Holds every problem found, not only the first."""

    code = "invalid"

    def __init__(self, errors: Sequence[FieldError]) -> None:
        super().__init__("; ".join(f"{error.field}: {error.message}" for error in errors))
        self.errors = tuple(errors)

    @classmethod
    def of(cls, field: str, message: str, code: str = "invalid") -> "InvalidError":
        return cls([FieldError(field, message, code)])
