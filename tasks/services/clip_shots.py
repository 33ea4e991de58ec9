"""The shots of a clip, found in the background: whoever asks is not kept waiting."""

import os
import threading
from contextlib import suppress

from dfvi_models.shots.detection import find_shot_changes, shots_between
from storage.errors import InputError
from storage.media.clip import Clip
from storage.media.reading import read_frames

LESS_URGENT = 10  # of nice(2)


class ClipShots:
    """Looks through a clip once, in a thread that gives way to others."""

    def __init__(self, clip: Clip) -> None:
        """Begin to look."""
        self.found: list[tuple[int, int]] | None = None
        """First frame of each shot, and the one after its last; None as long as it is not known."""
        threading.Thread(target=self._look, args=(clip,), name="shots", daemon=True).start()

    def _look(self, clip: Clip) -> None:
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), LESS_URGENT)
        try:
            changes = find_shot_changes(read_frames(clip, threads=1))
        except InputError:  # a damaged clip; the run says what is wrong with it
            return
        self.found = [(first, stop) for first, stop in shots_between(changes, clip.frame_count)]
