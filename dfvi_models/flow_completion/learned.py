"""Learned flow completion: temporal completion, corrected by ChoiceNet, which weighs other guesses against it.

Source: own; not part of the paper.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from dfvi_models.flow_completion.hypotheses import HOLE, Hypotheses, make_hypotheses
from dfvi_models.flow_completion.temporal import TemporalCompleter
from dfvi_models.networks.runtime import Runtime, choose_device
from dfvi_models.numerics.holes import hole_boxes
from dfvi_models.protocols import Flows, Holes, Item
from dfvi_models.types import FlowPair
from dfvi_models.weights.loading import load_networks

MARGIN = 24  # pixels around a hole that are input of the network, about as many as in training
MULTIPLE = 2  # corners of the window: the network joins four pixels to one


class LearnedCompleter:
    """Completes flow by `TemporalCompleter`, then by a network that corrects it.

    network : a `ChoiceNet` with weights loaded; `LearnedCompleter.from_weights` reads them from a file.
    The others are those of `TemporalCompleter`, and should be what the network was trained with.
    """

    def __init__(
        self,
        network: nn.Module,
        *,
        dilation: int = 10,
        rounds: int = 2,
        strength: float = 1.5,
        runtime: Runtime | None = None,
    ) -> None:
        self.runtime = runtime or Runtime()
        self.network = self.runtime.place(network)
        self.device = choose_device(self.runtime.device)
        self.completer = TemporalCompleter(dilation, rounds, strength)

    @classmethod
    def from_weights(
        cls,
        paths: Sequence[Path],
        *,
        names: Sequence[str] = ("choice",),
        dilation: int = 10,
        rounds: int = 2,
        strength: float = 1.5,
        runtime: Runtime | None = None,
    ) -> "LearnedCompleter":
        """Build the network called `names[0]` with the weights stored at `paths[0]` (see `weights.find_weights`)."""
        (network,) = load_networks(names, paths)
        return cls(network, dilation=dilation, rounds=rounds, strength=strength, runtime=runtime)

    def complete(
        self, flow_fw: Flows, flow_bw: Flows, holes: Holes, *, wanted: Sequence[int], threads: int = 1
    ) -> Iterator[Item]:
        """Complete the flow of the wanted pairs, in ascending order; see `TemporalCompleter.complete`."""
        for t, guess in make_hypotheses(self.completer, flow_fw, flow_bw, holes, wanted=wanted, threads=threads):
            yield t, self._corrected(guess)

    def _corrected(self, guess: Hypotheses) -> FlowPair:
        pairs = zip((guess.completed.fw, guess.completed.bw), guess.stacks, strict=True)
        fw, bw = (flow + self._correction(stack) for flow, stack in pairs)
        return FlowPair(fw, bw)

    def _correction(self, stack: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return what is to be added to the completed flow: (h, w, 2) pixels, 0 outside the hole."""
        correction = np.zeros((*stack.shape[1:], 2), np.float32)
        for rows, columns in hole_boxes(stack[HOLE] > 0, MARGIN):
            window = (
                slice(rows.start // MULTIPLE * MULTIPLE, rows.stop),
                slice(columns.start // MULTIPLE * MULTIPLE, columns.stop),
            )
            inputs = torch.from_numpy(np.ascontiguousarray(stack[:, *window]))[None].to(self.device)
            with torch.inference_mode(), self.runtime.autocast():
                output = self.network(inputs)[0]
            correction[window] = output.cpu().numpy().transpose(1, 2, 0)
        return correction
