"""Networks of the perceptual metrics: AlexNet and the channel weights of LPIPS, and I3D.

Sources: Krizhevsky, arXiv:1404.5997, and Zhang et al., arXiv:1801.03924, version 0.1; Carreira and Zisserman,
arXiv:1705.07750. Tensors have the names of the published files: `alexnet-owt-7be5be79.pth` of torchvision, `alex.pth`
of the package lpips, and `i3d_rgb_imagenet.pt`. Classifiers are there for the files to fit, and are never run.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

CLASSES = 400  # of Kinetics
MIXED = {
    "Mixed_3b": (64, 96, 128, 16, 32, 32),
    "Mixed_3c": (128, 128, 192, 32, 96, 64),
    "Mixed_4b": (192, 96, 208, 16, 48, 64),
    "Mixed_4c": (160, 112, 224, 24, 64, 64),
    "Mixed_4d": (128, 128, 256, 24, 64, 64),
    "Mixed_4e": (112, 144, 288, 32, 64, 64),
    "Mixed_4f": (256, 160, 320, 32, 128, 128),
    "Mixed_5b": (256, 160, 320, 32, 128, 128),
    "Mixed_5c": (384, 192, 384, 48, 128, 128),
}
"""Channels of each module: 1x1x1; 1x1x1 -> 3x3x3; 1x1x1 -> 3x3x3; pool -> 1x1x1."""

Size = tuple[int, int, int]  # frames, height, width


class AlexNet(nn.Module):
    """AlexNet with the tensors' names of torchvision. Source: Krizhevsky, arXiv:1404.5997."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            *(nn.Conv2d(3, 64, 11, stride=4, padding=2), nn.ReLU(), nn.MaxPool2d(3, stride=2)),
            *(nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, stride=2)),
            *(nn.Conv2d(192, 384, 3, padding=1), nn.ReLU()),
            *(nn.Conv2d(384, 256, 3, padding=1), nn.ReLU()),
            *(nn.Conv2d(256, 256, 3, padding=1), nn.ReLU()),
        )
        self.classifier = nn.Sequential(
            *(nn.Identity(), nn.Linear(9216, 4096), nn.ReLU()),
            *(nn.Identity(), nn.Linear(4096, 4096), nn.ReLU()),
            nn.Linear(4096, 1000),
        )


class ChannelWeights(nn.Module):
    """Weights of the channels of AlexNet's five layers in LPIPS."""

    def __init__(self) -> None:
        super().__init__()
        for number, channels in enumerate((64, 192, 384, 256, 256)):
            self.add_module(f"lin{number}", _Linear(channels))


class _Linear(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.model = nn.Sequential(nn.Identity(), nn.Conv2d(channels, 1, 1, bias=False))  # dropout stood first

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to (B, 1, H, W)."""
        weighed: Tensor = self.model(x)
        return weighed


class I3d(nn.Module):
    """I3D up to the features that its classifier takes."""

    def __init__(self) -> None:
        super().__init__()
        self.Conv3d_1a_7x7 = Unit(3, 64, 7, stride=2)
        self.Conv3d_2b_1x1 = Unit(64, 64, 1)
        self.Conv3d_2c_3x3 = Unit(64, 192, 3)
        channels = 192
        for name, widths in MIXED.items():
            self.add_module(name, Mixed(channels, widths))
            channels = widths[0] + widths[2] + widths[4] + widths[5]
        self.logits = nn.Module()
        self.logits.conv3d = nn.Conv3d(channels, CLASSES, 1)

    def forward(self, video: Tensor) -> Tensor:
        """Map videos (B, 3, T, H, W) in [0, 1] to features (B, FEATURES)."""
        x = pool(self.Conv3d_1a_7x7(video), (1, 3, 3), (1, 2, 2))
        x = pool(self.Conv3d_2c_3x3(self.Conv3d_2b_1x1(x)), (1, 3, 3), (1, 2, 2))
        for name in MIXED:
            if name == "Mixed_4b":
                x = pool(x, (3, 3, 3), (2, 2, 2))
            if name == "Mixed_5b":
                x = pool(x, (2, 2, 2), (2, 2, 2))
            x = self.get_submodule(name)(x)
        return x.mean(dim=(2, 3, 4))


class Unit(nn.Module):
    """Convolution, normalisation, ReLU; padded as TensorFlow does by `SAME`."""

    def __init__(self, inputs: int, outputs: int, kernel: int, *, stride: int = 1) -> None:
        super().__init__()
        self.kernel, self.stride = (kernel,) * 3, (stride,) * 3
        self.conv3d = nn.Conv3d(inputs, outputs, kernel, stride=stride, bias=False)
        self.bn = nn.BatchNorm3d(outputs, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, inputs, T, H, W) to (B, outputs, T', H', W')."""
        out: Tensor = F.relu(self.bn(self.conv3d(pad_same(x, self.kernel, self.stride))), inplace=True)
        return out


class Mixed(nn.Module):
    """An Inception module: four branches side by side."""

    def __init__(self, inputs: int, widths: Sequence[int]) -> None:
        super().__init__()
        self.b0 = Unit(inputs, widths[0], 1)
        self.b1a, self.b1b = Unit(inputs, widths[1], 1), Unit(widths[1], widths[2], 3)
        self.b2a, self.b2b = Unit(inputs, widths[3], 1), Unit(widths[3], widths[4], 3)
        self.b3b = Unit(inputs, widths[5], 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, inputs, T, H, W) to the joined channels of the four branches."""
        branches = self.b0(x), self.b1b(self.b1a(x)), self.b2b(self.b2a(x)), self.b3b(pool(x, (3, 3, 3), (1, 1, 1)))
        return torch.cat(branches, dim=1)


def pool(x: Tensor, kernel: Size, stride: Size) -> Tensor:
    """Return the maximum over boxes; the border counts as 0, below which no ReLU lies."""
    return F.max_pool3d(pad_same(x, kernel, stride), kernel, stride)


def pad_same(x: Tensor, kernel: Size, stride: Size) -> Tensor:
    """Pad (B, C, T, H, W) by zeros so that a side of n becomes ceil(n / stride); an odd one goes behind."""
    padding: list[int] = []
    for length, size, step in reversed(list(zip(x.shape[2:], kernel, stride, strict=True))):
        missing = max(size - (length % step or step), 0)
        padding += [missing // 2, missing - missing // 2]
    return F.pad(x, padding)
