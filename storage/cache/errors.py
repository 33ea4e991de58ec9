"""Errors of stored results. Each message says what was expected, what came, and what to do."""

import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from storage.backends.store_path import StorePath


class StoreError(RuntimeError):
    """A store cannot be used as it is."""


class DamagedStoreError(StoreError):
    """Something in a store does not read back as it was written."""

    def __init__(self, path: "StorePath", reason: object, folder: "StorePath") -> None:
        """Name the damaged `path`, why it cannot be used, and the `folder` of the stage store it lies in."""
        self.path, self.reason, self.folder = path, reason, folder
        root = folder.parent.parent.parent
        super().__init__(
            f"{path} is damaged ({reason}); drop what is damaged with: "
            f"dfvi store verify --repair --root {shlex.quote(str(root))}, then run again"
        )
