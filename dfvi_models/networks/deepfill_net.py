"""DeepFill v1: fills the hole of one image by a coarse network and a refinement with contextual attention.

Source: Yu et al., arXiv:1801.07892; layers and parameter names as in the published PyTorch port
(`imagenet_deepfill.pth`, 84 tensors, 3,601,542 parameters), which loads strictly into `DeepFill`.
Images are BGR in [-1, 1], the order the port was trained with; hole = 1 where a pixel must be replaced.
"""

import torch
from torch import Tensor, nn

from dfvi_models.errors import ShapeError
from dfvi_models.networks.contextual_attention import contextual_attention

MULTIPLE = 8  # two halvings, and a third inside the attention
IN_CHANNELS = 5  # image 3, ones 1, hole 1
DILATIONS = (2, 4, 8, 16)


class Conv(nn.Module):
    """Convolution, then ELU or another activation."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int = 3, *, dilation: int = 1, activation: nn.Module | None = None
    ) -> None:
        super().__init__()
        padding = dilation * (kernel - 1) // 2
        convolution = nn.Conv2d(inputs, outputs, kernel, padding=padding, dilation=dilation)
        self.conv = nn.Sequential(convolution, activation or nn.ELU(inplace=True))

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, inputs, H, W) to (B, outputs, H, W)."""
        out: Tensor = self.conv(x)
        return out


class Down(nn.Module):
    """3x3 convolution with stride 2, padded at the right and bottom only; then ELU."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.Sequential(
            nn.ZeroPad2d((0, 1, 0, 1)), nn.Conv2d(inputs, outputs, 3, stride=2), nn.ELU(inplace=True)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, inputs, H, W) to (B, outputs, H/2, W/2)."""
        out: Tensor = self.conv(x)
        return out


class Chain(nn.Module):
    """Modules one after the other; the checkpoint names them `out.<number>`."""

    def __init__(self, *parts: nn.Module) -> None:
        super().__init__()
        self.out = nn.Sequential(*parts)

    def forward(self, x: Tensor) -> Tensor:
        """Apply all modules in order."""
        out: Tensor = self.out(x)
        return out


def _encoder(first: int, second: int, third: int, last: nn.Module | None = None) -> Chain:
    """Return an encoder to 128 channels at a quarter of the size."""
    return Chain(
        Conv(IN_CHANNELS, 32, 5),
        Down(32, first),
        Conv(first, second),
        Down(second, third),
        Conv(third, 128),
        Conv(128, 128, activation=last),
    )


def _dilated() -> Chain:
    """Return dilated convolutions that widen what a position sees."""
    return Chain(*(Conv(128, 128, dilation=dilation) for dilation in DILATIONS))


def _decoder(inputs: int) -> Chain:
    """Return a decoder from a quarter of the size to an image, cut to [-1, 1]."""
    return Chain(
        Conv(inputs, 128),
        Conv(128, 128),
        nn.Upsample(scale_factor=2),
        Conv(128, 64),
        Conv(64, 64),
        nn.Upsample(scale_factor=2),
        Conv(64, 32),
        Conv(32, 16),
        Conv(16, 3, activation=nn.Hardtanh()),
    )


class Coarse(nn.Module):
    """First stage: a rough fill."""

    def __init__(self) -> None:
        super().__init__()
        self.down, self.atrous, self.up = _encoder(64, 64, 128), _dilated(), _decoder(128)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, 5, H, W) to (B, 3, H, W) in [-1, 1]."""
        out: Tensor = self.up(self.atrous(self.down(x)))
        return out


class Refine(nn.Module):
    """Second stage: sharpens the fill, one branch by dilated convolutions, one by features from outside the hole."""

    def __init__(self) -> None:
        super().__init__()
        self.down_conv_branch = _encoder(32, 64, 64)
        self.down_attn_branch = _encoder(32, 64, 128, last=nn.ReLU(inplace=True))
        self.atrous = _dilated()
        self.CAttn = Chain(Conv(128, 128), Conv(128, 128))
        self.up = _decoder(256)

    def forward(self, x: Tensor, small_hole: Tensor) -> Tensor:
        """Map x (B, 5, H, W) and small_hole (B, 1, H/8, W/8) to (B, 3, H, W) in [-1, 1]."""
        convolved = self.atrous(self.down_conv_branch(x))
        copied = self.CAttn(contextual_attention(self.down_attn_branch(x), small_hole))
        out: Tensor = self.up(torch.cat((convolved, copied), dim=1))
        return out


class DeepFill(nn.Module):
    """The whole network of both stages."""

    channels_last_on_cpu = True  # 1.2 times as fast at 240 x 424; DFC-Net is slower with it

    def __init__(self) -> None:
        super().__init__()
        self.stage_1, self.stage_2 = Coarse(), Refine()

    def forward(self, image: Tensor, hole: Tensor) -> tuple[Tensor, Tensor]:
        """Return the coarse and the refined image; neither is composed with the known pixels.

        image   : (B, 3, H, W) float32 BGR in [-1, 1]; what stands in the hole is not read.
        hole    : (B, 1, H, W) float32, 1 = hole, else 0; H and W multiples of 8.
        Returns : two (B, 3, H, W) float32 in [-1, 1].
        Raises  : ShapeError for other shapes.
        """
        _check(image, hole)
        known = image * (1 - hole)
        flags = torch.cat((torch.ones_like(hole), hole), dim=1)
        coarse = self.stage_1(torch.cat((known, flags), dim=1)).float()
        refined = self.stage_2(torch.cat((coarse * hole + known, flags), dim=1), hole[:, :, ::MULTIPLE, ::MULTIPLE])
        return coarse, refined.float()


def _check(image: Tensor, hole: Tensor) -> None:
    batch, height, width = image.shape[0], *image.shape[-2:]
    if image.shape != (batch, 3, height, width) or hole.shape != (batch, 1, height, width):
        raise ShapeError(
            f"image must be (B, 3, H, W) and hole (B, 1, H, W); got {tuple(image.shape)}, {tuple(hole.shape)}"
        )
    if height % MULTIPLE or width % MULTIPLE:
        raise ShapeError(f"height and width must be multiples of {MULTIPLE}; got {height} x {width}; pad the image")
