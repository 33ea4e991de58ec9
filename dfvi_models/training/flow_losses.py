"""Training losses of DFC-Net: mean error in the hole, and the same over its harder half.

Source: arXiv:1905.02884, section 3.1 (hard flow example mining), with the weights and the normalisation of the
authors' code. Where that code divides by zero (nothing kept, empty hole) the loss here is 0 and its gradient too.
"""

import torch
from torch import Tensor

from dfvi_models.errors import ShapeError

HARD_SHARE = 0.5  # of a hole's pixels, ordered by error, that count as easy
HARD_WEIGHT = 2.0  # of stage 1; the paper has 1 in stages 2 and 3


def hole_l1(flow: Tensor, target: Tensor, hole: Tensor) -> Tensor:
    """Return the mean absolute error of both components over the pixels of all holes.

    flow, target : (B, 2, H, W) float, pixels.
    hole         : (B, 1, H, W) float, 1 = hole, else 0.
    Returns      : scalar, pixels.
    Raises       : ShapeError if the shapes do not fit.
    """
    error = _error(flow, target, hole)
    return (error * hole).sum() / (flow.shape[1] * hole.sum()).clamp(min=1)


def hard_pixels(flow: Tensor, target: Tensor, hole: Tensor) -> Tensor:
    """Return the harder half of each hole: 1 where the error exceeds the median error of the hole.

    Returns : (B, 1, H, W) float, 0 or 1, without gradient. Empty where all errors of a hole are equal.
    """
    error = _error(flow.detach(), target, hole)
    kept = torch.zeros_like(error)
    for k in range(len(error)):
        inside = hole[k] > 0
        ordered = error[k][inside].sort().values
        if len(ordered):
            kept[k] = (inside & (error[k] > ordered[int(HARD_SHARE * len(ordered))])).to(error.dtype)
    return kept


def hard_l1(flow: Tensor, target: Tensor, hole: Tensor) -> Tensor:
    """Return the mean of |dx error| + |dy error| over the hard pixels: at equal error twice `hole_l1`, as published."""
    kept = hard_pixels(flow, target, hole)
    return (_error(flow, target, hole) * kept).sum() / kept.sum().clamp(min=1)


def completion_loss(flow: Tensor, target: Tensor, hole: Tensor, hard_weight: float = HARD_WEIGHT) -> Tensor:
    """Return the paper's loss of one direction; the refining stages sum it over both, with a smaller `hard_weight`."""
    return hole_l1(flow, target, hole) + hard_weight * hard_l1(flow, target, hole)


def _error(flow: Tensor, target: Tensor, hole: Tensor) -> Tensor:
    """Return |dx error| + |dy error| of each pixel, (B, 1, H, W)."""
    batch, _, height, width = flow.shape
    if flow.shape != (batch, 2, height, width) or target.shape != flow.shape or hole.shape != (batch, 1, height, width):
        raise ShapeError(
            "flow and target must be (B, 2, H, W), hole (B, 1, H, W); "
            f"got {tuple(flow.shape)}, {tuple(target.shape)}, {tuple(hole.shape)}"
        )
    return (flow - target).abs().sum(dim=1, keepdim=True)
