"""LPIPS and VFID against numbers of the published code, run with the same made-up weights."""

import hashlib

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from dfvi_models.errors import ShapeError
from dfvi_models.evaluation.methods import I3d
from dfvi_models.evaluation.perceptual import FEATURES, Lpips, VideoFeatures, frechet_distance
from dfvi_models.methods import Resources
from dfvi_models.networks.runtime import Runtime
from dfvi_models.weights.checkpoint import recognise
from dfvi_models.weights.network_builders import expected_shapes
from tests.dfvi_models.evaluation.made_up_judges import judges

LPIPS_FAR, LPIPS_NEAR = 1.3384517431, 0.0215433110  # of the package lpips 0.1.4
I3D_FIRST, I3D_MEAN = (0, 0, 2.7925258, 0), 0.5519442  # of ProPainter's extract_features
FRECHET = 49.8927765768  # by scipy.linalg.sqrtm


@pytest.fixture(scope="module")
def networks():
    torch.set_num_threads(1)
    return judges()


@pytest.fixture(scope="module")
def lpips(networks):
    return Lpips(networks["alexnet"], networks["lpips"], runtime=Runtime("cpu"))


def pictures(count, height=50, width=70):
    return np.random.RandomState(0).randint(0, 256, (count, height, width, 3)).astype(np.uint8)


def test_lpips_is_that_of_the_published_package(lpips):
    first, second = pictures(2)
    near = np.clip(first.astype(int) + second // 16, 0, 255).astype(np.uint8)
    assert lpips.distance(first, second) == pytest.approx(LPIPS_FAR, rel=1e-5)
    assert lpips.distance(first, near) == pytest.approx(LPIPS_NEAR, rel=1e-5)
    assert lpips.distance(first, first) == 0


def test_lpips_refuses_what_cannot_be_compared(lpips):
    with pytest.raises(ShapeError, match=r"at least 31.*\(30, 70, 3\)"):
        lpips.distance(*pictures(2, height=30))
    with pytest.raises(ShapeError, match="of one size"):
        lpips.distance(pictures(1)[0], pictures(1, width=71)[0])


def test_features_are_those_of_the_published_code(networks):
    found = VideoFeatures(networks["i3d"], runtime=Runtime("cpu")).describe(list(pictures(7, height=45)))
    assert found.shape == (FEATURES,)
    assert found[:4] == pytest.approx(I3D_FIRST, rel=1e-4)
    assert found.mean() == pytest.approx(I3D_MEAN, rel=1e-4)
    with pytest.raises(ShapeError, match="at least 2 frames"):
        VideoFeatures(networks["i3d"], runtime=Runtime("cpu")).describe(list(pictures(1)))


def test_frechet_distance_is_that_of_the_matrix_root():
    first, second = (np.random.RandomState(k).standard_normal((5, 20)) + k for k in (0, 1))
    assert frechet_distance(first, second) == pytest.approx(FRECHET, rel=1e-6)
    assert frechet_distance(first, first) == pytest.approx(0, abs=1e-9)
    assert np.isnan(frechet_distance(first[:1], second[:1]))
    with pytest.raises(ShapeError, match="as many"):
        frechet_distance(first, second[:4])


@pytest.mark.parametrize("name", ["alexnet", "lpips", "i3d"])
def test_published_files_are_recognised_by_their_tensors(name):
    parameters = {"alexnet": 61_100_840, "lpips": 1152, "i3d": 12_697_264}
    shapes = expected_shapes(name)
    with torch.device("meta"):
        tensors = {key: torch.empty(shape) for key, shape in shapes.items()}
    assert recognise(tensors) == [name]
    statistics = sum(tensors[key].numel() for key in shapes if "running" in key)
    assert sum(tensor.numel() for tensor in tensors.values()) - statistics == parameters[name]


def test_a_judge_is_built_from_stored_weights(networks, tmp_path):
    path = tmp_path / "i3d.safetensors"
    save_file({k: v for k, v in networks["i3d"].state_dict().items() if "num_batches" not in k}, path)
    stored = path.rename(tmp_path / f"{hashlib.sha256(path.read_bytes()).hexdigest()}.safetensors")
    built = I3d().build(Resources([stored], "cpu"))
    clip = list(pictures(3, height=32, width=32))
    np.testing.assert_array_equal(
        built.describe(clip), VideoFeatures(networks["i3d"], runtime=Runtime("cpu")).describe(clip)
    )
