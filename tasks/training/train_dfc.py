"""Training of a stage of DFC-Net, the paper's flow completion. Stores in, weights out."""

from typing import Any, Literal

from pydantic import Field, field_validator

from dfvi_models.training.dfc import DfcSettings, DfcTraining
from dfvi_models.training.loop import Optimiser
from dfvi_models.weights.export import load_exported
from storage.cache.stage_store import StageStore
from tasks.stage.cached_stage import Job, stage
from tasks.training.training_run import TrainingParams, run_training, split

EARLIER = "earlier/"
"""Inputs whose role starts so are the trained stages before this one, in order."""


class TrainDfcParams(TrainingParams):
    """How a stage of DFC-Net is trained."""

    backbone: Literal["resnet50", "resnet101", "compact"] = "compact"
    """The paper's ResNet-50, its single-stage ResNet-101, or a compact one."""
    size: tuple[int, int] = (60, 108)
    """Height and width of the stage's grid."""
    batch: int = Field(4, ge=1)
    """Windows a step."""
    hard_weight: float = Field(2.0, ge=0)
    """Weight of the harder half of each hole's pixels (hard flow example mining); the paper has 2 in the first stage
    and 1 in the others; 0: no mining."""
    optimiser: Optimiser = "adamw"
    """adamw, or sgd as in the paper."""
    weight_decay: float = Field(4e-5, ge=0)
    """Pull of the weights to 0."""
    backbone_rate: float = Field(1.0, gt=0)
    """Learning rate of the backbone, as a share of the head's."""
    clip_gradient: float = Field(10.0, gt=0)
    """Largest norm of the gradient."""
    average: float = Field(0.999, ge=0, lt=1)
    """Decay of the running mean of the weights, which is what is validated and kept."""
    validation_items: int = Field(4, ge=1)
    """Windows looked at in each clip that is kept back."""

    @field_validator("size")
    @classmethod
    def _check_size(cls, value: tuple[int, int]) -> tuple[int, int]:
        if min(value) < 8:
            raise ValueError("both sides of a grid are 8 or more")
        return value


@stage(version=3)
def train_dfc(out: StageStore, *, params: TrainDfcParams, job: Job, **inputs: StageStore) -> None:
    """Train a stage of DFC-Net on the flow of some clips, and validate on the clips kept back."""
    taught, kept = split(inputs)
    earlier = [inputs[role] for role in sorted(inputs) if role.startswith(EARLIER)]
    settings = DfcSettings(**params.model_dump(include=set(DfcSettings.__dataclass_fields__)))
    training = DfcTraining(
        [_flows(store) for store in taught.values()],
        {name: _flows(store) for name, store in kept.items()},
        settings,
        earlier=[_network(store) for store in earlier],
        earlier_sizes=[tuple(store.attributes["size"]) for store in earlier],
        seed=params.seed,
        runtime=params.runtime(job),
    )
    run_training(out, training, params, job)
    out.attributes["size"] = list(params.size)


def _flows(store: StageStore) -> tuple[Any, Any]:
    return store["flow_fw"], store["flow_bw"]


def _network(store: StageStore) -> Any:
    (name,) = store.attributes["weights"]
    return load_exported(name.removesuffix(".safetensors"), store.file(name).read_bytes())
