import numpy as np
import pytest
import torch
from torch import Tensor

from dfvi_models.errors import ShapeError
from dfvi_models.networks.flownet2_ops import channelnorm, correlation, resample
from tests.dfvi_models.networks.golden_networks import golden


def naive_correlation(a: Tensor, b: Tensor) -> Tensor:
    batch, channels, height, width = a.shape
    out = torch.zeros(batch, 441, height, width, dtype=a.dtype)
    for j in range(-10, 11):
        for i in range(-10, 11):
            for y in range(height):
                for x in range(width):
                    if 0 <= y + 2 * j < height and 0 <= x + 2 * i < width:
                        product = (a[:, :, y, x] * b[:, :, y + 2 * j, x + 2 * i]).sum(1) / channels
                        out[:, (j + 10) * 21 + i + 10, y, x] = product
    return out


@pytest.mark.parametrize("size", [(7, 5), (1, 1), (4, 10), (3, 9)])
def test_correlation_equals_a_naive_loop(size: tuple[int, int]) -> None:
    random = torch.Generator().manual_seed(0)
    a, b = torch.randn(2, 2, 3, *size, generator=random, dtype=torch.float64).unbind(0)
    torch.testing.assert_close(correlation(a, b), naive_correlation(a, b))


def test_correlation_finds_the_displacement_right_is_fast_down_is_slow() -> None:
    a = torch.zeros(1, 1, 9, 12)
    b = torch.zeros(1, 1, 9, 12)
    a[0, 0, 2, 3] = b[0, 0, 6, 5] = 1  # 4 down, 2 right
    found = correlation(a, b)
    assert found.sum() == 1
    assert found[0, (2 + 10) * 21 + (1 + 10), 2, 3] == 1


def test_operations_reproduce_the_published_layers() -> None:
    """Tolerance 1e-4: sums in another order; noise seen is below 1e-5."""
    vectors = {key: torch.from_numpy(array) for key, array in golden("flownet2_ops").items()}
    close = {"rtol": 0, "atol": 1e-4}
    torch.testing.assert_close(correlation(vectors["corr_a"], vectors["corr_b"]), vectors["corr_out"], **close)
    torch.testing.assert_close(
        resample(vectors["resample_img"], vectors["resample_flow"]), vectors["resample_out"], **close
    )
    torch.testing.assert_close(channelnorm(vectors["channelnorm_in"]), vectors["channelnorm_out"], **close)


def test_gradients_equal_finite_differences() -> None:
    random = torch.Generator().manual_seed(1)
    a, b = torch.randn(2, 1, 2, 4, 5, generator=random, dtype=torch.float64).unbind(0)
    flow = torch.randint(-2, 3, (1, 2, 4, 5), generator=random) + 0.3 + 0 * a  # away from the kinks at whole pixels
    for tensor in (a, b, flow):
        tensor.requires_grad_()
    assert torch.autograd.gradcheck(correlation, (a, b), fast_mode=True)
    assert torch.autograd.gradcheck(resample, (a, flow))
    assert torch.autograd.gradcheck(channelnorm, (a,))


def test_correlation_of_large_features_stays_within_float16() -> None:
    a = torch.full((1, 256, 2, 2), 100.0)
    with torch.autocast("cpu", dtype=torch.float16):
        assert correlation(a, a).max().item() == pytest.approx(10_000, rel=1e-2)


def test_gradient_of_channelnorm_at_zero_is_zero() -> None:
    x = torch.zeros(1, 3, 2, 2, requires_grad=True)
    channelnorm(x).sum().backward()
    assert x.grad is not None
    assert torch.equal(x.grad, torch.zeros_like(x))


def test_resample_pulls_from_the_right_and_from_below_and_clamps_at_the_edge() -> None:
    image = torch.arange(12.0).reshape(1, 1, 3, 4)
    right, down = torch.zeros(2, 1, 2, 3, 4).unbind(0)
    right[:, 0], down[:, 1] = 1, 1
    np.testing.assert_allclose(resample(image, right)[0, 0], [[1, 2, 3, 3], [5, 6, 7, 7], [9, 10, 11, 11]], atol=1e-5)
    np.testing.assert_allclose(resample(image, down)[0, 0], [[4, 5, 6, 7], [8, 9, 10, 11], [8, 9, 10, 11]], atol=1e-5)


def test_wrong_shapes_are_refused() -> None:
    with pytest.raises(ShapeError, match=r"\(1, 2, 3, 4\) and \(1, 2, 3, 5\)"):
        correlation(torch.zeros(1, 2, 3, 4), torch.zeros(1, 2, 3, 5))
    with pytest.raises(ShapeError, match="flow"):
        resample(torch.zeros(1, 3, 4, 4), torch.zeros(1, 3, 4, 4))
    with pytest.raises(ShapeError, match="expected"):
        channelnorm(torch.zeros(3, 4, 4))


def test_correlation_of_a_448_by_1024_frame_needs_little_memory() -> None:
    """The features there are 256 x 56 x 128. The limit of 1 GB beyond inputs and output is kept by far."""
    a = torch.zeros(1, 256, 56, 128)
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profile:
        correlation(a, a)
    now = peak = 0
    for event in profile.profiler.kineto_results.events():  # allocations and releases in the order they happened
        if event.name() == "[memory]":
            now += event.nbytes()
            peak = max(peak, now)
    assert 0 < peak < 100e6
