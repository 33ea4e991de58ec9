"""A textured ellipse that moves and grows over another texture: clips whose masks are known."""

import cv2
import numpy as np

from tests.clips import texture

HEIGHT, WIDTH = 80, 144


def moving_object(count, seed=3, speed=3.0):
    """Frames (H, W, 3) uint8 and masks (H, W) bool; object and scene have different colours, and edges that blend."""
    scene = (texture(HEIGHT, WIDTH, seed) * (0.5, 0.9, 0.6)).astype(np.float32)
    coat = (texture(HEIGHT, WIDTH, seed + 1) * (0.9, 0.4, 0.5) + (25, 0, 40)).astype(np.float32)
    frames, masks = [], []
    for t in range(count):
        place = (36.0 + speed * t, 38.0 + 1.5 * t)
        mask = np.zeros((HEIGHT, WIDTH), np.uint8)
        axes = (20 + t // 3, 15)
        cv2.ellipse(mask, (round(place[0]), round(place[1])), axes, 3.0 * t, 0, 360, 255, -1)
        shift = np.array([[1, 0, speed * t], [0, 1, 1.5 * t]], np.float32)
        moved = cv2.warpAffine(coat, shift, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REFLECT)
        soft = cv2.GaussianBlur(mask, (0, 0), 0.7)[..., None] / 255
        frames.append((soft * moved + (1 - soft) * scene).astype(np.uint8))
        masks.append(mask > 0)
    return frames, masks
