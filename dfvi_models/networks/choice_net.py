"""ChoiceNet: weighs guesses about the flow in a hole against one another, and adds a residual of its own.

A small U-Net that works at half the size of the flow: four pixels make one position of four times the channels, so
nothing is lost. For each pixel it predicts a weight for the temporal completion and for each other guess (a softmax),
and a residual in pixels. Untrained it leaves the temporal completion nearly as it is. Source: own.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dfvi_models.errors import ShapeError
from dfvi_models.flow_completion.hypotheses import CHANNELS, EVIDENCE, GUESSES, HOLE, RELATIVE

WIDTHS = (32, 48, 64)  # channels at 1/2, 1/4 and 1/8 of the size of the flow
MULTIPLE = 8  # of both sides; other sizes are padded
INITIAL_LOGIT = 3.0  # start of the temporal completion's logit: 87 % of the weight against three others
CAMERA = len(GUESSES) + 1  # number of the guess that everything moves with the camera; 0 is the temporal completion
CHOICES = CAMERA + 1


class Block(nn.Module):
    """Two 3x3 convolutions with a shortcut, initialised to change nothing.

    There is no normalisation: what stands far away in the window must not change the prediction here.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        nn.init.zeros_(self.conv2.weight)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to the same shape."""
        out: Tensor = x + self.conv2(F.silu(self.conv1(F.silu(x))))
        return out


class ChoiceNet(nn.Module):
    """The network of this module. widths: channels at the three sizes."""

    def __init__(self, widths: tuple[int, int, int] = WIDTHS) -> None:
        super().__init__()
        first, second, third = widths
        self.stem = nn.Conv2d(4 * CHANNELS, first, 3, padding=1)
        self.down1, self.down2 = nn.Conv2d(first, second, 2, stride=2), nn.Conv2d(second, third, 2, stride=2)
        self.in1, self.in2 = Block(first), nn.Sequential(Block(second), Block(second))
        self.middle = nn.Sequential(Block(third), Block(third), Block(third))
        self.up2, self.up1 = nn.Conv2d(third + second, second, 1), nn.Conv2d(second + first, first, 1)
        self.out2, self.out1 = nn.Sequential(Block(second), Block(second)), Block(first)
        self.head = nn.Conv2d(first, 4 * (CHOICES + 2), 3, padding=1)
        for parameter in self.head.parameters():
            nn.init.zeros_(parameter)

    def forward(self, stack: Tensor) -> Tensor:
        """Return the correction of the temporal completion; 0 outside the hole.

        stack   : (B, CHANNELS, H, W) float32, see `flow_completion.hypotheses`.
        Returns : (B, 2, H, W) float32, pixels.
        Raises  : ShapeError for another number of channels.
        """
        if stack.ndim != 4 or stack.shape[1] != CHANNELS:
            raise ShapeError(f"stack must be (B, {CHANNELS}, H, W); got {tuple(stack.shape)}")
        height, width = stack.shape[-2:]
        padded = F.pad(stack, (0, -width % MULTIPLE, 0, -height % MULTIPLE))
        predicted = F.pixel_shuffle(self._unet(F.pixel_unshuffle(_squash(padded), 2)), 2)[..., :height, :width].float()
        logits = predicted[:, :CHOICES].clone()
        logits[:, 0] += INITIAL_LOGIT
        logits[:, 2:CAMERA] += (stack[:, (9, 11)] + 1e-6).log().clamp(min=-10)  # what was not carried cannot be chosen
        weight = logits.softmax(dim=1)
        correction = predicted[:, CHOICES:] - weight[:, CAMERA, None] * stack[:, RELATIVE]
        for number, guess in enumerate(GUESSES, 1):
            correction = correction + weight[:, number, None] * stack[:, guess]
        return correction * stack[:, HOLE, None]

    def _unet(self, x: Tensor) -> Tensor:
        fine: Tensor = self.in1(self.stem(x))
        medium = self.in2(self.down1(fine))
        coarse = self.middle(self.down2(medium))
        medium = self.out2(self.up2(torch.cat((_double(coarse), medium), dim=1)))
        fine = self.out1(self.up1(torch.cat((_double(medium), fine), dim=1)))
        predicted: Tensor = self.head(F.silu(fine))
        return predicted


def _double(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode="nearest")


def _squash(stack: Tensor) -> Tensor:
    """Return a stack whose motions, which have no bound, are compressed by asinh; the rest stays."""
    return torch.cat((stack[:, :HOLE].asinh(), stack[:, HOLE : EVIDENCE.stop]), dim=1)
