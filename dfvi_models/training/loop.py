"""The training loop: steps, checkpoints that survive kill -9, validation, and the curve of all numbers.

What is drawn at random in a step is drawn from a generator seeded by the run's seed and the number of the step, so a
run that was killed and resumed goes on exactly as if nothing had happened; on a CPU the weights are equal bit by bit.
"""

import math
import pickle
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from dfvi_models.errors import TrainingError, WeightsError
from dfvi_models.numerics.ordered_map import ordered_map
from dfvi_models.weights.atomic_write import appears_when_complete

Optimiser = Literal["adamw", "sgd"]
Numbers = dict[str, float]
CHECKPOINT_SECONDS = 60.0


@dataclass(frozen=True)
class Schedule:
    """How long a training runs, at which learning rate, and how often it is validated."""

    steps: int
    """Steps of the optimiser in all."""
    learning_rate: float
    """At its highest."""
    warm_up: int = 0
    """Steps over which the rate rises from 0."""
    decay: Literal["cosine", "steps", "none"] = "cosine"
    """cosine: to 0 at the last step; steps: times 0.1 at each of `decay_steps`."""
    decay_steps: tuple[int, ...] = ()
    """For `steps`."""
    validate_every: int = 500
    """Steps between validations; the last step is always followed by one."""

    def rate(self, step: int) -> float:
        """Return the learning rate of a step, counted from 0."""
        rate = self.learning_rate * min(1.0, (step + 1) / max(self.warm_up, 1))
        if self.decay == "cosine":
            return rate * 0.5 * (1 + math.cos(math.pi * step / self.steps))
        return rate * 0.1 ** sum(step >= at for at in self.decay_steps)


class Checkpoint(Protocol):
    """A store of the state of a run."""

    def read(self) -> bytes | None:
        """Return what was written last; None if nothing was."""
        ...

    def write(self, content: bytes) -> None:
        """Replace what was written, whole or not at all."""
        ...


class CheckpointFile:
    """A `Checkpoint` in a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> bytes | None:
        """Return the content of the file; None if there is none."""
        return self.path.read_bytes() if self.path.exists() else None

    def write(self, content: bytes) -> None:
        """Write another file, then rename it."""
        with appears_when_complete(self.path) as partial:
            partial.write_bytes(content)


class Training(Protocol):
    """Something that can be trained step by step."""

    @property
    def networks(self) -> Mapping[str, nn.Module]:
        """Networks by name, whose tensors make the checkpoint."""
        ...

    @property
    def optimisers(self) -> Mapping[str, torch.optim.Optimizer]:
        """Optimisers by name, whose state is in the checkpoint too."""
        ...

    @property
    def results(self) -> Mapping[str, nn.Module]:
        """Networks the training is for, by name in `weights.catalogue.NETWORKS`; among `networks`, or inside them."""
        ...

    def draw(self, random: np.random.Generator) -> Any:
        """Return what one step learns from; may run on another thread, while earlier steps are taken."""
        ...

    def step(self, drawn: Any) -> Numbers:
        """Take one step on what `draw` returned, and return the numbers of the curve, `loss` among them."""
        ...

    def validate(self) -> Numbers:
        """Return scores of what is kept back from training."""
        ...

    def preview(self) -> NDArray[np.uint8] | None:
        """Return an image (H, W, 3) RGB of results on something kept back from training; None if nothing is."""
        ...


@dataclass
class Progress:
    """How far a run is, and what it has measured: the part of the checkpoint that is no tensor."""

    done: int = 0
    """Steps taken."""
    curve: list[dict[str, float]] = field(default_factory=list)
    """A row each validation: step, mean of each number over the steps since the last row, validation."""
    sums: dict[str, float] = field(default_factory=dict)
    """Of each number of the steps since the last row."""
    counted: int = 0
    """How many steps these are."""


def make_optimiser(
    name: Optimiser, parameters: Any, *, weight_decay: float, momentum: float = 0.9
) -> torch.optim.Optimizer:
    """Return an optimiser whose learning rate the schedule sets.

    parameters : tensors, or torch's groups; a group's `scale` multiplies its rate.
    """
    groups = list(parameters)
    if groups and isinstance(groups[0], Tensor):
        groups = [{"params": groups}]
    for group in groups:
        group.setdefault("scale", 1.0)
    if name == "sgd":
        return torch.optim.SGD(groups, lr=0.0, momentum=momentum, weight_decay=weight_decay)
    return torch.optim.AdamW(groups, lr=0.0, betas=(momentum, 0.99), weight_decay=weight_decay)


def generator_of(seed: int, step: int) -> np.random.Generator:
    """Return the generator of everything random in one step."""
    return np.random.default_rng((seed, step))


def train(
    training: Training,
    schedule: Schedule,
    checkpoint: Checkpoint,
    *,
    seed: int,
    until: int | None = None,
    seconds: float = CHECKPOINT_SECONDS,
    on_step: Callable[[int], None] | None = None,
    on_row: Callable[[Progress], None] | None = None,
    threads: int | None = None,
    draw_threads: int = 1,
) -> Progress:
    """Train from the checkpoint, if there is one, to the last step.

    checkpoint : read at the start, and written on the way.
    until      : stop after this many steps of the schedule, with a checkpoint; None: all of them.
    seconds    : longest time between two checkpoints, which is what a kill costs at most.
    on_step    : called with the number of steps taken, after each.
    on_row     : called after each validation; by then the checkpoint holds it.
    threads    : of networks on a CPU; sums are rounded differently with another number. None leaves it as it is.
    draw_threads : threads that draw what coming steps learn from; 1 draws in the step itself. Worth it where networks
                 run on a GPU, which would wait; what is drawn is the same.
    Returns    : all numbers, those of the runs it resumed included.
    Raises     : WeightsError if the checkpoint is damaged or of another network; TrainingError if the loss is
                 not finite: the checkpoint is then from before.
    """
    if threads is not None:
        torch.set_num_threads(threads)
    state = checkpoint.read()
    progress = Progress() if state is None else load_state(training, state)
    last = schedule.steps if until is None else min(until, schedule.steps)
    saved = time.monotonic()

    def draw(step: int) -> Any:
        return training.draw(generator_of(seed, step))

    for drawn in ordered_map(draw, range(progress.done, last), draw_threads):
        take_step(training, schedule, progress, seed, drawn)
        if on_step:
            on_step(progress.done)
        row_due = progress.done % schedule.validate_every == 0 or progress.done == schedule.steps
        if row_due:
            _add_row(training, schedule, progress)
        if row_due or progress.done == last or time.monotonic() - saved >= seconds:
            checkpoint.write(dump_state(training, progress))
            saved = time.monotonic()
        if row_due and on_row:
            on_row(progress)
    return progress


def take_step(training: Training, schedule: Schedule, progress: Progress, seed: int, drawn: Any) -> None:
    """Take one step on what was drawn for it, and count it into `progress`."""
    for optimiser in training.optimisers.values():
        for group in optimiser.param_groups:
            group["lr"] = group["scale"] * schedule.rate(progress.done)
    torch.manual_seed((seed << 32) + progress.done)
    for network in training.networks.values():
        network.train()
    numbers = training.step(drawn)
    if not all(map(math.isfinite, numbers.values())):
        raise TrainingError(f"step {progress.done} gave {numbers}; lower the learning rate, or use float32")
    progress.done += 1
    progress.counted += 1
    for name, number in numbers.items():
        progress.sums[name] = progress.sums.get(name, 0.0) + number


def _add_row(training: Training, schedule: Schedule, progress: Progress) -> None:
    means = {name: total / progress.counted for name, total in progress.sums.items()}
    for network in training.networks.values():
        network.eval()
    with torch.no_grad():
        scores = training.validate()
    rate = schedule.rate(progress.done - 1)
    progress.curve.append({"step": progress.done, "learning_rate": rate, **means, **scores})
    progress.sums, progress.counted = {}, 0


def dump_state(training: Training, progress: Progress) -> bytes:
    """Return everything a run needs to go on, as bytes."""
    content = {
        "networks": {name: network.state_dict() for name, network in training.networks.items()},
        "optimisers": {name: optimiser.state_dict() for name, optimiser in training.optimisers.items()},
        "progress": vars(progress),
    }
    file = BytesIO()
    torch.save(content, file)
    return file.getvalue()


def load_state(training: Training, kept: bytes) -> Progress:
    """Bring networks and optimisers to where a run was. Raises WeightsError as `train`."""
    try:
        content = torch.load(BytesIO(kept), map_location="cpu", weights_only=True)
        for name, network in training.networks.items():
            network.load_state_dict(content["networks"][name])
        for name, optimiser in training.optimisers.items():
            optimiser.load_state_dict(content["optimisers"][name])
        return Progress(**content["progress"])
    except (pickle.UnpicklingError, RuntimeError, ValueError, KeyError, TypeError, EOFError, OSError) as error:
        why = str(error).splitlines()[0]
        raise WeightsError(
            f"the checkpoint is not of this training ({why}); delete it, and training starts anew"
        ) from error


class Average(nn.Module):
    """A copy of a network whose tensors are a running mean of the trained one's: steadier than any single step."""

    steps: Tensor

    def __init__(self, network: nn.Module, decay: float) -> None:
        super().__init__()
        self.network, self.decay = network, decay
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))
        self.requires_grad_(False)

    @torch.no_grad()
    def follow(self, trained: nn.Module) -> None:
        """Move towards `trained`; faster in the first steps, when the mean still holds the start."""
        self.steps += 1
        decay = min(self.decay, int(self.steps) / (9 + int(self.steps)))
        for own, new in zip(self.network.state_dict().values(), trained.state_dict().values(), strict=True):
            if own.dtype.is_floating_point:
                own.lerp_(new, 1 - decay)
            else:
                own.copy_(new)
