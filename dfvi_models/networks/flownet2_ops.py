"""The three operations FlowNet2 needs beside convolutions, as ordinary differentiable torch operations.

Source: arXiv:1612.01925 (FlowNet 2.0) and arXiv:1504.06852, section 3 (correlation). The published networks were
trained with CUDA layers of the same arithmetic; the numbers below are the only ones they use.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from dfvi_models.errors import ShapeError

MAX_DISPLACEMENT = 20  # pixels of the feature map, each way
DISPLACEMENT_STEP = 2
STEPS = MAX_DISPLACEMENT // DISPLACEMENT_STEP  # 10 each way
WIDTH = 2 * STEPS + 1  # 21 displacements per axis -> 441 channels


def correlation(a: Tensor, b: Tensor) -> Tensor:
    """Return the mean over channels of a(y, x) * b(y + 2j, x + 2i) for i, j = -10 .. 10; `b` is zero outside.

    a, b    : (B, C, H, W) float features on the same grid.
    Returns : (B, 441, H, W); channel (j + 10) * 21 + (i + 10): the vertical displacement is the slow index.
    Raises  : ShapeError if the two differ in shape or are not 4-D.

    One matrix product per vertical displacement: columns of equal parity are multiplied with each other and the band
    of 21 horizontal displacements is cut out. Beyond inputs and output it holds one zero-padded copy of `b` and one
    (B, H, 2, W/2, W/2 + 20) block of products: 2.4 MB for features of 56 x 128, 18 MB for 135 x 240.
    """
    if a.shape != b.shape or a.ndim != 4:
        raise ShapeError(f"features must both be (B, C, H, W); got {tuple(a.shape)} and {tuple(b.shape)}")
    batch, channels, height, width = a.shape
    rows_a = _columns_by_parity(F.pad(a / channels, (0, width % 2)))  # divided first: sums stay within float16
    margin = MAX_DISPLACEMENT
    rows_b = _columns_by_parity(F.pad(b, (margin, margin + width % 2, margin, margin))).transpose(-1, -2)
    bands = []
    for shift in range(0, 2 * margin + 1, DISPLACEMENT_STEP):
        products = rows_a @ rows_b[:, shift : shift + height]  # (B, H, 2, X, X + 20)
        bands.append(_band(products).permute(0, 4, 1, 3, 2).reshape(batch, WIDTH, height, -1)[..., :width])
    return torch.cat(bands, dim=1)


def _columns_by_parity(features: Tensor) -> Tensor:
    """Map (B, C, H, 2X) to (B, H, 2, X, C), even columns before odd ones: a step of 2 becomes a step of 1."""
    batch, channels, height, width = features.shape
    return features.reshape(batch, channels, height, width // 2, 2).permute(0, 2, 4, 3, 1).contiguous()


def _band(products: Tensor) -> Tensor:
    """Return the diagonals [x, x + i], i = 0 .. 20, of (..., X, X + 20) as a view (..., X, 21)."""
    products = products.contiguous()
    columns = products.shape[-1]
    size = (*products.shape[:-1], WIDTH)
    return products.as_strided(size, (*products.stride()[:-2], columns + 1, 1))


def resample(image: Tensor, flow: Tensor) -> Tensor:
    """Warp (gather) an image: its value at x + flow(x), bilinear, coordinates clamped to the image.

    image   : (B, C, H, W) float.
    flow    : (B, 2, H, W) float, pixels; channel 0 = dx, 1 = dy.
    Returns : (B, C, H, W) at least float32: bfloat16 would lose pixels of position at x = 1000. Not `F.grid_sample`,
              whose positions in -1 .. 1 are off by 6e-5 pixels at that width.
    Raises  : ShapeError if the shapes do not fit.
    """
    if image.ndim != 4 or flow.shape != (image.shape[0], 2, *image.shape[2:]):
        raise ShapeError(
            f"image must be (B, C, H, W) and flow (B, 2, H, W); got {tuple(image.shape)}, {tuple(flow.shape)}"
        )
    image, flow = (tensor.to(torch.promote_types(tensor.dtype, torch.float32)) for tensor in (image, flow))
    height, width = image.shape[2:]
    x = torch.arange(width, device=flow.device) + flow[:, :1]
    y = torch.arange(height, device=flow.device)[:, None] + flow[:, 1:]
    left, top = x.floor(), y.floor()
    right_share, bottom_share = x - left, y - top
    columns = [(left.long() + k).clamp(0, width - 1) for k in (0, 1)]
    rows = [(top.long() + k).clamp(0, height - 1) * width for k in (0, 1)]
    upper, lower = (_mix(_pick(image, row + columns[0]), _pick(image, row + columns[1]), right_share) for row in rows)
    return _mix(upper, lower, bottom_share)


def _pick(image: Tensor, positions: Tensor) -> Tensor:
    """Return the pixels of (B, C, H, W) at flat positions (B, 1, H, W), the same for every channel."""
    flat = positions.flatten(2).expand(-1, image.shape[1], -1)
    return image.flatten(2).gather(2, flat).reshape(image.shape)


def _mix(first: Tensor, second: Tensor, share: Tensor) -> Tensor:
    return first * (1 - share) + second * share


class _ChannelNorm(torch.autograd.Function):
    """Square root of a sum of squares whose gradient at zero is zero, not NaN."""

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, x: Tensor) -> Tensor:
        norm = x.square().sum(dim=1, keepdim=True).sqrt()
        ctx.save_for_backward(x, norm)
        return norm

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, *grad_outputs: Tensor) -> Tensor:
        x, norm = ctx.saved_tensors  # type: ignore[attr-defined]
        gradient: Tensor = grad_outputs[0] * x / (norm + 1e-9)
        return gradient


def channelnorm(x: Tensor) -> Tensor:
    """Return the Euclidean length over channels (B, 1, H, W). The gradient divides by length + 1e-9."""
    if x.ndim != 4:
        raise ShapeError(f"expected (B, C, H, W); got {tuple(x.shape)}")
    norm: Tensor = _ChannelNorm.apply(x)  # type: ignore[no-untyped-call]
    return norm
