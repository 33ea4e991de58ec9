"""Builds the exchangeable part that a stage's parameters name: with its weights, on the device of the job."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from dfvi_models.registry import Kind, part_called, part_class
from dfvi_models.weights.store import find_all_weights
from tasks.stage.cached_stage import Job, StageParams

if TYPE_CHECKING:
    from dfvi_models.networks.runtime import Precision


def weights_of(kind: Kind, field: str) -> Callable[[StageParams], dict[str, str]]:
    """What a stage says as its `weights`: those of the part that the parameter `field` names."""

    def find(params: StageParams) -> dict[str, str]:
        networks = part_called(kind, getattr(params, field)).networks
        return {name: path.stem for name, path in zip(networks, find_all_weights(networks), strict=True)}

    return find


def build(kind: Kind, name: str, job: Job, *, precision: "Precision" = "float32", **options: Any) -> Any:
    """Build a part; `precision` and the job's device matter to networks only."""
    part, made_by = part_called(kind, name), part_class(kind, name)
    if not part.networks:
        return made_by(**options)
    from dfvi_models.networks.runtime import Runtime

    runtime = Runtime(device=job.device, precision=precision)
    return made_by.from_weights(find_all_weights(part.networks), names=part.networks, runtime=runtime, **options)
