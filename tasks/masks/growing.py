"""A mask that takes in the shadow and the blurred edge it left out: proposed as a mask, with an image to look at."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from storage.delivery import check_apart
from storage.media.clip import Clip
from storage.media.masks.parsing import parse_mask
from storage.media.masks.writing import check_mask_name, write_mask_file
from tasks.decode import DecodeParams, MediaInput, decode, probe_as
from tasks.find_shots import FindShotsParams, find_shots
from tasks.grow_holes import GrowHolesParams, grow_holes
from tasks.masks.sheets import choose_frames, write_overlay_sheet
from tasks.shots.shot import shots_with_holes
from tasks.shots.shot_batches import DirectRunner
from tasks.stage.cached_stage import Job

GIVEN, ADDED = 1, 2
"""What a pixel of the sheet is marked by: the mask as it is given, and what joins it."""
MOST_GROWN = 4  # frames of the sheet that are chosen for what joined there

Labels = NDArray[np.uint8]


@dataclass(frozen=True)
class GrownMask:
    """What joined a mask."""

    video: str
    mask: str
    output: str
    frames: int
    grown_frames: int
    """Frames in which anything joined."""
    added: float
    """Pixels that joined, of those that were marked."""
    most_grown: int | None
    """Frame in which most joined; None where nothing did."""
    sheet: str


def grow_mask(
    job: Job, video: str, mask: str, output: Path, sheet: Path, params: DecodeParams, growth: GrowHolesParams
) -> GrownMask:
    """Write a mask with the shadows and blurred edges beside it that other frames of the shot do not show.

    job    : where the stages keep what they find; the same mask is known again.
    output : mask to write, of any kind.
    sheet  : image of frames to write, the mask in one colour and what joined it in another.
    params : how video and mask are read; the whole video is.
    growth : how far it may grow.
    Raises : InputError if video or mask cannot be read, or a file cannot be written.
    """
    check_mask_name(output, probe_as(video, params).frame_count)
    inputs = video, *map(str, parse_mask(mask).paths)
    check_apart(output, *inputs)
    check_apart(sheet, *inputs, str(output))
    grown = _GrownHoles(job, MediaInput.video(video), MediaInput.mask(mask), params, growth)
    counts = np.zeros((grown.clip.frame_count, 2), np.int64)

    def holes() -> Iterator[NDArray[np.bool_]]:
        for t, labelled in enumerate(grown.labels()):
            counts[t] = [np.count_nonzero(labelled == kind) for kind in (GIVEN, ADDED)]
            yield labelled > 0

    write_mask_file(output, holes(), grown.clip)
    given, added = counts.T
    found = GrownMask(
        video,
        mask,
        str(output),
        frames=len(counts),
        grown_frames=int(np.count_nonzero(added)),
        added=round(float(added.sum() / max(given.sum(), 1)), 4),
        most_grown=int(added.argmax()) if added.any() else None,
        sheet=str(sheet),
    )
    _write_sheet(sheet, grown, found, added)
    return found


class _GrownHoles:
    """The holes of a video as they are given, and what joins them."""

    def __init__(
        self, job: Job, video: MediaInput, mask: MediaInput, params: DecodeParams, growth: GrowHolesParams
    ) -> None:
        """Run the stages that find it, or know it again."""
        step = DirectRunner(job)
        decoded = step(decode, params, video=video, mask=mask)
        shots = shots_with_holes(decoded, step(find_shots, FindShotsParams(regions="none"), clip=decoded))
        self.clip = replace(Clip.from_json(decoded.attributes["clip"]), path=Path(video.text))
        self._start, self._given = int(decoded.attributes["start"]), decoded.open(job)["holes"]
        self._grown = [(shot, step(grow_holes, growth, clip=shot).open(job)) for shot in shots]

    def labels(self) -> Iterator[Labels]:
        """Yield for each frame of the video (H, W) uint8: GIVEN, ADDED, or 0."""
        nothing = np.zeros((self.clip.height, self.clip.width), np.uint8)
        for t in range(-self._start, self.clip.frame_count - self._start):
            yield self._labels_at(t) if 0 <= t < len(self._given) else nothing

    def _labels_at(self, t: int) -> Labels:
        labelled = np.zeros((self.clip.height, self.clip.width), np.uint8)
        for shot, store in self._grown:
            if shot.first <= t < shot.stop:
                labelled[store["holes"][t - shot.first]] = ADDED
        labelled[self._given[t]] = GIVEN
        return labelled


def _write_sheet(path: Path, grown: _GrownHoles, found: GrownMask, added: NDArray[np.int64]) -> None:
    """Write frames with the mask, and those in which most joined first of all."""
    most = [int(t) for t in np.argsort(-added, kind="stable")[:MOST_GROWN] if added[t]]
    heading = [f"{found.mask}: {found.added:.1%} joined, in {found.grown_frames} of {found.frames} frames"]
    notes = {t: f"{int(added[t])} pixels joined" for t in np.flatnonzero(added).tolist()}
    frames = choose_frames(found.frames, most)
    write_overlay_sheet(path, grown.clip, grown.labels(), frames, notes=notes, heading=heading)
