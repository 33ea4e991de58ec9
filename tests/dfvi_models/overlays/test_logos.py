"""Logos over a moving picture: where they are and when, and that nothing is found where there is none."""

import cv2
import numpy as np
import pytest

from dfvi_models.errors import ShapeError
from dfvi_models.overlays.edge_sums import sum_edges, sum_in_blocks
from dfvi_models.overlays.logos import find_logos, present_in, stands_still
from tests.clips import texture

HEIGHT, WIDTH, COUNT = 96, 128, 24


def moving(step: int = 3) -> list[np.ndarray]:
    """A camera that moves down and to the right over a texture."""
    scene = texture(HEIGHT + step * COUNT, WIDTH + step * COUNT)
    return [
        np.ascontiguousarray(scene[step * t : step * t + HEIGHT, step * t : step * t + WIDTH]) for t in range(COUNT)
    ]


def disc(x: int, y: int) -> np.ndarray:
    return cv2.circle(np.zeros((HEIGHT, WIDTH), np.uint8), (x, y), 10, 1, -1) > 0


def stamped(frames, hole, alpha=1.0, times=(0, COUNT)):
    laid = [frame.copy() for frame in frames]
    for frame in laid[slice(*times)]:
        frame[hole] = np.round(alpha * np.array([250, 40, 40]) + (1 - alpha) * frame[hole])
    return laid


def overlap(one, other):
    return (one & other).sum() / (one | other).sum()


@pytest.mark.parametrize("alpha", [1.0, 0.5])
def test_a_logo_is_found_and_marked_whether_it_is_opaque_or_not(alpha):
    frames = stamped(moving(), disc(100, 20), alpha)
    (logo,) = find_logos(sum_in_blocks(frames))
    assert overlap(logo.marked, disc(100, 20)) > 0.8
    assert present_in([logo.presence(frame) for frame in frames]) == [(0, COUNT)]


def test_nothing_is_found_where_the_picture_only_moves():
    blocks = sum_in_blocks(moving())
    assert not stands_still(blocks)
    assert find_logos(blocks) == []


def test_before_a_still_camera_it_says_that_nothing_can_be_told():
    assert stands_still(sum_in_blocks([texture(HEIGHT, WIDTH)] * COUNT))


def test_a_logo_that_comes_later_has_its_frames():
    frames = [*moving(), *moving()]
    frames = [*frames[:20], *stamped(frames[20:], disc(24, 70), times=(0, 28))]
    (logo,) = find_logos(sum_in_blocks(frames))
    assert present_in([logo.presence(frame) for frame in frames]) == [(20, 48)]


def test_a_moment_in_which_something_resembles_it_is_no_time_of_a_logo():
    assert present_in([1.0] * 2 + [0.0] * 8 + [1.0] * 6 + [0.0] * 4) == [(10, 16)]


def test_a_frame_of_another_size_is_refused():
    (logo,) = find_logos(sum_in_blocks(stamped(moving(), disc(100, 20))))
    with pytest.raises(ShapeError, match="expected a frame of"):
        logo.presence(np.zeros((10, 10, 3), np.uint8))


def test_blocks_hold_all_frames_in_order_and_are_few():
    frames = [np.full((4, 6, 3), t, np.uint8) for t in range(37)]
    blocks = sum_in_blocks(frames, most=4)
    assert [block.count for block in blocks] == [16, 16, 5]
    assert blocks[2].mean[0, 0, 0] == pytest.approx(np.mean(range(32, 37)))
    together = sum_edges(frames)
    assert np.allclose(sum(block.energy for block in blocks), together.energy)
