"""Errors of the store and of the user's files. Each message says what was expected, what came, and what to do."""

import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from storage.place import Place


class InputError(ValueError):
    """The user gave something that cannot be used: one clear line, exit code 2."""


class StoreError(RuntimeError):
    """A store cannot be used as it is."""


def refuse_secrets(location: str) -> None:
    """Refuse a URL that holds credentials, before anything writes it down; the message does not repeat it.

    Raises : InputError
    """
    _, is_url, rest = location.partition("://")
    if is_url and "@" in rest.partition("/")[0]:
        raise InputError(
            "a root's URL must not hold a name or password; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY instead"
        )


class DamagedStoreError(StoreError):
    """Something in a store does not read back as it was written."""

    def __init__(self, path: "Place", reason: object, folder: "Place") -> None:
        """Name the damaged `path`, why it cannot be used, and the `folder` of the stage store it lies in."""
        self.path, self.reason = path, reason
        root = folder.parent.parent.parent
        super().__init__(
            f"{path} is damaged ({reason}); drop what is damaged with: "
            f"dfvi store verify --repair --root {shlex.quote(str(root))}, then run again"
        )
