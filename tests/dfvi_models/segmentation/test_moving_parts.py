"""What moves before a still camera."""

import numpy as np
import pytest

from dfvi_models.errors import ShapeError
from dfvi_models.segmentation.moving_parts import Background, in_most
from tests.clips import texture

HEIGHT, WIDTH, COUNT = 90, 140, 20


def scene(count: int = COUNT) -> tuple[np.ndarray, np.ndarray]:
    """A box that crosses a noisy picture, and where it is."""
    rng = np.random.default_rng(2)
    still = 0.8 * texture(HEIGHT, WIDTH)
    frames = np.clip(still + rng.normal(0, 2, (count, HEIGHT, WIDTH, 3)), 0, 255).astype(np.uint8)
    holes = np.zeros((count, HEIGHT, WIDTH), bool)
    for t in range(count):
        holes[t, 40:60, 5 * t : 5 * t + 16] = True
    frames[holes] = (250, 30, 30)
    return frames, holes


def test_what_crosses_the_picture_is_marked_and_nothing_else():
    frames, holes = scene()
    background = Background.of(list(frames))
    for frame, hole in zip(frames, holes, strict=True):
        found = background.moving(frame)
        assert found[hole].mean() > 0.95
        assert (found & ~hole).sum() < 0.6 * hole.sum()  # the rim


def test_a_change_of_exposure_and_one_speck_do_not_move():
    frames, _ = scene()
    background = Background.of(list(frames))
    empty = np.median(frames, axis=0)
    brighter = np.clip(empty + 15, 0, 255).astype(np.uint8)
    assert not background.moving(brighter).any()
    speck = empty.astype(np.uint8)
    speck[10, 10] += 60
    assert not background.moving(speck).any()


def test_what_flashes_up_in_one_frame_does_not_count():
    none, all_of_it = np.zeros((4, 4), bool), np.ones((4, 4), bool)
    assert not in_most(none, all_of_it, none).any()
    assert in_most(all_of_it, none, all_of_it).all()


def test_a_frame_of_another_size_is_refused():
    frames, _ = scene()
    with pytest.raises(ShapeError):
        Background.of(list(frames)).moving(frames[0][:50])
