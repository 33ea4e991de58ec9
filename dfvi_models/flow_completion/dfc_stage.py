"""One stage of DFC-Net over a clip, frame after frame; it reads the stage before through a sliding window.

A flow is numbered by the frame on whose grid it stands: forward = to the next frame, backward = to the one before.
The last frame has no forward flow, the first no backward one.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from dfvi_models.errors import ShapeError
from dfvi_models.flow_completion.dfc_inputs import (
    Size,
    carry_over,
    fill_initially,
    resize_flow_clipped,
    to_map,
)
from dfvi_models.flow_completion.dfc_inputs import window_numbers as numbers_around
from dfvi_models.networks.dfc_net import REACH, WINDOW
from dfvi_models.networks.runtime import Runtime, run_in_batches
from dfvi_models.numerics.holes import dilate_by_square, resize_hole_for_bilinear, resize_hole_nearest
from dfvi_models.numerics.ordered_map import ordered_map
from dfvi_models.numerics.sliding_window import SlidingWindow
from dfvi_models.protocols import Flows, Holes

Array = NDArray[np.float32]
Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Directions(Generic[Item]):
    """One thing each for the forward and the backward flow of a frame; None where that flow does not exist."""

    fw: Item | None
    bw: Item | None

    def apply(self, function: Callable[[Item], Result]) -> "Directions[Result]":
        """Return the function's results, None where there was None."""
        return Directions(*(None if item is None else function(item) for item in (self.fw, self.bw)))


class KnownFlow(NamedTuple):
    """A flow that is known outside the hole."""

    flow: Array  # (h, w, 2), pixels
    hole: NDArray[np.bool_]  # (h, w)


class Map(NamedTuple):
    """A flow with its hole as the network takes it."""

    tensor: Tensor  # (3, h, w) on the device: dx, dy, hole
    has_hole: bool


class Window(NamedTuple):
    """One input of a network, and the maps at its centre: one for each direction that the network completes."""

    maps: list[Tensor]  # 11 or 22 of (3, h, w)
    centres: tuple[Map, ...]


@dataclass(frozen=True)
class Clip:
    """Flows and holes of a clip, numbered by frame, and how they are to be treated (see `DfcCompleter`)."""

    flow_fw: Flows
    flow_bw: Flows
    holes: Holes
    enlarge_kernel: int
    faithful: bool

    @property
    def frames(self) -> int:
        """Number of frames, one more than flows."""
        return len(self.holes)

    @property
    def first_bw(self) -> int:
        """Number of the first backward flow; the reference gives the first frame a flow of zeros."""
        return 0 if self.faithful else 1

    def read(self, number: int) -> Directions[KnownFlow]:
        """Read both flows on the grid of one frame, at full size.

        Raises : ShapeError where they and the hole differ in size.
        """
        hole = np.asarray(self.holes[number])
        fw = self.flow_fw[number] if number < self.frames - 1 else None
        bw = self.flow_bw[number - 1] if number else None
        if bw is None and self.faithful:
            bw = np.zeros((*hole.shape, 2), np.float32)
        shapes = [flow.shape for flow in (fw, bw) if flow is not None]
        if hole.dtype != np.bool_ or any(shape != (*hole.shape, 2) for shape in shapes):
            raise ShapeError(
                f"frame {number} needs a bool hole (H, W) and flows (H, W, 2) of its size; "
                f"got {hole.dtype} {hole.shape} and flows {shapes}"
            )
        if not self.faithful:
            hole = dilate_by_square(hole, self.enlarge_kernel)
        return Directions(fw, bw).apply(lambda flow: KnownFlow(np.asarray(flow, np.float32), hole))


@dataclass(frozen=True)
class MapMaker:
    """Makes the maps a stage reads: the known flow, and in the hole the stage before or the initial fill."""

    clip: Clip
    size: Size
    coarser: SlidingWindow[Directions[Array]] | None
    device: torch.device
    threads: int

    def maps(self, start: int) -> Iterator[Directions[Map]]:
        """Yield the maps of frames start, start + 1, ..."""
        numbers = range(start, self.clip.frames)
        for number, known in zip(numbers, ordered_map(self._read, numbers, self.threads), strict=True):
            fitted = known if self.coarser is None else self._with_coarser(known, self.coarser, number)
            yield fitted.apply(self._to_device)

    def _read(self, number: int) -> Directions[KnownFlow]:
        """Read, resize and initially fill both flows of a frame: what needs no other stage and may run ahead."""
        return self.clip.read(number).apply(self._fit)

    def _fit(self, known: KnownFlow) -> KnownFlow:
        resize_hole = resize_hole_nearest if self.clip.faithful else resize_hole_for_bilinear
        hole, flow = resize_hole(known.hole, *self.size), resize_flow_clipped(known.flow, self.size)
        if self.coarser is not None:
            return KnownFlow(flow, hole)
        if self.clip.faithful:
            hole = dilate_by_square(hole, self.clip.enlarge_kernel)
        return KnownFlow(fill_initially(flow, hole), hole)

    def _with_coarser(
        self, known: Directions[KnownFlow], coarser: SlidingWindow[Directions[Array]], number: int
    ) -> Directions[KnownFlow]:
        (coarse,) = coarser.between(number, number)
        return Directions(self._merge(coarse.fw, known.fw), self._merge(coarse.bw, known.bw))

    def _merge(self, coarse: Array | None, known: KnownFlow | None) -> KnownFlow | None:
        if coarse is None or known is None:
            return None
        return KnownFlow(carry_over(coarse, *known, everywhere=self.clip.faithful), known.hole)

    def _to_device(self, known: KnownFlow) -> Map:
        return Map(torch.from_numpy(to_map(*known)).to(self.device), bool(known.hole.any()))


class Stage:
    """Runs one network over the clip.

    refine : False: one window per direction (33 channels); True: one window for both (66).
    batch  : windows the network takes at once; also how far frames are grouped.
    """

    def __init__(self, network: nn.Module, source: MapMaker, runtime: Runtime, *, batch: int, refine: bool) -> None:
        self.network, self.clip, self.runtime = network, source.clip, runtime
        self.batch, self.refine = batch, refine
        self.maps = SlidingWindow(source.maps)

    def flows(self, start: int) -> Iterator[Directions[Array]]:
        """Yield the completed flows (h, w, 2) of frames start, start + 1, ...; `start` is a multiple of the batch."""
        frames = self.clip.frames
        for first in range(start, frames, self.batch):
            centres = range(first, min(first + self.batch, frames))
            around = range(max(first - REACH, 0), min(centres[-1] + REACH, frames - 1) + 1)
            maps = dict(zip(around, self.maps.between(around[0], around[-1]), strict=True))
            yield from (self._refined if self.refine else self._first)(centres, maps)

    def window(self, number: int, *, fw: bool, bw: bool) -> Window:
        """Return the network's input for one frame, to train it."""
        around = range(max(number - REACH, 0), min(number + REACH, self.clip.frames - 1) + 1)
        maps = dict(zip(around, self.maps.between(around[0], around[-1]), strict=True))
        return self._window(maps, fw=number if fw else None, bw=number if bw else None)

    def _first(self, centres: range, maps: dict[int, Directions[Map]]) -> Iterator[Directions[Array]]:
        """Run stage 1, which completes each direction from its own window."""
        forward = [c for c in centres if maps[c].fw is not None]
        backward = [c for c in centres if maps[c].bw is not None]
        windows = [self._window(maps, fw=c) for c in forward] + [self._window(maps, bw=c) for c in backward]
        flows = [flow for (flow,) in self._run(windows)]
        completed_fw = dict(zip(forward, flows[: len(forward)], strict=True))
        completed_bw = dict(zip(backward, flows[len(forward) :], strict=True))
        for c in centres:
            yield Directions(completed_fw.get(c), completed_bw.get(c))

    def _refined(self, centres: range, maps: dict[int, Directions[Map]]) -> Iterator[Directions[Array]]:
        """Run stage 2 or 3, which completes both directions from one window."""
        wanted = sorted({*centres, *(self._window_of_forward(c) for c in centres)})
        completed = dict(zip(wanted, self._run([self._window(maps, fw=c, bw=c) for c in wanted]), strict=True))
        for c in centres:
            fw, bw = completed[self._window_of_forward(c)][0], completed[c][1]
            yield Directions(None if maps[c].fw is None else fw, None if maps[c].bw is None else bw)

    def _window_of_forward(self, number: int) -> int:
        """Return the window whose forward flow counts; in the reference the last frame's overwrites the one before."""
        return number + 1 if self.clip.faithful and number == self.clip.frames - 2 else number

    def _window(self, maps: dict[int, Directions[Map]], *, fw: int | None = None, bw: int | None = None) -> Window:
        """Return the maps around frame `fw` of the forward flow, then those around `bw` of the backward flow."""
        last = self.clip.frames - 1
        around_fw = [] if fw is None else [maps[k].fw for k in numbers_around(fw, 0, last - 1)]
        around_bw = [] if bw is None else [maps[k].bw for k in numbers_around(bw, self.clip.first_bw, last)]
        found = [one for one in around_fw + around_bw if one is not None]
        return Window([one.tensor for one in found], tuple(found[REACH::WINDOW]))

    def _run(self, windows: list[Window]) -> list[tuple[Array, ...]]:
        """Return the completed flows of each window's centres; the network runs only where there is a hole."""
        with_hole = [k for k, window in enumerate(windows) if any(centre.has_hole for centre in window.centres)]
        completed: dict[int, Tensor] = {}
        if with_hole:
            with torch.inference_mode(), self.runtime.autocast():
                stacks = torch.cat([one for k in with_hole for one in windows[k].maps])
                stacks = stacks.reshape(len(with_hole), -1, *stacks.shape[1:])
                results = run_in_batches(self.network, (stacks,), self.batch)
            completed = dict(zip(with_hole, results.float(), strict=True))
        return [compose(completed.get(k), window.centres) for k, window in enumerate(windows)]


def compose(completed: Tensor | None, centres: tuple[Map, ...]) -> tuple[Array, ...]:
    """Return the network's flow in the hole and the known flow outside.

    completed : (2 or 4, h, w) pixels, two channels per centre; None where the network was not run.
    Returns   : (h, w, 2) float32 for each centre, on the CPU.
    """
    flows = []
    for k, centre in enumerate(centres):
        flow, hole = centre.tensor[:2], centre.tensor[2]
        if completed is not None:
            flow = completed[2 * k : 2 * k + 2] * hole + flow * (1 - hole)
        flows.append(np.ascontiguousarray(flow.cpu().numpy().transpose(1, 2, 0)))
    return tuple(flows)
