"""Comparison of several fills of one clip: PSNR against the truth, cost, and an image that shows all."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from dfvi_models.evaluation.metrics import psnr_in_hole
from storage.cache.root import Root
from storage.cache.stage_store import StageStore
from storage.errors import InputError
from storage.media.reading import probe, read_frames
from tasks.shots.filled_shots import ShownClip, open_shots

SHOWN_FRAMES = 4
SHOWN_WIDTH = 320  # pixels of a frame in the image
LINE_HEIGHT = 18  # pixels of a label


@dataclass(frozen=True)
class Fill:
    """A clip filled by one method."""

    label: str
    clip: StageStore
    """The decoded clip with its holes."""
    shown: ShownClip

    @classmethod
    def of(cls, label: str, root: Root, video: str, encoded: str) -> "Fill":
        """Return the fill that the encode result with the digest `encoded` shows."""
        result = root.open_store(video, "encode", encoded)
        clip = root.open_store(video, "decode", result.key.inputs["clip"])
        return cls(label, clip, ShownClip(clip, open_shots(root, video, result.attributes["shots"])))


def cost(root: Root, video: str, stages: Sequence[tuple[str, str]]) -> tuple[float, int]:
    """Return the seconds in which these (stage, digest) results were computed, and their bytes on disk."""
    stores = [root.open_store(video, stage, digest) for stage, digest in dict.fromkeys(stages)]
    seconds = sum(float(store.manifest.made.get("seconds", 0.0)) for store in stores if store.manifest)
    return seconds, sum(store.folder.usage().size for store in stores)


def check_truth(truth: Path, video: Path, stop: int) -> None:
    """Check that `truth` has the size of `video`, and its first `stop` frames. Raises InputError."""
    clean, clip = probe(truth), probe(video)
    if (clean.height, clean.width) != (clip.height, clip.width) or clean.frame_count < stop:
        raise InputError(
            f"{truth}: expected {stop} frames of {clip.width}x{clip.height} as in the video; "
            f"got {clean.frame_count} of {clean.width}x{clean.height}"
        )


def hole_psnr(fill: Fill, truth: Path) -> float:
    """Return the PSNR inside the hole, dB, mean over the frames that have one.

    truth : video without what the mask hides, from the first frame of the video on.
    """
    start = int(fill.clip.attributes["start"])
    frames = enumerate(read_frames(probe(truth), start, start + fill.shown.count))
    return float(np.nanmean([psnr_in_hole(fill.shown.frames[t], frame, fill.clip["holes"][t]) for t, frame in frames]))


def write_strips(path: Path, fills: Sequence[Fill]) -> None:
    """Write an image of a few frames from left to right: with their hole marked, then filled, a row for each fill."""
    first = fills[0]
    chosen = sorted({round(t) for t in np.linspace(0, first.shown.count - 1, SHOWN_FRAMES)})
    rows = [labelled_row("input", [_marked(first.clip, t) for t in chosen])]
    rows += [labelled_row(fill.label, [fill.shown.frames[t] for t in chosen]) for fill in fills]
    ok, data = cv2.imencode(".png", np.vstack(rows)[..., ::-1])
    if not ok:
        raise OSError(f"{path}: the image cannot be written as PNG")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(data))


def side_by_side(fills: Sequence[Fill], t: int) -> NDArray[np.uint8]:
    """Return frame t with its hole marked, and by each fill, from left to right under labels; sides are even."""
    columns = [
        labelled_row("input", [_marked(fills[0].clip, t)]),
        *(labelled_row(fill.label, [fill.shown.frames[t]]) for fill in fills),
    ]
    joined = np.hstack(columns)
    return joined[: joined.shape[0] // 2 * 2, : joined.shape[1] // 2 * 2]


def _marked(clip: StageStore, t: int) -> NDArray[np.uint8]:
    """Return a frame with its hole in half-transparent red."""
    frame, hole = clip["frames"][t].copy(), clip["holes"][t]
    frame[hole] = frame[hole] // 2 + np.array([127, 0, 0], np.uint8)
    marked: NDArray[np.uint8] = frame
    return marked


def labelled_row(label: str, frames: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Return scaled-down frames side by side, under a line with the label."""
    height, width = frames[0].shape[:2]
    size = (min(width, SHOWN_WIDTH), max(1, round(height * min(1.0, SHOWN_WIDTH / width))))
    row = np.hstack([cv2.resize(frame, size, interpolation=cv2.INTER_AREA) for frame in frames])
    line = np.full((LINE_HEIGHT, row.shape[1], 3), 255, np.uint8)
    cv2.putText(line, label, (4, LINE_HEIGHT - 5), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (0, 0, 0), 1, cv2.LINE_AA)
    return np.vstack([line, row])
