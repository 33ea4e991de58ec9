"""The two critics DeepFill v1 is trained against: one sees the whole picture, one a window around the hole.

Source: Yu et al., arXiv:1801.07892, section 3.2 (WGAN-GP; the penalty counts inside the hole only).
"""

import torch
from torch import Tensor, nn

PENALTY = 10.0
GLOBAL_WIDTHS = (64, 128, 256, 256)
LOCAL_WIDTHS = (64, 128, 256, 512)
HALVINGS = 4


class Critic(nn.Module):
    """Four halvings, then one number a picture.

    side   : of the pictures, a multiple of 16.
    widths : channels after each halving.
    """

    def __init__(self, side: int, widths: tuple[int, ...]) -> None:
        super().__init__()
        channels, layers = 3, list[nn.Module]()
        for width in widths:
            layers += [nn.Conv2d(channels, width, 5, stride=2, padding=2), nn.LeakyReLU(0.2)]
            channels = width
        last = side // 2**HALVINGS
        self.layers = nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels * last * last, 1))

    def forward(self, picture: Tensor) -> Tensor:
        """(B, 3, side, side) in [-1, 1] -> (B,), high for what looks real."""
        said: Tensor = self.layers(picture.float())[:, 0]
        return said


class Critics(nn.Module):
    """Both. side: of the pictures; window: of the window around the hole; multiples of 16."""

    def __init__(self, side: int, window: int) -> None:
        super().__init__()
        self.whole, self.near = Critic(side, GLOBAL_WIDTHS), Critic(window, LOCAL_WIDTHS)

    def forward(self, picture: Tensor, windows: Tensor) -> Tensor:
        """(B, 3, side, side) and their windows (B, 3, window, window) -> (B,): the sum of what both say."""
        said: Tensor = self.whole(picture) + self.near(windows)
        return said

    def penalty(self, real: tuple[Tensor, Tensor], made: tuple[Tensor, Tensor], holes: tuple[Tensor, Tensor]) -> Tensor:
        """How far slopes between real and made pictures are from 1, squared, for both critics; scalar.

        real, made : pictures and their windows. holes: (B, 1, ...) of both, 1 = hole: only there slopes count.
        """
        parts = []
        for critic, true, false, hole in zip((self.whole, self.near), real, made, holes, strict=True):
            share = torch.rand(len(true), 1, 1, 1, device=true.device)
            between = (share * true + (1 - share) * false).detach().requires_grad_()
            (slope,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
            parts.append((((slope * hole).flatten(1).norm(dim=1) - 1) ** 2).mean())
        return torch.stack(parts).sum()
