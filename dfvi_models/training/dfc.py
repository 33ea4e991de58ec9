"""Training of a stage of DFC-Net on flow of clips without holes; holes are drawn on the fly.

The inputs are made by the very code that completes clips (`flow_completion.dfc_stage`), the earlier stages included.
Source: arXiv:1905.02884, sections 3.1 and 3.2, with hard flow example mining (`flow_losses`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from dfvi_models.errors import ShapeError
from dfvi_models.evaluation.metrics import motion_boundary
from dfvi_models.flow_completion.dfc import chain_stages
from dfvi_models.flow_completion.dfc_inputs import Size, resize_flow_clipped
from dfvi_models.flow_completion.dfc_stage import Clip, MapMaker, Stage
from dfvi_models.networks.dfc_net import REACH, Backbone, DfcNet, motion_spread
from dfvi_models.networks.runtime import Runtime, choose_device
from dfvi_models.numerics.flow_color import flow_to_rgb
from dfvi_models.protocols import Flows
from dfvi_models.training.flow_losses import completion_loss, hole_l1
from dfvi_models.training.holes import draw_holes
from dfvi_models.training.loop import Average, Numbers, Optimiser, generator_of, make_optimiser

SHORTEST = 3  # frames of a clip
TrueFlow = tuple[Flows, Flows]
"""flow_fw and flow_bw of a clip without holes."""


@dataclass(frozen=True)
class DfcSettings:
    """Settings of the training of a stage of DFC-Net."""

    backbone: Backbone = "compact"
    """resnet50, resnet101 or compact."""
    size: Size = (60, 108)
    """Height and width of the stage's grid."""
    batch: int = 4
    """Windows a step."""
    hard_weight: float = 2.0
    """Weight of the harder half of each hole's pixels; the paper has 2 in the first stage, 1 in the others; 0: none."""
    optimiser: Optimiser = "adamw"
    """adamw or sgd."""
    weight_decay: float = 4e-5
    """Pull of the weights to 0."""
    backbone_rate: float = 1.0
    """Learning rate of the backbone, as a share of the head's."""
    clip_gradient: float = 10.0
    """Largest norm of the gradient."""
    average: float = 0.999
    """Decay of the running mean of the weights, which is what is validated and kept."""
    validation_items: int = 4
    """Windows validated in each clip that is kept back."""


@dataclass(frozen=True)
class Sample:
    """One window to complete."""

    stack: Tensor
    """(33 or 66, h, w)."""
    target: Tensor
    """(2 or 4, h, w): true flow, pixels of this grid."""
    hole: Tensor
    """(1 or 2, h, w): 1 = counts."""
    start: Tensor
    """(2 or 4, h, w): flow before this stage: the initial flow, or the result of the stage before."""


class DfcTraining:
    """The training of one stage of DFC-Net, as `loop.Training`.

    taught   : clips to learn from.
    kept     : clips kept back for validation, by name.
    earlier  : trained networks of the stages before this one, and `earlier_sizes` their grids.
    Raises   : ShapeError if there is no clip to learn from, or one is shorter than SHORTEST frames.
    """

    def __init__(
        self,
        taught: Sequence[TrueFlow],
        kept: Mapping[str, TrueFlow],
        settings: DfcSettings,
        *,
        earlier: Sequence[nn.Module] = (),
        earlier_sizes: Sequence[Size] = (),
        seed: int = 0,
        runtime: Runtime | None = None,
    ) -> None:
        if not taught:
            raise ShapeError("training needs at least one clip to learn from")
        if any(len(fw) < SHORTEST - 1 for fw, _ in [*taught, *kept.values()]):
            raise ShapeError(f"clips to train on need at least {SHORTEST} frames")
        self.taught, self.kept, self.settings = taught, kept, settings
        self.runtime = runtime or Runtime()
        self.device = choose_device(self.runtime.device)
        self.earlier, self.earlier_sizes = [self.runtime.place(network) for network in earlier], earlier_sizes
        self.maps = 2 if earlier else 1
        torch.manual_seed(seed)
        self.network = self.runtime.place(self._new_network())
        self.average = Average(self._new_network(), settings.average).to(self.device)
        self.average.network.load_state_dict(self.network.state_dict())
        self.networks = {"trained": self.network, "average": self.average}
        self.results = {network_name(settings.backbone, len(earlier) + 1): self.average.network}
        self.optimisers = {"optimiser": self._new_optimiser()}

    def _new_network(self) -> DfcNet:
        network = DfcNet(self.settings.backbone, maps=self.maps, norm=nn.BatchNorm2d)
        for part in network.modules():
            if isinstance(part, nn.Conv2d):
                nn.init.kaiming_normal_(part.weight, nonlinearity="relu")
        if network.adds:  # nothing, at first
            for parameter in network.layer5.get_submodule("conv3").parameters():
                nn.init.zeros_(parameter)
        return network

    def _new_optimiser(self) -> torch.optim.Optimizer:
        head = list(self.network.layer5.parameters())
        chosen = {id(parameter) for parameter in head}
        backbone = [parameter for parameter in self.network.parameters() if id(parameter) not in chosen]
        groups = [{"params": head}, {"params": backbone, "scale": self.settings.backbone_rate}]
        return make_optimiser(self.settings.optimiser, groups, weight_decay=self.settings.weight_decay)

    def draw(self, random: np.random.Generator) -> list[Sample]:
        """Draw windows of any clips, mirrored or not."""
        return [
            self._draw(self.taught[int(random.integers(len(self.taught)))], random, *random.integers(2, size=2) > 0)
            for _ in range(self.settings.batch)
        ]

    def step(self, drawn: list[Sample]) -> Numbers:
        """Take one step on windows. l1 and l1_before are pixels of the stage's grid."""
        stack, target, hole, start = (
            torch.stack([getattr(one, name) for one in drawn]) for name in ("stack", "target", "hole", "start")
        )
        with self.runtime.autocast():
            flow = self.network(stack)
        unit = (
            motion_spread(stack) if self.network.adds else 1.0
        )  # the unit of the network's output; the paper has pixels
        loss, plain = self._loss(flow / unit, target / unit, hole), self._l1(flow.detach(), target, hole)
        (optimiser,) = self.optimisers.values()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.settings.clip_gradient)
        optimiser.step()
        self.average.follow(self.network)
        return {"loss": float(loss.detach()), "l1": float(plain), "l1_before": float(self._l1(start, target, hole))}

    def validate(self) -> Numbers:
        """Return the mean end-point error in holes of the clips kept back, pixels of the flow's own grid.

        It is that before this stage and after it, everywhere in the hole and at motion boundaries.
        """
        found = [self._errors(*place) for place in self._places()]
        numbers = {}
        for k, name in enumerate(("epe_before", "epe", "boundary_epe_before", "boundary_epe")):
            known = [row[k] for row in found if np.isfinite(row[k])]  # not every hole has a motion boundary
            if known:
                numbers[name] = float(np.mean(known))
        return numbers

    def preview(self) -> NDArray[np.uint8] | None:
        """Return an image of true flow, flow before this stage and after it: one row for each of up to 4 clips."""
        rows = []
        for clip, random in self._places()[:: self.settings.validation_items][:4]:
            sample = self._draw(clip, random)
            shown = [sample.target, sample.start, self._completed(sample)]
            flows = [np.ascontiguousarray(flow[:2].permute(1, 2, 0).cpu().numpy()) for flow in shown]
            fastest = float(np.quantile(np.linalg.norm(flows[0], axis=-1), 0.99)) + 0.1
            rows.append(np.concatenate([flow_to_rgb(flow, fastest) for flow in flows], axis=1))
        return np.concatenate(rows) if rows else None

    def _places(self) -> list[tuple[TrueFlow, np.random.Generator]]:
        """Return clips and generators that draw the same validation windows and holes each time, for every stage."""
        count = self.settings.validation_items
        return [(clip, generator_of(k, j)) for k, clip in enumerate(self.kept.values()) for j in range(count)]

    def _draw(
        self,
        clip: TrueFlow,
        random: np.random.Generator,
        across: np.bool_ | bool = False,
        down: np.bool_ | bool = False,
    ) -> Sample:
        """Draw a window somewhere in a clip, or in its mirror image, with holes in it."""
        fw, bw = clip
        frames = len(fw) + 1
        height, width = np.asarray(fw[0]).shape[:2]
        centre = int(random.integers(1, frames - 1))
        forward = bool(random.integers(2))
        reach = REACH * (len(self.earlier) + 1)
        first, last = max(centre - reach, 0), min(centre + reach, frames - 1)
        holes = draw_holes(random, last - first + 1, height, width)
        flows = [
            [_mirrored(np.asarray(way[t], np.float32), across, down) for t in range(first, last)] for way in (fw, bw)
        ]
        part = Clip(flows[0], flows[1], holes, enlarge_kernel=0, faithful=False)
        true = [flows[0][centre - first], flows[1][centre - first - 1]]
        return self._sample(part, centre - first, true, (forward, not forward) if self.maps == 1 else (True, True))

    def _sample(self, part: Clip, centre: int, true: list[NDArray[np.float32]], ways: tuple[bool, bool]) -> Sample:
        coarser = chain_stages(self.earlier, self.earlier_sizes, part, self.runtime, threads=1)
        maps = MapMaker(part, self.settings.size, coarser, self.device, threads=1)
        stage = Stage(self.network, maps, self.runtime, batch=1, refine=self.maps == 2)
        window = stage.window(centre, fw=ways[0], bw=ways[1])
        fitted = [resize_flow_clipped(flow, self.settings.size) for flow, way in zip(true, ways, strict=True) if way]
        target = torch.cat([torch.from_numpy(flow.transpose(2, 0, 1)) for flow in fitted])
        return Sample(
            stack=torch.cat(window.maps),
            target=target.to(self.device),
            hole=torch.stack([one.tensor[2] for one in window.centres]),
            start=torch.cat([one.tensor[:2] for one in window.centres]),
        )

    def _loss(self, flow: Tensor, target: Tensor, hole: Tensor) -> Tensor:
        """Return the paper's loss, summed over directions."""
        parts = [
            completion_loss(flow[:, one], target[:, one], hole[:, k, None], self.settings.hard_weight)
            for k, one in self._directions()
        ]
        return torch.stack(parts).sum()

    def _l1(self, flow: Tensor, target: Tensor, hole: Tensor) -> Tensor:
        parts = [hole_l1(flow[:, one], target[:, one], hole[:, k, None]) for k, one in self._directions()]
        return torch.stack(parts).mean()

    def _directions(self) -> list[tuple[int, slice]]:
        return [(k, slice(2 * k, 2 * k + 2)) for k in range(self.maps)]

    def _completed(self, sample: Sample) -> Tensor:
        """Return the flow after this stage: the network's in the hole, the known one outside."""
        with torch.no_grad(), self.runtime.autocast():
            flow = self.average.network(sample.stack[None])[0]
        hole = sample.hole.repeat_interleave(2, dim=0)
        return torch.where(hole > 0, flow.float(), sample.start)

    def _errors(self, clip: TrueFlow, random: np.random.Generator) -> tuple[float, float, float, float]:
        sample = self._draw(clip, random)
        own, (height, width) = np.asarray(clip[0][0]).shape[:2], self.settings.size
        scale = torch.tensor([own[1] / width, own[0] / height]).repeat(self.maps)[:, None, None].to(self.device)
        errors = []
        for flow in (sample.start, self._completed(sample)):
            wrong = ((flow - sample.target) * scale).cpu().numpy()
            errors.append(np.concatenate([np.linalg.norm(wrong[one], axis=0)[None] for _, one in self._directions()]))
        true = (sample.target * scale).cpu().numpy()
        boundary = np.stack([motion_boundary(true[one].transpose(1, 2, 0)) for _, one in self._directions()])
        hole = sample.hole.cpu().numpy() > 0
        means = [
            error[where].mean() if where.any() else np.nan for where in (hole, hole & boundary) for error in errors
        ]
        return means[0], means[1], means[2], means[3]


def _mirrored(flow: NDArray[np.float32], across: np.bool_ | bool, down: np.bool_ | bool) -> NDArray[np.float32]:
    """Return the flow (H, W, 2) of the clip with left and right, top and bottom exchanged, or not."""
    turned = flow[:: -1 if down else 1, :: -1 if across else 1]
    return turned * np.array([-1 if across else 1, -1 if down else 1], np.float32)


def network_name(backbone: Backbone, stage: int) -> str:
    """Return the name of this stage's network in the catalogue. Raises ValueError for a second stage of resnet101."""
    if backbone == "resnet101":
        if stage > 1:
            raise ValueError("resnet101 is a single stage; train resnet50 or compact in several")
        return "dfc_resnet101"
    return f"dfc_{'compact_' if backbone == 'compact' else ''}stage{stage}"
