"""Frames of made-up scenes: boxes of all sizes, seen by a camera that moves."""

import cv2
import numpy as np

HEIGHT, WIDTH = 90, 160


def scene(seed, width=4 * WIDTH):
    """A world (HEIGHT, width, 3) uint8 that no other seed looks like."""
    rng = np.random.default_rng(seed)
    world = np.full((HEIGHT, width, 3), rng.integers(0, 256, 3), np.uint8)
    for size in np.linspace(80, 6, 150):
        high, wide = (size * rng.uniform(0.3, 1.5, 2)).astype(int)
        top, left = rng.integers(-high, HEIGHT), rng.integers(-wide, width)
        colour = [int(value) for value in rng.integers(0, 256, 3)]
        cv2.rectangle(world, (int(left), int(top)), (int(left + wide), int(top + high)), colour, -1)
    return cv2.GaussianBlur(world, (0, 0), 1)


def shot(seed, count, speed=1.0):
    """Frames of one take: the camera moves by `speed` pixels a frame."""
    world = scene(seed)
    lefts = (round(speed * t) % (world.shape[1] - WIDTH) for t in range(count))
    return [np.ascontiguousarray(world[:, left : left + WIDTH]) for left in lefts]


def mix(old, new, weight):
    """Both frames over one another."""
    return cv2.addWeighted(old, 1 - weight, new, weight, 0)
