"""Small clips whose right answer is known: a textured scene under a moving camera, with something to remove."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

SEED = 7


@dataclass(frozen=True)
class MadeClip:
    """Image folders of a made clip, and its arrays."""

    video: Path
    mask: Path
    clean: NDArray[np.uint8]
    """(T, H, W, 3) RGB without the thing."""
    holes: NDArray[np.bool_]
    """(T, H, W) where the thing is."""


def texture(height: int, width: int, seed: int = SEED) -> NDArray[np.uint8]:
    """Smooth random colours, with enough structure for optical flow."""
    noise = np.random.default_rng(seed).uniform(0, 255, (height, width, 3)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 2.0)
    low, high = smooth.min(), smooth.max()
    return (20 + 215 * (smooth - low) / (high - low)).astype(np.uint8)


def panning_clip(folder: Path, count: int = 8, height: int = 48, width: int = 64, step: int = 2) -> MadeClip:
    """A camera that pans `step` pixels a frame over a texture, with a black box standing still before it."""
    scene = texture(height, width + step * count)
    clean = np.stack([scene[:, step * t : step * t + width] for t in range(count)])
    holes = np.zeros((count, height, width), bool)
    holes[:, height // 3 : height // 2, width // 3 : width // 3 + max(step * count // 4, 2)] = True
    frames = np.where(holes[..., None], np.uint8(0), clean)
    write_images(folder / "frames", frames)
    write_images(folder / "masks", holes.astype(np.uint8) * 255)
    return MadeClip(folder / "frames", folder / "masks", clean, holes)


def write_images(folder: Path, images: NDArray[np.uint8]) -> None:
    """Write images as PNG, numbered from 0."""
    folder.mkdir(parents=True)
    for t, image in enumerate(images):
        cv2.imwrite(str(folder / f"{t:05d}.png"), image[..., ::-1] if image.ndim == 3 else image)
