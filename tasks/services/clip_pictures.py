"""Single frames of a clip as JPEG, for pages that show a clip frame by frame; those shown last are kept."""

import threading
from collections import OrderedDict
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from storage.errors import InputError
from storage.media.clip import Clip
from storage.media.reading import probe
from storage.media.video.frame_seeking import FrameSeeker

MOST_BYTES = 96 * 2**20  # of pictures kept of a clip
QUALITY = 90  # of JPEG


class ClipPictures:
    """Pictures of the frames of a clip. May be asked from several threads at once."""

    def __init__(self, path: Path) -> None:
        """Look at the clip at `path`. Raises InputError if it is none."""
        self.clip: Clip = probe(path)
        self._lock, self._thumbnail_lock = threading.Lock(), threading.Lock()
        self._seeker, self._thumbnail_seeker = FrameSeeker(self.clip), FrameSeeker(self.clip)
        self._kept: OrderedDict[tuple[int, int, bool], bytes] = OrderedDict()

    def picture(self, t: int, width: int) -> bytes:
        """Return frame t as JPEG, at most `width` pixels wide. Raises InputError if it cannot be read."""
        return self._picture(t, width, False)

    def thumbnail(self, t: int, width: int) -> bytes:
        """Return a frame at or shortly before t, whichever is read quickly, as JPEG of at most `width` pixels."""
        return self._picture(self._thumbnail_seeker.key_before(t), width, True)

    def _picture(self, t: int, width: int, is_thumbnail: bool) -> bytes:
        wanted = (t, width, is_thumbnail)
        with self._thumbnail_lock if is_thumbnail else self._lock:
            if wanted in self._kept:
                self._kept.move_to_end(wanted)
                return self._kept[wanted]
            seeker = self._thumbnail_seeker if is_thumbnail else self._seeker
            made = as_jpeg(fit_width(seeker.frame(t), width))
        self._keep(wanted, made)
        return made

    def _keep(self, wanted: tuple[int, int, bool], made: bytes) -> None:
        with self._lock:
            self._kept[wanted] = made
            size = sum(map(len, self._kept.values()))
            while size > MOST_BYTES:
                size -= len(self._kept.popitem(last=False)[1])


def fit_width(frame: NDArray[np.uint8], width: int) -> NDArray[np.uint8]:
    """Return an image, (H, W, 3) uint8, scaled down to at most `width` pixels; a smaller one stays as it is."""
    if frame.shape[1] <= width:
        return frame
    height = max(1, round(frame.shape[0] * width / frame.shape[1]))
    return np.asarray(cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def as_jpeg(image: NDArray[np.uint8]) -> bytes:
    """Return an RGB image, (H, W, 3) uint8, as JPEG with colours at full resolution."""
    options = [
        cv2.IMWRITE_JPEG_QUALITY,
        QUALITY,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
    ]
    is_made, content = cv2.imencode(".jpg", image[..., ::-1], options)
    if not is_made:
        raise InputError("the frame cannot be shown: it is no image of 8 bits")
    return content.tobytes()
