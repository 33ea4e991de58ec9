"""From what a user calls a root to the place it is."""

import os

from storage.local_place import LocalPlace
from storage.place import Place

Location = str | os.PathLike[str]
"""A folder of this machine."""


def place_at(location: Location) -> Place:
    """The place that `location` names, whether it exists or not."""
    return LocalPlace(location).expanduser().resolve()
