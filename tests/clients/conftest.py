"""What the tests of the whole use, too."""

from tests.e2e.conftest import flights_db

__all__ = ["flights_db"]
