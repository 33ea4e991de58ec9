"""Random holes to train with: boxes, strokes and shapes, standing or moving."""

import cv2
import numpy as np
from numpy.typing import NDArray

from dfvi_models.evaluation.holes import moving_shape

Hole = NDArray[np.bool_]
BOX_SIDE = (0.2, 0.5)  # of each side of the frame; the paper's is half
STROKES = (2, 5)  # as many as the first up to the second
STROKE_TURNS = (4, 9)
STROKE_WIDTH = (0.04, 0.1)  # of the shorter side
FASTEST = 0.01  # of the shorter side a frame: how boxes and strokes move, where they do
MOVING = 0.5  # share of those that do


def draw_holes(random: np.random.Generator, count: int, height: int, width: int) -> list[Hole]:
    """Draw the holes of `count` neighbouring frames, each (height, width) bool: one shape, standing or moving.

    A third are boxes, a third strokes, a third moving shapes. Every hole has a pixel, and leaves some.
    """
    kind = random.integers(3)
    if kind == 0:
        seed, start = int(random.integers(2**31)), int(random.integers(200))
        return [moving_shape(start + t, height, width, seed) for t in range(count)]
    still = draw_box(random, height, width) if kind == 1 else draw_strokes(random, height, width)
    fastest = FASTEST * min(height, width) * (random.random() < MOVING)
    dy, dx = random.uniform(-fastest, fastest, 2)
    return [_moved(still, round(dy * (t - count // 2)), round(dx * (t - count // 2))) for t in range(count)]


def draw_box(random: np.random.Generator, height: int, width: int) -> Hole:
    """Draw a box anywhere in the frame."""
    rows, columns = (max(int(side * random.uniform(*BOX_SIDE)), 1) for side in (height, width))
    top, left = random.integers(height - rows + 1), random.integers(width - columns + 1)
    hole = np.zeros((height, width), np.bool_)
    hole[top : top + rows, left : left + columns] = True
    return hole


def draw_strokes(random: np.random.Generator, height: int, width: int) -> Hole:
    """Draw thick crooked lines, as a hand would paint them. Source: free-form masks of arXiv:1806.03589, simplified."""
    drawn = np.zeros((height, width), np.uint8)
    side = min(height, width)
    for _ in range(random.integers(STROKES[0], STROKES[1] + 1)):
        y, x = random.uniform(0, height), random.uniform(0, width)
        thick = max(round(side * random.uniform(*STROKE_WIDTH)), 1)
        angle = random.uniform(0, 2 * np.pi)
        for _ in range(random.integers(STROKE_TURNS[0], STROKE_TURNS[1] + 1)):
            angle += random.uniform(-1.2, 1.2)
            length = side * random.uniform(0.05, 0.2)
            to_y = float(np.clip(y + length * np.sin(angle), 0, height - 1))
            to_x = float(np.clip(x + length * np.cos(angle), 0, width - 1))
            cv2.line(drawn, (round(x), round(y)), (round(to_x), round(to_y)), 1, thick)
            y, x = to_y, to_x
    return np.asarray(drawn > 0)


def _moved(hole: Hole, dy: int, dx: int) -> Hole:
    """Return a hole moved by some pixels; one that would leave the frame altogether stays."""
    moved = cv2.warpAffine(hole.view(np.uint8), np.array([[1, 0, dx], [0, 1, dy]], np.float64), hole.shape[::-1])
    return np.asarray(moved > 0) if moved.any() else hole
