"""Errors about what the user gave. Each message says what was expected, what came, and what to do."""


class InputError(ValueError):
    """The user gave something that cannot be used: one clear line, exit code 2."""


def refuse_secrets(location: str) -> None:
    """Refuse a URL that holds credentials, before anything writes it down; the message does not repeat it.

    Raises : InputError
    """
    _, is_url, rest = location.partition("://")
    if is_url and "@" in rest.partition("/")[0]:
        raise InputError(
            "a root's URL must not hold a name or password; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY instead"
        )
