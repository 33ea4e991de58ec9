import numpy as np
import pytest
import torch
from torch import nn

from dfvi_models.flow_estimation.pair_network import LearnedEstimator
from dfvi_models.methods import EstimatorMethod
from storage.cache.root import Root
from tasks.decode import DecodeParams, MediaInput, decode
from tasks.estimate_flow import EstimateFlowParams, estimate_flow, grid
from tasks.stage.cached_stage import Job
from tests.clips import panning_clip


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


class OneEverywhere(nn.Module):
    """A network for pairs of frames that finds a shift of (1, 1)."""

    def forward(self, first, second):
        return torch.ones(len(first), 2, *first.shape[-2:])


class OnePixel(EstimatorMethod):
    """What every network for pairs of frames is built like."""

    name = "one_pixel"

    def build(self, resources, *, working_size):
        return LearnedEstimator(OneEverywhere(), working_size=working_size)


def test_a_network_estimates_flow_on_the_asked_grid_and_in_its_pixels(tmp_path):
    clip, job = panning_clip(tmp_path / "clip", count=3), Job(str(Root.create(tmp_path / "root").path), "clip")
    inputs = {"video": MediaInput.video(str(clip.video)), "mask": MediaInput.mask(str(clip.mask))}
    decoded = decode.run(job, DecodeParams(), inputs)
    flow = estimate_flow.run(job, EstimateFlowParams(estimator=OnePixel(), scale=0.5), {"clip": decoded}).open(job)
    np.testing.assert_array_equal(flow["flow_bw"][1], np.ones((24, 32, 2)))
