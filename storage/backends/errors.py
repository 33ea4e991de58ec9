"""Errors of files and folders below a root."""

import errno


class LinkError(OSError):
    """There is a symbolic link where a file or folder of ours belongs."""

    def __init__(self, path: object) -> None:
        """Name the link."""
        super().__init__(errno.ELOOP, "is a symbolic link, and nothing in a root may be one; remove it", str(path))
