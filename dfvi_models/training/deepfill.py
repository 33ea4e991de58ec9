"""Training of DeepFill v1 on photos: reconstruction with a spatial discount, and two critics (WGAN-GP).

Source: Yu et al., arXiv:1801.07892; weights of the losses as in the authors' code.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dfvi_models.errors import ShapeError
from dfvi_models.evaluation.metrics import psnr_in_hole
from dfvi_models.image_inpainting.deepfill import hole_to_tensor, image_to_tensor, tensor_to_grey_levels
from dfvi_models.networks.deepfill_critics import PENALTY, Critics
from dfvi_models.networks.deepfill_net import DeepFill
from dfvi_models.networks.runtime import Runtime, choose_device
from dfvi_models.numerics.laplace import fill_smooth
from dfvi_models.training.holes import draw_box, draw_strokes
from dfvi_models.training.loop import Numbers, generator_of, make_optimiser

DISCOUNT = 0.99  # of a pixel's weight for each pixel that it is further inside the hole
COARSE = 1.2  # weight of the first stage's error against the second's
RECONSTRUCTION = 1.2  # weight of the error in the hole, and of that outside
MOMENTUM = 0.5  # of Adam: critics change too fast for more
MULTIPLE = 16
PREVIEWED = 4


@dataclass(frozen=True)
class DeepFillSettings:
    """Settings of the training of DeepFill v1."""

    side: int = 256
    """Of the squares cut out of photos; a multiple of 16."""
    window: int = 128
    """Of the squares that holes lie in; a multiple of 16."""
    batch: int = 16
    """Images a step."""
    adversarial: float = 0.001
    """Weight of the critics' score; 0: reconstruction alone, without critics."""
    critic_steps: int = 5
    """Steps of the critics for each of the network."""
    strokes: float = 0.5
    """Share of holes that are strokes; the others are boxes, as in the paper."""
    kept_back: int = 48
    """Photos kept back for validation, evenly spread."""


@dataclass(frozen=True)
class Batch:
    """Images with holes."""

    real: Tensor
    """(B, 3, side, side) BGR in [-1, 1]."""
    hole: Tensor
    """(B, 1, side, side), 1 = hole."""
    discount: Tensor
    """(B, 1, side, side): weight of each hole pixel; 0 outside."""
    corners: list[tuple[int, int]]
    """Top left of the window each hole lies in."""

    def windows(self, images: Tensor, side: int) -> Tensor:
        """Return the part of each image (B, C, side, side) that its hole lies in."""
        return torch.stack(
            [one[:, y : y + side, x : x + side] for one, (y, x) in zip(images, self.corners, strict=True)]
        )


class DeepFillTraining:
    """The training of DeepFill v1, as `loop.Training`.

    photos  : (H, W, 3) uint8 RGB each, both sides at least settings.side.
    Raises  : ShapeError if photos are too small, sizes do not fit, or no photo is left to learn from.
    """

    def __init__(
        self,
        photos: Sequence[NDArray[np.uint8]],
        settings: DeepFillSettings,
        *,
        seed: int = 0,
        runtime: Runtime | None = None,
    ) -> None:
        side, window = settings.side, settings.window
        if side % MULTIPLE or window % MULTIPLE or window > side:
            raise ShapeError(f"side and window must be multiples of {MULTIPLE}, window <= side; got {side}, {window}")
        kept = {int(k) for k in np.linspace(0, len(photos) - 1, settings.kept_back).round()}
        self.taught, self.kept = [k for k in range(len(photos)) if k not in kept], sorted(kept)
        if not self.taught:
            raise ShapeError(f"of {len(photos)} photos {len(kept)} are kept back; none is left to learn from")
        if min(np.asarray(photos[0]).shape[:2]) < side:
            raise ShapeError(f"photos must be at least {side} x {side}; got {np.asarray(photos[0]).shape}")
        self.photos, self.settings = photos, settings
        self.runtime = runtime or Runtime()
        self.device = choose_device(self.runtime.device)
        torch.manual_seed(seed)
        self.network = self.runtime.place(DeepFill())
        self.critics = Critics(side, window).to(self.device)
        self.networks = {"network": self.network, "critics": self.critics}
        self.results = {"deepfill_trained": self.network}
        self.optimisers = {
            name: make_optimiser("adamw", part.parameters(), weight_decay=0.0, momentum=MOMENTUM)
            for name, part in self.networks.items()
        }

    def draw(self, random: np.random.Generator) -> list[Batch]:
        """Draw a batch for each step of the critics, and the last for the network."""
        critics = self.settings.critic_steps if self.settings.adversarial else 0
        return [self._draw(random) for _ in range(critics + 1)]

    def step(self, drawn: list[Batch]) -> Numbers:
        """Take some steps of the critics, and one of the network."""
        numbers: Numbers = {}
        *for_critics, batch = drawn
        for one in for_critics:
            numbers = self._train_critics(one)
        with self.runtime.autocast():
            coarse, refined = self.network(batch.real, batch.hole)
        error = reconstruction_error(coarse, refined, batch)
        loss = error
        if self.settings.adversarial:
            filled = refined * batch.hole + batch.real * (1 - batch.hole)
            score = self.critics(filled, batch.windows(filled, self.settings.window)).mean()
            loss = error - self.settings.adversarial * score
        self._improve("network", loss)
        inside = ((refined - batch.real).abs() * batch.hole).sum() / (3 * batch.hole.sum())
        return {"loss": float(loss.detach()), "l1": float(inside.detach()) * 127.5, **numbers}

    def _train_critics(self, batch: Batch) -> Numbers:
        """Take one step of the critics."""
        side = self.settings.window
        with torch.no_grad(), self.runtime.autocast():
            _, refined = self.network(batch.real, batch.hole)
        filled = refined * batch.hole + batch.real * (1 - batch.hole)
        real, fake = (batch.real, batch.windows(batch.real, side)), (filled, batch.windows(filled, side))
        distance = self.critics(*real).mean() - self.critics(*fake).mean()
        penalty = self.critics.penalty(real, fake, (batch.hole, batch.windows(batch.hole, side)))
        self._improve("critics", PENALTY * penalty - distance)
        return {"distance": float(distance.detach()), "penalty": float(penalty.detach())}

    def _improve(self, name: str, loss: Tensor) -> None:
        for optimiser in self.optimisers.values():  # the critics' gradient from the network's step is not theirs
            optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimisers[name].step()

    def validate(self) -> Numbers:
        """Return the mean PSNR in the hole over the photos kept back, dB: of the network, and of a harmonic fill."""
        scores = []
        for number in self.kept:
            photo, hole = self._kept_photo(number)
            smooth = np.clip(np.rint(fill_smooth(photo.astype(np.float32), hole)), 0, 255).astype(np.uint8)
            scores.append([psnr_in_hole(filled, photo, hole) for filled in (self._fill(photo, hole)[1], smooth)])
        means = np.mean(scores, axis=0)
        return {"hole_psnr": float(means[0]), "hole_psnr_smooth": float(means[1])}

    def preview(self) -> NDArray[np.uint8] | None:
        """Return an image of up to PREVIEWED photos kept back: with their holes, after both stages, and as they are."""
        rows = []
        for number in self.kept[:PREVIEWED]:
            photo, hole = self._kept_photo(number)
            cut = np.where(hole[..., None], np.uint8(128), photo)
            rows.append(np.concatenate([cut, *self._fill(photo, hole), photo], axis=1))
        return np.concatenate(rows) if rows else None

    def _kept_photo(self, number: int) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        random, side = generator_of(0, number), self.settings.side
        photo = np.asarray(self.photos[number])[:side, :side]
        return photo, self._draw_hole(random)[0]

    def _fill(self, photo: NDArray[np.uint8], hole: NDArray[np.bool_]) -> list[NDArray[np.uint8]]:
        image, region = image_to_tensor(photo).to(self.device), hole_to_tensor(hole).to(self.device)
        with torch.no_grad(), self.runtime.autocast():
            stages = self.network(image, region)
        size = (photo.shape[0], photo.shape[1])
        levels = [tensor_to_grey_levels(filled * region + image * (1 - region), size) for filled in stages]
        return [np.clip(np.rint(level), 0, 255).astype(np.uint8) for level in levels]

    def _draw(self, random: np.random.Generator) -> Batch:
        side = self.settings.side
        images, holes, discounts, corners = [], [], [], []
        for number in random.choice(self.taught, self.settings.batch):
            photo = np.asarray(self.photos[int(number)])
            top, left = (int(random.integers(size - side + 1)) for size in photo.shape[:2])
            cut = photo[top : top + side, left : left + side]
            images.append(image_to_tensor(cut[:, ::-1] if random.integers(2) else cut))
            hole, corner = self._draw_hole(random)
            holes.append(hole_to_tensor(hole))
            discounts.append(torch.from_numpy(discount(hole))[None, None])
            corners.append(corner)
        real, hole_tensor, weight = (torch.cat(parts).to(self.device) for parts in (images, holes, discounts))
        return Batch(real, hole_tensor, weight, corners)

    def _draw_hole(self, random: np.random.Generator) -> tuple[NDArray[np.bool_], tuple[int, int]]:
        """Draw a hole (side, side), and return it with the corner of the window it lies in."""
        side, window = self.settings.side, self.settings.window
        top, left = (int(random.integers(side - window + 1)) for _ in range(2))
        strokes = random.random() < self.settings.strokes
        hole = np.zeros((side, side), np.bool_)
        draw = draw_strokes if strokes else draw_box
        hole[top : top + window, left : left + window] = draw(random, window, window)
        return hole, (top, left)


def reconstruction_error(coarse: Tensor, refined: Tensor, batch: Batch) -> Tensor:
    """Return the error of both stages: in the hole, discounted away from its boundary, plus outside; scalar."""
    known = 1 - batch.hole
    total = []
    for output, weight in ((coarse, COARSE), (refined, 1.0)):
        error = (output - batch.real).abs()
        inside = (error * batch.discount).sum() / (3 * batch.hole.sum())
        total.append(weight * RECONSTRUCTION * (inside + (error * known).sum() / (3 * known.sum())))
    return torch.stack(total).sum()


def discount(hole: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return DISCOUNT to the power of the distance to the nearest known pixel, (H, W) float32; 0 outside the hole."""
    distance = cv2.distanceTransform(hole.view(np.uint8), cv2.DIST_L2, 5)
    return np.asarray(np.where(hole, DISCOUNT**distance, 0), np.float32)
