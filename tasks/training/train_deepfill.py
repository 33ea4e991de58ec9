"""Training of DeepFill v1, which fills key frames. Store in, weights out."""

from typing import Self

from pydantic import Field, model_validator

from dfvi_models.training.deepfill import DeepFillSettings, DeepFillTraining
from storage.cache.stage_store import StageStore
from tasks.stage.cached_stage import Job, stage
from tasks.training.training_run import TrainingParams, run_training


class TrainDeepFillParams(TrainingParams):
    """How DeepFill v1 is trained."""

    side: int = Field(256, ge=32, multiple_of=16)
    """Side of the squares cut out of photos."""
    window: int = Field(128, ge=16, multiple_of=16)
    """Side of the squares that holes lie in; at most `side`."""
    batch: int = Field(16, ge=1)
    """Pictures a step."""
    adversarial: float = Field(0.001, ge=0)
    """Weight of what the critics say; 0: reconstruction alone, without critics."""
    critic_steps: int = Field(5, ge=1)
    """Steps of the critics for each of the network."""
    strokes: float = Field(0.5, ge=0, le=1)
    """Share of holes that are strokes; the others are boxes, as in the paper."""
    kept_back: int = Field(48, ge=1)
    """Photos kept back for validation."""

    @model_validator(mode="after")
    def _check_window(self) -> Self:
        if self.window > self.side:
            raise ValueError(f"window, {self.window}, is at most side, {self.side}")
        return self


@stage(version=2)
def train_deepfill(out: StageStore, *, photos: StageStore, params: TrainDeepFillParams, job: Job) -> None:
    """Train DeepFill on photos with random holes, and validate on the photos kept back."""
    settings = DeepFillSettings(**params.model_dump(include=set(DeepFillSettings.__dataclass_fields__)))
    training = DeepFillTraining(photos["frames"], settings, seed=params.seed, runtime=params.runtime(job))
    run_training(out, training, params, job)
