import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from dfvi_models.errors import ShapeError
from dfvi_models.flow_completion.dfc_inputs import (
    carry_over,
    fill_initially,
    resize_flow_clipped,
    to_map,
    window_numbers,
)
from dfvi_models.flow_completion.dfc_stage import Map, compose
from dfvi_models.numerics.holes import dilate_by_square, resize_hole_for_bilinear, resize_hole_nearest
from tests.dfvi_models.networks.golden_networks import golden

VECTORS = golden("dfc_stacks")
SIZE = tuple(VECTORS["shape"].tolist())
FRAMES = len(VECTORS["masks"])
HOLES = VECTORS["masks"] > 0


def first_map(flow: NDArray[np.float32], number: int, kernel: int = 0) -> NDArray[np.float32]:
    hole = dilate_by_square(resize_hole_nearest(HOLES[number], *SIZE), kernel)
    return to_map(fill_initially(resize_flow_clipped(flow[number], SIZE), hole), hole)


def refine_map(flow: NDArray[np.float32], number: int) -> NDArray[np.float32]:
    return to_map(resize_flow_clipped(flow[number], SIZE), resize_hole_nearest(HOLES[number], *SIZE))


@pytest.mark.parametrize(
    ("name", "flow", "centre", "last", "kernel"),
    [
        ("init_row0", "flow_f", 0, FRAMES - 2, 0),
        ("init_row24", "flow_r", 12, FRAMES - 1, 0),
        ("enl5_init_row3", "flow_f", 3, FRAMES - 2, 5),
    ],
)
def test_first_stage_input_and_result_equal_the_papers_code(
    name: str, flow: str, centre: int, last: int, kernel: int
) -> None:
    """Tolerance 1e-4: resizing and the Laplace solver round differently."""
    maps = [first_map(VECTORS[flow], k, kernel) for k in window_numbers(centre, 0, last)]
    np.testing.assert_allclose(np.concatenate(maps), VECTORS[f"{name}_x"], rtol=0, atol=1e-4)
    (flow_found,) = compose(torch.from_numpy(VECTORS[f"{name}_net"][0]), (Map(torch.from_numpy(maps[5]), True),))
    np.testing.assert_allclose(flow_found.transpose(2, 0, 1), VECTORS[f"{name}_complete"][0], rtol=0, atol=1e-4)


def test_refinement_input_and_result_equal_the_papers_code() -> None:
    """The last window: its forward part is clamped to the last forward flow, centre included."""
    forward = [refine_map(VECTORS["flow_f"], k) for k in window_numbers(12, 0, FRAMES - 2)]
    backward = [refine_map(VECTORS["flow_r"], k) for k in window_numbers(12, 0, FRAMES - 1)]
    np.testing.assert_allclose(np.concatenate(forward + backward), VECTORS["refine_row12_x"], rtol=0, atol=1e-4)
    centres = tuple(Map(torch.from_numpy(maps[5]), True) for maps in (forward, backward))
    found = compose(torch.from_numpy(VECTORS["refine_row12_net"][0]), centres)
    for flow, direction in zip(found, "fr", strict=True):
        expected = VECTORS[f"refine_row12_complete_{direction}"][0]
        np.testing.assert_allclose(flow.transpose(2, 0, 1), expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize(("start", "frames"), [(0, 13), (0, 14), (0, 30), (7, 20)])
def test_windows_equal_the_papers_code(start: int, frames: int) -> None:
    expected = {
        key.split("_", 2)[2]: v for key, v in golden("windows").items() if key[:7] == f"s{start}_n{frames}_"[:7]
    }
    forward = [window_numbers(c, 0, frames - 2) for c in range(frames)]
    backward = [window_numbers(c, 0, frames - 1) for c in range(frames)]
    for kind in ("flow", "mask"):
        np.testing.assert_array_equal(np.array(forward[:-1]) + start, expected[f"init_f_{kind}"])
        np.testing.assert_array_equal(np.array(backward) + start, expected[f"init_r_{kind}"])
        np.testing.assert_array_equal(np.array(forward) + start, expected[f"refine_f_{kind}"])
        np.testing.assert_array_equal(np.array(backward) + start, expected[f"refine_r_{kind}"])


def test_a_resized_flow_is_in_pixels_of_its_grid() -> None:
    flow = np.full((10, 20, 2), [8.0, 3.0], np.float32)
    np.testing.assert_allclose(resize_flow_clipped(flow, (5, 40)), np.full((5, 40, 2), [16.0, 1.5]))


def test_a_flow_longer_than_the_picture_is_cut() -> None:
    flow = np.full((10, 20, 2), [-50.0, 30.0], np.float32)
    np.testing.assert_allclose(resize_flow_clipped(flow, (10, 20)), np.full((10, 20, 2), [-20.0, 10.0]))


def test_a_thin_hole_survives_on_a_coarse_grid_unless_sampled_like_the_reference() -> None:
    hole = np.zeros((9, 16), bool)
    hole[:, 7] = True
    np.testing.assert_array_equal(resize_hole_for_bilinear(hole, 3, 4), [[0, 1, 0, 0]] * 3)
    assert not resize_hole_nearest(hole, 3, 4).any()
    assert resize_hole_for_bilinear(hole, 18, 32).any()


def test_an_even_kernel_grows_one_more_right_and_down() -> None:
    hole = np.zeros((20, 20), bool)
    hole[9, 9] = True
    rows, columns = np.nonzero(dilate_by_square(hole, 10))
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (5, 14, 5, 14)
    assert dilate_by_square(hole, 1) is hole


def test_the_initial_fill_changes_the_hole_only_and_looks_at_nothing_in_it() -> None:
    random = np.random.default_rng(0)
    flow = random.normal(size=(21, 33, 2)).astype(np.float32)
    hole = np.zeros((21, 33), bool)
    hole[4:12, 8:25] = True
    filled = fill_initially(flow, hole)
    np.testing.assert_array_equal(filled[~hole], flow[~hole])
    spoilt = flow.copy()
    spoilt[5:11, 9:24] = 1e6  # inside the hole, a pixel off its rim: half-size pixels on the rim mix both sides
    np.testing.assert_allclose(fill_initially(spoilt, hole)[~hole], flow[~hole])
    assert np.abs(fill_initially(spoilt, hole)).max() < 10
    assert fill_initially(flow, np.zeros_like(hole)) is flow


def test_a_coarser_flow_is_carried_into_the_hole_only() -> None:
    coarse = np.full((2, 2, 2), 1, np.float32)
    known = np.zeros((4, 4, 2), np.float32)
    hole = np.eye(4, dtype=bool)
    np.testing.assert_array_equal(carry_over(coarse, known, hole)[..., 0], 2 * hole)
    assert (carry_over(coarse, known, hole, everywhere=True) == 2).all()


def test_a_flow_of_three_channels_is_refused() -> None:
    with pytest.raises(ShapeError, match=r"\(4, 4, 3\)"):
        resize_flow_clipped(np.zeros((4, 4, 3), np.float32), (2, 2))
