"""Training of ChoiceNet on hypotheses about flow whose truth is known: crops around the hole, mirrored at random."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dfvi_models.errors import ShapeError
from dfvi_models.evaluation.metrics import motion_boundary
from dfvi_models.flow_completion.hypotheses import CHANNELS, GUESSES, HOLE, RELATIVE, make_hypotheses
from dfvi_models.flow_completion.temporal import TemporalCompleter
from dfvi_models.networks.choice_net import ChoiceNet
from dfvi_models.networks.runtime import Runtime, choose_device
from dfvi_models.numerics.flow_color import flow_to_rgb
from dfvi_models.numerics.holes import resize_hole_touching
from dfvi_models.numerics.resizing import resize_flow
from dfvi_models.protocols import Flows, Holes
from dfvi_models.training.flow_losses import hard_l1, hole_l1
from dfvi_models.training.loop import Average, Numbers, Optimiser, make_optimiser

TRUTH = slice(CHANNELS, CHANNELS + 2)
"""True flow minus the temporal completion, in a training item."""
SCORED = CHANNELS + 2
"""1 where the flow counts: the hole before it was dilated."""
ITEM_CHANNELS = CHANNELS + 3
ACROSS, DOWN = (0, 2, 4, 6, CHANNELS), (1, 3, 5, 7, CHANNELS + 1)
"""Channels that hold dx and dy."""
PREVIEWED = 4  # clips in a preview
MOST_ERROR = 10.0  # pixels: an error beyond it teaches nothing but where the truth itself is wrong

VALIDATED = ("epe_smooth", "epe_before", "epe", "boundary_epe_smooth", "boundary_epe_before", "boundary_epe")

Items = Sequence[NDArray[np.float16]]
"""Training items of one clip: (ITEM_CHANNELS, h, w) each."""


Item = NDArray[np.float16]


def make_examples(
    completer: TemporalCompleter,
    flows: tuple[Flows, Flows],
    truth: tuple[Flows, Flows],
    holes: Holes,
    *,
    wanted: Sequence[int],
    threads: int = 1,
) -> Iterator[tuple[int, tuple[Item, Item]]]:
    """Yield the training items of the wanted pairs: for flow_fw and flow_bw, each (ITEM_CHANNELS, h, w) float16.

    flows : flow_fw and flow_bw of the clip with holes, T-1 each of (h, w, 2), pixels.
    truth : the same without holes, on any grid.
    holes : T of (H, W) bool.
    The others as `TemporalCompleter.complete`.
    """
    for t, guess in make_hypotheses(completer, *flows, holes, wanted=wanted, threads=threads):
        completed = (guess.completed.fw, guess.completed.bw)
        items = []
        for way in (0, 1):
            height, width = completed[way].shape[:2]
            wrong = resize_flow(np.asarray(truth[way][t]), height, width) - completed[way]
            scored = resize_hole_touching(holes[t + way], height, width)
            item = np.concatenate([guess.stacks[way], wrong.transpose(2, 0, 1), scored[None]])
            items.append(item.astype(np.float16))
        yield t, (items[0], items[1])


@dataclass(frozen=True)
class ChoiceSettings:
    """Settings of the training of ChoiceNet."""

    batch: int = 8
    """Crops a step."""
    crop: int = 80
    """Side of a crop, pixels of the flow's grid; a multiple of 8."""
    optimiser: Optimiser = "adamw"
    """adamw or sgd."""
    weight_decay: float = 1e-4
    """Pull of the weights to 0."""
    clip_gradient: float = 1.0
    """Largest norm of the gradient."""
    hard_weight: float = 1.0
    """Weight of the harder half of each hole's pixels, as the paper mines them; 0: no mining."""
    average: float = 0.999
    """Decay of the running mean of the weights, which is what is validated and exported."""
    validation_items: int = 12
    """Flow maps validated in each clip that is kept back, evenly spread."""


class ChoiceTraining:
    """The training of ChoiceNet, as `loop.Training`.

    items   : flow maps of the clips to learn from, clip by clip; each clip is drawn equally often.
    kept    : name -> flow maps of each clip that is kept back for validation.
    Raises  : ShapeError if there is no item, or one has another form.
    """

    def __init__(
        self,
        items: Sequence[Items],
        kept: Mapping[str, Items],
        settings: ChoiceSettings,
        *,
        seed: int = 0,
        runtime: Runtime | None = None,
    ) -> None:
        if not items or not all(len(clip) for clip in items):
            raise ShapeError("training needs at least one clip to learn from, of at least 2 frames each")
        self.items, self.kept, self.settings = items, kept, settings
        self.runtime = runtime or Runtime()
        self.device = choose_device(self.runtime.device)
        torch.manual_seed(seed)
        self.network = self.runtime.place(ChoiceNet())
        self.average = Average(ChoiceNet(), settings.average).to(self.device)
        self.average.network.load_state_dict(self.network.state_dict())
        self.networks = {"trained": self.network, "average": self.average}
        self.results = {"choice": self.average.network}
        self.optimiser = make_optimiser(
            settings.optimiser, self.network.parameters(), weight_decay=settings.weight_decay
        )
        self.optimisers = {"optimiser": self.optimiser}

    def draw(self, random: np.random.Generator) -> Tensor:
        """Draw crops: (B, ITEM_CHANNELS, crop, crop) float32."""
        return torch.from_numpy(np.stack([self._draw(random) for _ in range(self.settings.batch)]))

    def step(self, drawn: Tensor) -> Numbers:
        """Take one step on crops. Numbers are pixels."""
        batch = drawn.to(self.device)
        with self.runtime.autocast():
            correction = self.network(batch[:, :CHANNELS])
        loss, numbers = choice_loss(correction, batch, self.settings.hard_weight)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.settings.clip_gradient)
        self.optimiser.step()
        self.average.follow(self.network)
        return numbers

    def validate(self) -> Numbers:
        """Return the end-point error in the holes of clips kept back, mean over clips, pixels.

        It is that of the smooth fill, of the temporal completion (before), and of the network (after); everywhere in
        the hole, and at motion boundaries.
        """
        clips = []
        for clip in self.kept.values():
            rows = [self._errors(clip[k]) for k in spread(len(clip), self.settings.validation_items)]
            clips.append([_mean(row[k] for row in rows) for k in range(len(VALIDATED))])
        numbers = {}
        for k, name in enumerate(VALIDATED):
            mean = _mean(clip[k] for clip in clips)
            if np.isfinite(mean):
                numbers[name] = mean
        if clips:
            numbers["clips_better"] = float(sum(clip[2] < clip[1] for clip in clips))
        return numbers

    def preview(self) -> NDArray[np.uint8] | None:
        """Return an image of true flow, temporal completion and the network's result, side by side.

        Flow is shown relative to the camera; there is one row for each of up to PREVIEWED clips.
        """
        rows = [self._row(clip[len(clip) // 2]) for clip in list(self.kept.values())[:PREVIEWED]]
        width = max((row.shape[1] for row in rows), default=0)
        return np.concatenate([np.pad(r, ((0, 2), (0, width - r.shape[1]), (0, 0))) for r in rows]) if rows else None

    def _row(self, item: NDArray[np.float16]) -> NDArray[np.uint8]:
        """Return one row of the preview."""
        inputs = torch.from_numpy(item.astype(np.float32))
        with torch.no_grad():
            correction = self.average.network(inputs[None, :CHANNELS].to(self.device))[0].cpu()
        relative = inputs[RELATIVE]
        shown = [(relative + add * inputs[HOLE]).permute(1, 2, 0).numpy() for add in (inputs[TRUTH], 0, correction)]
        fastest = float(np.quantile(np.linalg.norm(shown[0], axis=-1), 0.99)) + 0.1
        return np.concatenate([flow_to_rgb(np.ascontiguousarray(flow), fastest) for flow in shown], axis=1)

    def _errors(self, item: Item) -> list[float]:
        """Return the errors of one item, in the order of VALIDATED."""
        inputs = torch.from_numpy(np.asarray(item, np.float32))[None].to(self.device)
        with torch.no_grad(), self.runtime.autocast():
            correction = self.average.network(inputs[:, :CHANNELS])
        guesses = inputs[0, GUESSES[0]], torch.zeros_like(correction[0]), correction[0]
        errors = [(inputs[0, TRUTH] - guess).norm(dim=0).cpu().numpy() for guess in guesses]
        scored = item[SCORED] > 0
        boundary = motion_boundary((item[RELATIVE] + item[TRUTH]).transpose(1, 2, 0).astype(np.float32))
        return [_mean(error[where]) for where in (scored, scored & boundary) for error in errors]

    def _draw(self, random: np.random.Generator) -> NDArray[np.float32]:
        """Draw a crop (ITEM_CHANNELS, crop, crop) around a hole pixel, mirrored and turned over at random."""
        clip = self.items[int(random.integers(len(self.items)))]
        item = np.asarray(clip[int(random.integers(len(clip)))])
        if item.ndim != 3 or item.shape[0] != ITEM_CHANNELS:
            raise ShapeError(f"a training item must be ({ITEM_CHANNELS}, h, w); got {item.shape}")
        cropped = _crop(item, self.settings.crop, random).astype(np.float32)
        return turn(cropped, *(bool(bit) for bit in random.integers(0, 2, 3)))


def choice_loss(correction: Tensor, batch: Tensor, hard_weight: float) -> tuple[Tensor, Numbers]:
    """Return the loss of a correction (B, 2, H, W): mean absolute error in the hole, plus that of its harder half.

    batch   : (B, ITEM_CHANNELS, H, W).
    Returns : loss, and the curve's numbers, pixels.
    """
    truth, hole = batch[:, TRUTH].clamp(-MOST_ERROR, MOST_ERROR), batch[:, SCORED, None]
    mean = hole_l1(correction, truth, hole)
    loss = mean + hard_weight * hard_l1(correction, truth, hole) if hard_weight else mean
    return loss, {"loss": float(loss.detach()), "l1": float(mean.detach())}


def turn(item: NDArray[np.float32], across: bool, down: bool, transpose: bool) -> NDArray[np.float32]:
    """Mirror an item left to right, top to bottom, or along the diagonal; its vectors turn with it."""
    item = item.copy()
    if across:
        item = item[:, :, ::-1]
        item[ACROSS, ...] *= -1
    if down:
        item = item[:, ::-1]
        item[DOWN, ...] *= -1
    if transpose:
        item = item.transpose(0, 2, 1).copy()
        item[(*ACROSS, *DOWN), ...] = item[(*DOWN, *ACROSS), ...]
    return np.ascontiguousarray(item)


def _mean(numbers: Iterable[float]) -> float:
    """Return the mean of the finite numbers; nan without any: not every hole has a motion boundary."""
    known = [number for number in numbers if np.isfinite(number)]
    return float(np.mean(known)) if known else float("nan")


def spread(count: int, wanted: int) -> list[int]:
    """Return at most `wanted` of the numbers 0 .. count-1, evenly spread."""
    return sorted({int(k) for k in np.linspace(0, count - 1, min(wanted, count)).round()})


def _crop(item: NDArray[np.float16], side: int, random: np.random.Generator) -> NDArray[np.float16]:
    """Cut out a square around a random hole pixel, as far inside as the item allows; 0 where it is smaller."""
    hole = np.flatnonzero(item[HOLE])
    at = int(random.choice(hole)) if len(hole) else 0
    height, width = item.shape[1:]
    top, left = (
        int(np.clip(place - side // 2, 0, max(size - side, 0)))
        for place, size in zip(divmod(at, width), (height, width), strict=True)
    )
    part = item[:, top : top + side, left : left + side]
    missing = [(0, 0), (0, side - part.shape[1]), (0, side - part.shape[2])]
    return np.pad(part, missing)
