import pytest

from tasks.estimate_flow import EstimateFlowParams, grid


@pytest.mark.parametrize(
    ("params", "frame", "expected"),
    [
        ({}, (480, 854), (480, 854)),
        ({"scale": 0.25}, (480, 854), (120, 214)),
        ({"most_pixels": None}, (1080, 1920), (1080, 1920)),
        ({"most_pixels": 240 * 427}, (480, 854), (240, 427)),
        ({"most_pixels": 240 * 427, "scale": 0.25}, (480, 854), (120, 214)),
        ({"working_size": (7, 9), "most_pixels": 1}, (480, 854), (7, 9)),
        ({"most_pixels": 1}, (1, 5000), (1, 71)),
    ],
)
def test_the_grid_is_the_asked_share_but_not_above_the_most(params, frame, expected):
    assert grid(EstimateFlowParams(**params), *frame) == expected


def test_large_frames_have_grids_of_about_the_same_size_and_their_own_shape():
    for height, width in [(1080, 1920), (2160, 3840), (1920, 1080)]:
        rows, columns = grid(EstimateFlowParams(), height, width)
        assert 0.99 < rows * columns / 2**19 < 1.01
        assert abs(rows / columns - height / width) < 0.01
