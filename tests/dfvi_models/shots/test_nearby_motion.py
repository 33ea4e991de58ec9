"""How fast the picture around a hole moves."""

import cv2
import numpy as np
import pytest

from dfvi_models.shots.nearby_motion import nearby_motion, small_grey


def texture(height: int, width: int) -> np.ndarray:
    noise = np.random.default_rng(5).integers(0, 256, (height // 12, width // 12, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC))


@pytest.mark.parametrize(("height", "width"), [(432, 768), (768, 432), (1080, 1920), (100, 150)])
def test_a_pan_is_measured_in_pixels_of_the_frame(height, width):
    scene, shift = texture(height, width + 60), 12
    before, now = (small_grey(np.ascontiguousarray(scene[:, x : x + width])) for x in (0, shift))
    box = (height // 2, width // 2, height // 2 + 20, width // 2 + 30)
    assert nearby_motion(before, now, [box], height, width) == {box: pytest.approx(shift, abs=2)}


def test_what_moves_far_from_the_hole_or_in_it_does_not_count():
    scene = texture(432, 768)
    later = scene.copy()
    later[:, 500:] = np.roll(scene[:, 500:], 15, axis=0)
    later[200:260, 90:160] = 0
    before, now = small_grey(scene), small_grey(later)
    calm, lively = nearby_motion(before, now, [(200, 90, 260, 160), (200, 600, 260, 650)], 432, 768).values()
    assert calm < 1
    assert lively > 8


def test_a_hole_that_fills_the_frame_has_nothing_around_it():
    grey = small_grey(texture(432, 768))
    assert nearby_motion(grey, grey, [(0, 0, 432, 768)], 432, 768) == {(0, 0, 432, 768): 0}
