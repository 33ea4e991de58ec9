"""DFC-Net: completes the flow of one frame from a window of 11 flow maps and holes.

Source: arXiv:1905.02884, section 3.1; layers and parameter names as in the published checkpoints
(`resnet101_movie.pth`, `resnet50_stage1.pth`, `davis_stage2.pth`, `davis_stage3.pth`), which load strictly once the
prefix `module.` is off. Flows are pixels at the size of the input, in and out; nothing is normalised.

The backbone `compact` is ours. It predicts what is to be added to the input flow of the window's centre, so that it
need not learn what the initial flow knows; both are taken relative to the mean and the spread of that flow, so that a
slow clip teaches it as much as a fast one. Without that it learns nothing from some dozen clips.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dfvi_models.errors import ShapeError

WINDOW = 11  # flow maps t-5 .. t+5
REACH = WINDOW // 2
IN_FIRST = WINDOW * (2 + 1)  # dx, dy, hole per map -> 33 channels
IN_REFINE = 2 * IN_FIRST  # forward and backward windows -> 66 channels
OUT_FIRST = 2  # the completed flow of the centre; refinement: 4, forward before backward
EXPANSION = 4  # a bottleneck's output channels per inner channel
BLOCKS = {"resnet50": (3, 4, 6, 3), "resnet101": (3, 4, 23, 3), "compact": (1, 1, 2, 1)}
COMPACT = 4  # the compact backbone has so many times fewer channels in each layer
SHARE = 0.3  # of the spread of motion: the unit of what the compact network predicts, about as much as there is to add
LEAST_SPREAD = 0.05  # pixels, added to every spread: below it lies the noise of estimated flow
SLOPE = 0.1  # so that a head that adds nothing yet can still learn: with plain ReLUs it dies within some hundred steps

Backbone = Literal["resnet50", "resnet101", "compact"]
"""resnet50 and compact come with the multi-scale head, resnet101 with the single-scale one, as published."""
Norm = Callable[[int], nn.Module]


class FrozenNorm(nn.Module):
    """Batch normalisation by stored statistics, never trained: the published networks were trained with it so.

    Its four tensors have the names of `nn.BatchNorm2d`; there is no `num_batches_tracked`.
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels), requires_grad=False)
        self.bias = nn.Parameter(torch.zeros(channels), requires_grad=False)
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to the same shape."""
        return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, training=False)


class Bottleneck(nn.Module):
    """Convolutions 1x1, 3x3 and 1x1 with a shortcut. The stride sits in the first, as in the Caffe networks."""

    def __init__(self, inputs: int, inner: int, *, stride: int, dilation: int, first: bool, norm: Norm) -> None:
        super().__init__()
        outputs = inner * EXPANSION
        self.conv1, self.bn1 = nn.Conv2d(inputs, inner, 1, stride, bias=False), norm(inner)
        self.conv2 = nn.Conv2d(inner, inner, 3, padding=dilation, dilation=dilation, bias=False)
        self.bn2 = norm(inner)
        self.conv3, self.bn3 = nn.Conv2d(inner, outputs, 1, bias=False), norm(outputs)
        self.downsample = (
            nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), norm(outputs)) if first else None
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, inputs, H, W) to (B, 4 * inner, H / stride, W / stride)."""
        shortcut = x if self.downsample is None else self.downsample(x)
        x = F.relu(self.bn1(self.conv1(x)), inplace=True)
        x = F.relu(self.bn2(self.conv2(x)), inplace=True)
        x = self.bn3(self.conv3(x))
        return F.relu(x + shortcut, inplace=True)


class SingleScaleHead(nn.Module):
    """One 1x1 convolution, then bilinear to the size of the input."""

    def __init__(self, features: int, outputs: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(features, outputs, 1)

    def forward(self, features: Tensor, size: tuple[int, int]) -> Tensor:
        """Map (B, features, h, w) to (B, outputs, *size)."""
        return _resize(_to_flow(self.conv1, features), size)


class MultiScaleHead(nn.Module):
    """Three convolutions at a quarter, half and the whole of the input size. slope: of its ReLUs below 0."""

    def __init__(self, features: int, outputs: int, slope: float = 0.0) -> None:
        super().__init__()
        self.slope = slope
        self.conv1 = nn.Conv2d(features, features // 8, 5, padding=2)
        self.conv2 = nn.Conv2d(features // 8, features // 16, 3, padding=1)
        self.conv3 = nn.Conv2d(features // 16, outputs, 1)

    def forward(self, features: Tensor, size: tuple[int, int]) -> Tensor:
        """Map (B, features, h, w) to (B, outputs, *size)."""
        height, width = size
        x = F.leaky_relu(self.conv1(_resize(features, (height // 4, width // 4))), self.slope, inplace=True)
        x = F.leaky_relu(self.conv2(_resize(x, (height // 2, width // 2))), self.slope, inplace=True)
        return _to_flow(self.conv3, _resize(x, size))


def _to_flow(last: nn.Conv2d, features: Tensor) -> Tensor:
    """Apply the last convolution in float32 even under autocast: bfloat16 steps by 0.06 at 10 pixels."""
    with torch.autocast(features.device.type, enabled=False):
        flow: Tensor = last(features.float())
    return flow


def _resize(x: Tensor, size: tuple[int, int]) -> Tensor:
    return F.interpolate(x, size, mode="bilinear", align_corners=False)


@dataclass(frozen=True)
class _Layer:
    inner: int
    stride: int
    dilation: int


LAYERS = (_Layer(64, 1, 1), _Layer(128, 2, 1), _Layer(256, 1, 2), _Layer(512, 1, 4))


class DfcNet(nn.Module):
    """One network of the stack, which completes flow on one grid.

    backbone : `resnet50` (multi-scale head), `resnet101` (single-scale head), or `compact`: fewer blocks, a quarter of
               the channels.
    maps     : 1 for the first stage (33 -> 2 channels), 2 for refinement of both directions at once (66 -> 4).
    norm     : `nn.BatchNorm2d` to train it from random weights; its tensors then load into the frozen one.
    """

    share: Tensor

    def __init__(self, backbone: Backbone | str = "resnet50", *, maps: int = 1, norm: Norm = FrozenNorm) -> None:
        super().__init__()
        if backbone not in BLOCKS or maps not in (1, 2):
            raise ValueError(f"backbone must be one of {sorted(BLOCKS)} and maps 1 or 2; got {backbone!r} and {maps}")
        self.inputs, self.outputs = maps * IN_FIRST, maps * OUT_FIRST
        thinner = COMPACT if backbone == "compact" else 1
        channels = 64 // thinner
        self.conv1, self.bn1 = nn.Conv2d(self.inputs, channels, 7, 2, padding=3), norm(channels)
        for number, (layer, blocks) in enumerate(zip(LAYERS, BLOCKS[backbone], strict=True), 1):
            inner = layer.inner // thinner
            self.add_module(f"layer{number}", _residual_layer(channels, inner, layer, blocks, norm))
            channels = inner * EXPANSION
        self.adds = backbone == "compact"
        if self.adds:
            self.register_buffer("share", torch.tensor(SHARE))
        self.layer5: nn.Module = (
            SingleScaleHead(channels, self.outputs)
            if backbone == "resnet101"
            else MultiScaleHead(channels, self.outputs, SLOPE if self.adds else 0.0)
        )

    def forward(self, stack: Tensor) -> Tensor:
        """Return the completed flow of the window's centre, not composed with the known flow.

        stack   : (B, 33 or 66, H, W) float32: dx, dy (pixels), hole (0 or 1) of 11 maps, forward before backward.
        Returns : (B, 2 or 4, H, W) float32, pixels.
        Raises  : ShapeError for another number of channels or a side under 8 pixels.
        """
        if stack.ndim != 4 or stack.shape[1] != self.inputs or min(stack.shape[2:]) < 8:
            raise ShapeError(f"stack must be (B, {self.inputs}, H >= 8, W >= 8); got {tuple(stack.shape)}")
        if self.adds:
            start, relative = _relative(stack)
            return start + self.share * motion_spread(stack) * self._flow(relative)
        return self._flow(stack)

    def _flow(self, stack: Tensor) -> Tensor:
        x = F.relu(self.bn1(self.conv1(stack)), inplace=True)
        x = F.max_pool2d(x, 3, stride=2, padding=1, ceil_mode=True)  # one larger than a quarter: 424 -> 107
        for number in range(1, 5):
            x = self.get_submodule(f"layer{number}")(x)
        flow: Tensor = self.layer5(x, tuple(stack.shape[2:]))
        return flow.float()


def motion_spread(stack: Tensor) -> Tensor:
    """Return how far the flow of the window's centre lies from its mean, on average: (B, 2 or 4, 1, 1), pixels, > 0.

    One number for dx and dy of a direction. stack : as in `DfcNet.forward`.
    """
    centre = _windows(stack)[:, :, REACH, :2]
    apart = (centre - centre.mean(dim=(-2, -1), keepdim=True)).abs().mean(dim=(-3, -2, -1))
    return (apart + LEAST_SPREAD).repeat_interleave(2, dim=1)[..., None, None]


def _relative(stack: Tensor) -> tuple[Tensor, Tensor]:
    """Return the flow of the centre (B, 2 or 4, H, W), and the stack relative to its mean and spread."""
    windows = _windows(stack)
    centre = windows[:, :, REACH, :2]
    mean = centre.mean(dim=(-2, -1))[:, :, None, :, None, None]
    spread = motion_spread(stack)[:, ::2, :, :, None, None]
    relative = torch.cat([(windows[:, :, :, :2] - mean) / spread, windows[:, :, :, 2:]], dim=3)
    return centre.flatten(1, 2), relative.flatten(1, 3)


def _windows(stack: Tensor) -> Tensor:
    """Return the stack as (B, directions, WINDOW, dx dy hole, H, W)."""
    return stack.reshape(len(stack), -1, WINDOW, 3, *stack.shape[2:])


def _residual_layer(inputs: int, inner: int, layer: _Layer, blocks: int, norm: Norm) -> nn.Sequential:
    """Return the blocks of one layer; only the first changes size and channels."""
    outputs = inner * EXPANSION
    return nn.Sequential(
        *(
            Bottleneck(
                outputs if k else inputs,
                inner,
                stride=1 if k else layer.stride,
                dilation=layer.dilation,
                first=k == 0,
                norm=norm,
            )
            for k in range(blocks)
        )
    )
