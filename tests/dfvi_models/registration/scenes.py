"""A textured scene seen by a camera that moves fast: no chain of flow needs to be followed to know what it shows."""

import cv2
import numpy as np

HEIGHT, WIDTH = 120, 160


def textured(height, width, seed=0):
    """(height, width, 3) uint8 with detail of several sizes, different everywhere."""
    random = np.random.default_rng(seed)
    layers = []
    for size in (4, 9, 20):
        grid = random.uniform(0, 255, (height // size + 2, width // size + 2, 3)).astype(np.float32)
        layers.append(cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC))
    return np.clip(np.mean(layers, axis=0) * 1.6 - 76, 0, 255).astype(np.uint8)


def panning(count, step=(9, 2), height=HEIGHT, width=WIDTH, seed=0):
    """`count` frames of a camera that moves `step` (right, down) pixels a frame over a still scene."""
    scene = textured(height + step[1] * count, width + step[0] * count, seed)
    return np.stack(
        [scene[step[1] * t : step[1] * t + height, step[0] * t : step[0] * t + width] for t in range(count)]
    )


def standing_hole(count, height=HEIGHT, width=WIDTH, rows=slice(45, 75), columns=slice(60, 95)):
    """The same box in every frame."""
    holes = np.zeros((count, height, width), bool)
    holes[:, rows, columns] = True
    return holes


def with_black_holes(frames, holes):
    """What a method sees."""
    return np.where(holes[..., None], np.uint8(0), frames)


def hole_rms(filled, truth, hole):
    """Root of the mean squared error in a hole, grey levels."""
    return float(np.sqrt(np.mean((filled[hole].astype(float) - truth[hole]) ** 2)))
