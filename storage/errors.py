"""Errors about what the user gave. Each message says what was expected, what came, and what to do."""

from collections.abc import Iterator
from contextlib import contextmanager


class InputError(ValueError):
    """The user gave something that cannot be used: one clear line, exit code 2."""


PASSED_ON = (InputError, OSError, MemoryError, ImportError, NameError)
"""Errors that say enough by themselves: of input, of the system, and of a program that is not whole."""

UNREADABLE = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError)
"""What a file of ours that is not as it was written makes its reader raise."""


@contextmanager
def reading(what: object) -> Iterator[None]:
    """Take whatever goes wrong inside, where something that was given is read, as the fault of what was given.

    Parsers raise more kinds of errors than they name. So each door through which input comes is one of these, and what
    is raised anywhere else is a fault of the program.

    what   : begins the message.
    Raises : InputError; errors of the system are passed on.
    """
    try:
        yield
    except PASSED_ON:
        raise
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise InputError(f"{what} cannot be used ({reason})") from error


def refuse_secrets(location: str) -> None:
    """Refuse a URL that holds credentials, before anything writes it down; the message does not repeat it.

    Raises : InputError
    """
    _, is_url, rest = location.partition("://")
    if is_url and "@" in rest.partition("/")[0]:
        raise InputError(
            "a root's URL must not hold a name or password; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY instead"
        )
