"""From what the core found wrong to the summary on top of a form."""

from collections.abc import Callable

from app.core.errors import ConflictError, InvalidError
from app.web.pages.site import pages

Problems = list[tuple[str, str]]
"""(name of the form's field, or empty for the whole form; a sentence)."""


def attempt(action: Callable[[], object], field_of: Callable[[str], str] = str) -> Problems:
    """Do it, or say what is wrong with the request. ``field_of`` turns the core's names into those of the form."""
    try:
        action()
    except InvalidError as error:
        return [(field_of(problem.field), sentence(problem.message)) for problem in error.errors]
    except ConflictError as error:
        return [("", sentence(error.message))]
    return []


@pages.app_template_filter()
def sentence(message: str) -> str:
    """The core's messages begin small and have no full stop."""
    return message[:1].upper() + message[1:] + ("" if message.endswith((".", "?")) else ".")
