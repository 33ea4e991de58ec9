"""The two critics DeepFill v1 is trained against: one for the whole image, one for a window around the hole.

Source: Yu et al., arXiv:1801.07892, section 3.2 (WGAN-GP; the penalty counts inside the hole only).
"""

import torch
from torch import Tensor, nn

PENALTY = 10.0
GLOBAL_WIDTHS = (64, 128, 256, 256)
LOCAL_WIDTHS = (64, 128, 256, 512)
HALVINGS = 4


class Critic(nn.Module):
    """A critic: four halvings, then one number for each image.

    side   : of the images, a multiple of 16.
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

    def forward(self, image: Tensor) -> Tensor:
        """Map images (B, 3, side, side) in [-1, 1] to scores (B,), high for what looks real."""
        score: Tensor = self.layers(image.float())[:, 0]
        return score


class Critics(nn.Module):
    """Both critics. side: of the images; window: of the window around the hole; multiples of 16."""

    def __init__(self, side: int, window: int) -> None:
        super().__init__()
        self.whole, self.near = Critic(side, GLOBAL_WIDTHS), Critic(window, LOCAL_WIDTHS)

    def forward(self, image: Tensor, windows: Tensor) -> Tensor:
        """Map images (B, 3, side, side) and windows (B, 3, window, window) to the sum (B,) of both scores."""
        score: Tensor = self.whole(image) + self.near(windows)
        return score

    def penalty(self, real: tuple[Tensor, Tensor], fake: tuple[Tensor, Tensor], holes: tuple[Tensor, Tensor]) -> Tensor:
        """Return the gradient penalty: how far slopes between real and filled images are from 1, squared; scalar.

        real, fake : images and their windows. holes: (B, 1, ...) of both, 1 = hole: only there slopes count.
        """
        parts = []
        for critic, true, false, hole in zip((self.whole, self.near), real, fake, holes, strict=True):
            share = torch.rand(len(true), 1, 1, 1, device=true.device)
            between = (share * true + (1 - share) * false).detach().requires_grad_()
            (slope,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
            parts.append((((slope * hole).flatten(1).norm(dim=1) - 1) ** 2).mean())
        return torch.stack(parts).sum()
