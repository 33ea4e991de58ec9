import numpy as np
import pytest

from dfvi_models.errors import ShapeError
from dfvi_models.merging.deflicker import deflicker, draw_towards


def flows(shape, move):
    there = np.broadcast_to(np.array(move, np.float32), (*shape, 2)).copy()
    return there, -there


def grey(shape, level):
    return np.full((*shape, 3), level, np.uint8)


SHAPE = (6, 8)
HOLE = np.zeros(SHAPE, bool)
HOLE[2:4, 3:5] = True


def run(frames, holes, fw, bw, **options):
    return dict(deflicker(frames, holes, fw, bw, wanted=options.pop("wanted", range(len(frames))), **options))


def test_a_scene_that_moves_as_the_flow_says_stays_as_it_is():
    random = np.random.default_rng(0)
    scene = random.integers(0, 256, (6, 20, 3)).astype(np.uint8)
    frames = [scene[:, 5 + t : 13 + t].copy() for t in range(4)]
    there, back = flows(SHAPE, (-1, 0))
    for t, smoothed in run(frames, [HOLE] * 4, [there] * 3, [back] * 3).items():
        np.testing.assert_array_equal(smoothed, frames[t])


def test_a_pixel_becomes_the_mean_of_itself_and_its_neighbours_in_time():
    still, _ = flows(SHAPE, (0, 0))
    frames = [grey(SHAPE, level) for level in (100, 130, 190)]
    smoothed = run(frames, [HOLE] * 3, [still] * 2, [still] * 2)
    assert [int(smoothed[t][2, 3, 0]) for t in range(3)] == [115, 140, 160]
    assert int(run(frames, [HOLE] * 3, [still] * 2, [still] * 2, strength=0.5)[1][2, 3, 0]) == round((130 + 145) / 2)
    for t in range(3):
        np.testing.assert_array_equal(smoothed[t][~HOLE], frames[t][~HOLE])


def test_a_place_between_pixels_is_interpolated():
    frame = np.zeros((1, 4, 3), np.uint8)
    other = np.repeat(np.array([[0, 40, 80, 120]], np.uint8)[..., None], 3, axis=2)
    hole = np.array([[False, True, False, False]])
    there, back = flows((1, 4), (0.75, 0))
    assert draw_towards(frame, hole, [(other, there, back)])[0, 1, 0] == 35  # half of 70


def test_a_neighbour_whose_flow_contradicts_itself_counts_as_little_as_the_formula_says():
    still, there = flows(SHAPE, (0, 0))[0], flows(SHAPE, (2, 0))[0]
    smoothed = draw_towards(grey(SHAPE, 0), HOLE, [(grey(SHAPE, 200), there, still)])
    assert smoothed[2, 3, 0] == round(200 * np.exp(-1) / (1 + np.exp(-1)))


@pytest.mark.parametrize("move", [(20, 0), (0, -9), (np.nan, 0)])
def test_flow_out_of_the_frame_or_nowhere_counts_nothing(move):
    there, back = flows(SHAPE, move)
    frame = grey(SHAPE, 50)
    np.testing.assert_array_equal(draw_towards(frame, HOLE, [(grey(SHAPE, 200), there, back)]), frame)


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_a_neighbour_without_a_way_back_counts_nothing(wrong):
    there, back = flows(SHAPE, (0, 0))
    back[2, 4] = wrong
    smoothed = draw_towards(grey(SHAPE, 50), HOLE, [(grey(SHAPE, 200), there, back)])
    assert smoothed[2, 4, 0] == 50
    assert smoothed[3, 4, 0] == 125


def test_flow_of_another_size_is_refused():
    with pytest.raises(ShapeError, match=r"flows \(H, W, 2\).*\(2, 2, 2\)"):
        draw_towards(grey(SHAPE, 50), HOLE, [(grey(SHAPE, 200), *flows((2, 2), (0, 0)))])


def test_what_is_wanted_and_how_many_threads_changes_nothing():
    random = np.random.default_rng(1)
    frames = [random.integers(0, 256, (*SHAPE, 3)).astype(np.uint8) for _ in range(5)]
    fw, bw = ([random.normal(0, 1, (3, 4, 2)).astype(np.float32) for _ in range(4)] for _ in range(2))
    every = run(frames, [HOLE] * 5, fw, bw)
    part = run(frames, [HOLE] * 5, fw, bw, wanted=[4, 1], threads=3)
    assert list(part) == [1, 4]
    for t, frame in part.items():
        np.testing.assert_array_equal(frame, every[t])


def test_one_frame_and_an_empty_hole_stay():
    frame = grey(SHAPE, 7)
    np.testing.assert_array_equal(run([frame], [HOLE], [], [])[0], frame)
    still, _ = flows(SHAPE, (0, 0))
    none = np.zeros(SHAPE, bool)
    np.testing.assert_array_equal(run([frame, grey(SHAPE, 90)], [none] * 2, [still], [still])[0], frame)


def test_bad_input_is_named():
    still, _ = flows(SHAPE, (0, 0))
    with pytest.raises(ValueError, match="strength must be 0 or more; got -1"):
        run([grey(SHAPE, 0)] * 2, [HOLE] * 2, [still], [still], strength=-1)
    with pytest.raises(ShapeError, match=r"got \(6, 8\) bool, \[\(6, 9, 3\)\]"):
        draw_towards(grey((6, 9), 0), HOLE, [])
