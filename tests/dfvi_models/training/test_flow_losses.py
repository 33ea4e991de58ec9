import pytest
import torch
from torch import Tensor

from dfvi_models.errors import ShapeError
from dfvi_models.training.flow_losses import completion_loss, hard_l1, hard_pixels, hole_l1
from tests.dfvi_models.networks.golden_networks import golden

CLOSE = {"rtol": 0, "atol": 1e-4}


def vectors() -> dict[str, Tensor]:
    return {key: torch.from_numpy(array) for key, array in golden("losses").items()}


def test_losses_and_their_gradient_equal_the_papers_code() -> None:
    v = vectors()
    x = v["x"].requires_grad_()
    torch.testing.assert_close(hole_l1(x, v["y"], v["mask"]), v["l1_mask"], **CLOSE)
    torch.testing.assert_close(hard_l1(x, v["y"], v["mask"]), v["hard"], **CLOSE)
    assert torch.equal(hard_pixels(x, v["y"], v["mask"]), v["hard_mask"])
    completion_loss(x, v["y"], v["mask"]).backward()
    torch.testing.assert_close(x.grad, v["grad_of_l1_plus_2hard"], **CLOSE)


def test_only_the_harder_half_counts_by_hand() -> None:
    """Four hole pixels with errors 1, 2, 3, 10: the one in the middle (index 2) has 3, so only 10 is harder."""
    error = torch.tensor([1.0, 2.0, 3.0, 10.0, 99.0]).reshape(1, 1, 1, 5)
    flow = torch.cat((error, torch.zeros_like(error)), dim=1)
    hole = torch.tensor([1.0, 1, 1, 1, 0]).reshape(1, 1, 1, 5)
    assert hole_l1(flow, torch.zeros_like(flow), hole) == 16 / 8
    assert hard_l1(flow, torch.zeros_like(flow), hole) == 10


@pytest.mark.parametrize("hole", [torch.zeros(2, 1, 3, 3), torch.ones(2, 1, 3, 3)])
def test_an_empty_hole_or_equal_errors_give_zero_not_nan(hole: Tensor) -> None:
    flow = torch.ones(2, 2, 3, 3, requires_grad=True)
    loss = hard_l1(flow, torch.zeros(2, 2, 3, 3), hole)
    loss.backward()
    assert loss == 0
    assert flow.grad is not None
    assert not flow.grad.any()
    assert hole_l1(flow, torch.zeros(2, 2, 3, 3), torch.zeros(2, 1, 3, 3)) == 0


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ShapeError, match="hole"):
        hole_l1(torch.zeros(1, 2, 4, 4), torch.zeros(1, 2, 4, 4), torch.zeros(1, 4, 4))
