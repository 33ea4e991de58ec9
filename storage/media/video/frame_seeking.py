"""Single frames of a clip in whatever order they are asked for, without decoding all that comes before."""

import copy
from bisect import bisect_right
from collections.abc import Iterator

import numpy as np
from av.error import FFmpegError

from storage.errors import InputError
from storage.media.clip import Clip, check_range
from storage.media.images.folder import list_images, read_image
from storage.media.reading import read_frames
from storage.media.video.decoding import decode, open_video, upright_rgb
from storage.media.video.probe import time_stamps

NEAR = 48
"""Frames ahead up to which going on decoding is quicker than opening the file anew."""
Numbered = Iterator[tuple[int, np.ndarray]]


class FrameSeeker:
    """Reads frames of a clip in any order; the same pixels as `read_frames`. For one thread at a time.

    A video is entered at the key frame before what is wanted; asked for the next frame, decoding goes on. Where time
    stamps do not tell the frames of a file apart, it is decoded from its beginning.
    """

    def __init__(self, clip: Clip) -> None:
        """Look at the clip: of a video all packets are read, of a folder the names."""
        self.clip = clip
        self._images = list_images(clip.path) if clip.kind == "images" else []
        known = None if self._images or clip.is_deinterlaced else time_stamps(clip)
        self._stamps, self._keys = known or ([], [])
        if len(self._stamps) < clip.frames_found:
            self._keys = []
        self._number_of = {stamp: number for number, stamp in enumerate(self._stamps)}
        self._going_on: Numbered = iter(())
        self._next = -1

    def another(self) -> "FrameSeeker":
        """Return a seeker of the same clip for another thread; the file is not looked through again."""
        other = copy.copy(self)
        other._going_on, other._next = iter(()), -1
        return other

    def frame(self, t: int) -> np.ndarray:
        """Return frame t, (H, W, 3) uint8 RGB. Raises InputError if there is none, or it is damaged."""
        check_range(self.clip, t, t + 1)
        if self._images:
            return read_image(self._images[t])
        if 0 <= self._next <= t < self._next + NEAR:
            return self._until(t)
        for number in range(2):  # a key frame may not be one: then from the one before
            found = self._enter(t, number)
            if found is not None:
                return found
        self._going_on = enumerate(read_frames(self.clip, threads=1))
        self._next = 0
        return self._until(t)

    def key_before(self, t: int) -> int:
        """Return the frame at or before t that is quickest to read: a key frame; any is in a folder of images."""
        if not self._keys:
            return t
        at = bisect_right(self._keys, self._stamps[t]) - 1
        return min(t, self._number_of[self._keys[max(at, 0)]])

    def _until(self, t: int) -> np.ndarray:
        for number, frame in self._going_on:
            self._next = number + 1
            if number == t:
                return frame
        self._next = -1
        raise InputError(f"{self.clip.path}: frame {t} cannot be read; export the video again")

    def _enter(self, t: int, before: int) -> np.ndarray | None:
        """Go to a key frame and decode up to frame t; None if it does not come as its time stamp says."""
        at = bisect_right(self._keys, self._stamps[t]) - 1 - before if self._keys else -1
        if at < 0:
            return None
        self._going_on, self._next = self._decoded_from(self._keys[at], t), t
        try:
            return self._until(t)
        except (FFmpegError, InputError, KeyError):
            self._next = -1
            return None

    def _decoded_from(self, key: int, first: int) -> Numbered:
        """Yield frames from `first` on with their numbers. Raises KeyError for a frame of an unknown time stamp."""
        with open_video(self.clip.path) as (container, stream):
            container.seek(key, stream=stream)
            expected = first
            leading = self.clip.leading_packets if key == self._keys[0] else 0
            for frame in decode(container, stream, threads=1, leading=leading):
                t = self._number_of[-1 if frame.pts is None else frame.pts]
                if t < first:
                    continue
                if t != expected:
                    raise KeyError(t)
                yield t, upright_rgb(frame, self.clip, t)
                expected += 1
