"""What all training stages share: the run with its checkpoint, and the files that are left when it is over."""

import csv
import json
from collections.abc import Callable, Mapping
from importlib.metadata import version as installed_version
from typing import Any, Literal

import cv2
from pydantic import Field

from dfvi_models.device import Runtime
from dfvi_models.export import export_weights
from dfvi_models.training import Progress, Schedule, Training, train
from storage.atomic import appears_when_complete
from storage.stage_store import StageStore
from tasks.progress import run_logger
from tasks.stage import Job, StageParams

CHECKPOINT, CURVE, CARD, PICTURE = "checkpoint.pt", "curve", "card.json", "samples.png"
KEPT = "kept/"
"""Inputs whose role starts so are kept back for validation."""
TAUGHT = "taught/"
"""And these are learned from."""


class ScheduleParams(StageParams):
    """How long is trained, and how fast."""

    steps: int = Field(ge=1)
    """Steps of the optimiser."""
    learning_rate: float = Field(gt=0, le=1)
    """Highest rate."""
    warm_up: int = Field(0, ge=0)
    """Steps over which the rate rises from 0."""
    decay: Literal["cosine", "steps", "none"] = "cosine"
    """cosine: to 0 at the last step; steps: times 0.1 at each of `decay_steps`."""
    decay_steps: tuple[int, ...] = ()
    """Steps at which the rate falls to a tenth, for decay: steps."""
    validate_every: int = Field(500, ge=1)
    """Steps between looks at what is kept back from training."""


class TrainingParams(StageParams):
    """What every training has."""

    schedule: ScheduleParams
    """How long is trained, and how fast."""
    seed: int = Field(0, ge=0, lt=2**31)
    """Decides first weights, and what each step draws."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """Numbers networks compute with; bfloat16 is for CUDA. Weights stay float32."""

    def runtime(self, job: Job) -> Runtime:
        """Where and how networks run."""
        return Runtime(device=job.device, precision=self.precision)


def run_training(out: StageStore, training: Training, params: TrainingParams) -> None:
    """Train to the end, from the checkpoint in `out` if there is one, and leave weights, card, curve and samples."""
    schedule = Schedule(**params.schedule.model_dump())
    out.items = schedule.steps
    started: list[int] = []

    def count(done: int) -> None:
        if not started:
            started.append(done)
            out.items_found = done - 1
        out.on_write()

    progress = train(
        training, schedule, out.file(CHECKPOINT), seed=params.seed, on_step=count, on_row=_reporter(out, training)
    )
    _write_curve(out, progress)
    figures = dict(progress.curve[-1])
    names = [_export(out, name, training, params, figures) for name in training.results]
    out.files += [CHECKPOINT, f"{CURVE}.csv", f"{CURVE}.jsonl", CARD, *names]
    out.files += [PICTURE] if out.file(PICTURE).exists() else []
    card = _card(out, params, figures, names)
    out.file(CARD).write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")
    out.attributes.update({"weights": names, "figures": figures})


def _reporter(out: StageStore, training: Training) -> Callable[[Progress], None]:
    def report(progress: Progress) -> None:
        row = progress.curve[-1]
        run_logger().info("%s", ", ".join(f"{name} {number:.4g}" for name, number in row.items()))
        _write_curve(out, progress)
        picture = training.picture()
        if picture is not None:
            with appears_when_complete(out.file(PICTURE)) as partial:
                partial.write_bytes(cv2.imencode(".png", picture[..., ::-1])[1].tobytes())

    return report


def _write_curve(out: StageStore, progress: Progress) -> None:
    rows = progress.curve
    with appears_when_complete(out.file(f"{CURVE}.jsonl")) as partial:
        partial.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    with appears_when_complete(out.file(f"{CURVE}.csv")) as partial, partial.open("w", newline="") as file:
        table = csv.DictWriter(file, list(dict.fromkeys(name for row in rows for name in row)))
        table.writeheader()
        table.writerows(rows)


def _export(
    out: StageStore, name: str, training: Training, params: TrainingParams, figures: Mapping[str, float]
) -> str:
    about = {
        "network": name,
        "made_by": f"dfvi {installed_version('dfvi')}, stage {out.key.stage} version {out.key.version}",
        "result": out.key.digest,
        "parameters": params.model_dump_json(),
        "figures": json.dumps(figures),
    }
    export_weights(training.results[name], out.file(f"{name}.safetensors"), about)
    return f"{name}.safetensors"


def _card(out: StageStore, params: TrainingParams, figures: Mapping[str, float], names: list[str]) -> dict[str, Any]:
    """Everything it takes to know, and to repeat, what was trained."""
    return {
        "weights": names,
        "stage": out.key.stage,
        "stage_version": out.key.version,
        "result": out.key.digest,
        "dfvi": installed_version("dfvi"),
        "parameters": params.model_dump(mode="json"),
        "data": {
            "taught": _digests(out, TAUGHT),
            "kept_back": _digests(out, KEPT),
        },
        "figures": dict(figures),
    }


def _digests(out: StageStore, prefix: str) -> dict[str, str]:
    return {role.removeprefix(prefix): digest for role, digest in out.key.inputs.items() if role.startswith(prefix)}


def split(inputs: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Inputs to learn from, and those kept back, by name."""
    parts = [{r.removeprefix(p): store for r, store in inputs.items() if r.startswith(p)} for p in (TAUGHT, KEPT)]
    return parts[0], parts[1]
