"""What is odd about a mask is said, and nothing of a good one."""

import cv2
import numpy as np
import pytest

from dfvi_models.errors import ShapeError
from dfvi_models.masks.checking import judge_masks
from dfvi_models.masks.measures import measure_masks
from tests.clips import texture

COUNT, HEIGHT, WIDTH = 16, 90, 140


@pytest.fixture(scope="module")
def clip():
    """Frames of a striped ball that swings before a texture, and its masks, marked a little too large."""
    scene, frames, holes = texture(HEIGHT, WIDTH) // 2, [], []
    for t in range(COUNT):
        centre = (30 + 5 * t, 45 + round(16 * np.sin(t / 2)))
        frame = scene.copy()
        cv2.circle(frame, centre, 14, (250, 240, 200), -1)
        cv2.circle(frame, centre, 7, (250, 60, 20), -1)
        hole = np.zeros((HEIGHT, WIDTH), np.uint8)
        cv2.circle(hole, centre, 17, 1, -1)
        frames.append(frame)
        holes.append(hole > 0)
    return frames, holes


def found(frames, holes):
    return {finding.kind: finding for finding in judge_masks(list(measure_masks(frames, holes)))}


def test_nothing_is_said_of_a_good_mask(clip):
    assert found(*clip) == {}


@pytest.mark.parametrize("late", [-2, -1, 1, 2])
def test_a_mask_that_runs_behind_or_ahead_is_found(clip, late):
    frames, holes = clip
    shifted = [holes[min(max(t - late, 0), COUNT - 1)] for t in range(COUNT)]
    finding = found(frames, shifted)["late"]
    assert (finding.amount, finding.frames) == (late, ())


def test_a_mask_that_stands_still_is_never_late(clip):
    frames, holes = clip
    assert found(frames, [holes[8]] * COUNT) == {}


def test_missing_frames_lie_between_marked_ones(clip):
    frames, holes = clip
    empty = np.zeros_like(holes[0])
    assert found(frames, [*holes[:5], empty, empty, *holes[7:]])["missing"].frames == (5, 6)
    assert "missing" not in found(frames, [empty] * 4 + holes[4:])


def test_a_jump_is_named_once_and_a_cut_is_none(clip):
    frames, holes = clip
    elsewhere = np.roll(holes[7], 60, axis=1)
    assert found(frames, [*holes[:7], elsewhere, *holes[8:]])["jump"].frames == (7,)
    still = [holes[0]] * 8 + [holes[12]] * 8
    assert found(frames[:1] * 16, still)["jump"].frames == (8,)
    assert "jump" not in found(frames[:1] * 8 + [255 - frames[0]] * 8, still)


def test_gaps_and_specks_are_measured(clip):
    frames, holes = clip
    odd = [hole.copy() for hole in holes]
    for t, hole in enumerate(odd):
        hole[45 + round(16 * np.sin(t / 2)), 30 + 5 * t] = False
        hole[2:4, 2] = True
    findings = found(frames, odd)
    assert (findings["gaps"].amount, findings["specks"].amount) == (1, 2)
    assert findings["gaps"].frames == tuple(range(COUNT))


def test_inverted_large_and_empty_masks(clip):
    frames, holes = clip
    inverted = found(frames, [~hole for hole in holes])
    assert "large" not in inverted
    assert inverted["inverted"].amount == pytest.approx(1 - np.mean(holes), abs=1e-6)
    half = np.zeros((HEIGHT, WIDTH), bool)
    half[10:80, 10:110] = True
    assert "large" in found(frames, [half] * COUNT)
    assert list(found(frames, [np.zeros_like(half)] * COUNT)) == ["empty"]


def test_a_hole_of_another_size_than_its_frame_is_refused(clip):
    with pytest.raises(ShapeError, match="size"):
        list(measure_masks(clip[0], [np.zeros((4, 4), bool)]))
