"""Training of ChoiceNet, which improves the temporal flow completion. Stores in, weights out."""

from pydantic import Field

from dfvi_models.training.choice import ChoiceSettings, ChoiceTraining
from dfvi_models.training.loop import Optimiser
from storage.cache.stage_store import StageStore
from tasks.stage.cached_stage import Job, stage
from tasks.training.training_run import TrainingParams, run_training, split


class TrainChoiceParams(TrainingParams):
    """How ChoiceNet is trained."""

    batch: int = Field(8, ge=1)
    """Crops a step."""
    crop: int = Field(80, ge=16, multiple_of=8)
    """Side of a crop, pixels of the flow's grid."""
    optimiser: Optimiser = "adamw"
    """adamw or sgd."""
    weight_decay: float = Field(1e-4, ge=0)
    """Pull of the weights to 0."""
    clip_gradient: float = Field(1.0, gt=0)
    """Largest norm of the gradient."""
    hard_weight: float = Field(1.0, ge=0)
    """Weight of the harder half of each hole's pixels (hard flow example mining); 0: no mining."""
    average: float = Field(0.999, ge=0, lt=1)
    """Decay of the running mean of the weights, which is what is validated and kept."""
    validation_items: int = Field(12, ge=1)
    """Flow maps looked at in each clip that is kept back."""


@stage(version=1)
def train_choice(out: StageStore, *, params: TrainChoiceParams, job: Job, **examples: StageStore) -> None:
    """Train ChoiceNet on the examples of some clips, and validate on those of the clips kept back."""
    taught, kept = split(examples)
    settings = ChoiceSettings(**params.model_dump(include=set(ChoiceSettings.__dataclass_fields__)))
    training = ChoiceTraining(
        [store["items"] for store in taught.values()],
        {name: store["items"] for name, store in kept.items()},
        settings,
        seed=params.seed,
        runtime=params.runtime(job),
    )
    run_training(out, training, params, job)
