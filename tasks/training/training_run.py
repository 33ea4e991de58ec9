"""What all training stages share: the run with its checkpoint, and the files it writes."""

import csv
import json
from collections.abc import Mapping
from importlib.metadata import version as installed_version
from io import StringIO
from typing import Any, Literal

import cv2
from pydantic import Field

from dfvi_models.networks.runtime import Runtime, choose_device
from dfvi_models.training.loop import Progress, Schedule, Training, train
from dfvi_models.weights.export import export_weights
from storage.cache.stage_store import StageStore
from tasks.stage.cached_stage import Job, StageParams
from tasks.stage.progress import run_logger

CHECKPOINT, CURVE, CARD, IMAGE = "checkpoint.pt", "curve", "card.json", "samples.png"
KEPT = "kept/"
"""Inputs whose role starts so are kept back for validation."""
TAUGHT = "taught/"
"""And these are learned from."""


class ScheduleParams(StageParams):
    """Number of steps, learning rate, and how it changes."""

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
    """Parameters that every training has."""

    schedule: ScheduleParams
    """Number of steps, learning rate, and how it changes."""
    seed: int = Field(0, ge=0, lt=2**31)
    """Decides first weights, and what each step draws."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """Numbers networks compute with; bfloat16 is for CUDA. Weights stay float32."""

    def runtime(self, job: Job) -> Runtime:
        """Return where and how networks run."""
        return Runtime(device=job.device, precision=self.precision)


class StoredFile:
    """A plain file of a store that may still be partial."""

    def __init__(self, store: StageStore, name: str) -> None:
        self._file = store.file(name)

    def read(self) -> bytes | None:
        """Return its content, or None if the file does not exist."""
        return self._file.read_bytes() if self._file.exists() else None

    def write(self, content: bytes) -> None:
        """Replace its content; a file that is killed while written keeps the old one."""
        self._file.write_whole(content)


def run_training(out: StageStore, training: Training, params: TrainingParams, job: Job) -> None:
    """Train to the end, from the checkpoint in `out` if there is one, and write weights, card, curve and samples."""
    schedule = Schedule(**params.schedule.model_dump())
    out.items = schedule.steps
    started: list[int] = []

    def count(done: int) -> None:
        if not started:
            started.append(done)
            out.items_found = done - 1
        out.on_write()

    def report(progress: Progress) -> None:
        run_logger().info("%s", ", ".join(f"{name} {number:.4g}" for name, number in progress.curve[-1].items()))
        for name, content in _shown(training, progress).items():
            StoredFile(out, name).write(content)

    checkpoint = StoredFile(out, CHECKPOINT)
    progress = train(
        training,
        schedule,
        checkpoint,
        seed=params.seed,
        on_step=count,
        on_row=report,
        threads=job.threads,
        draw_threads=1 if choose_device(job.device).type == "cpu" else job.threads,
    )
    figures = dict(progress.curve[-1])
    files = _shown(training, progress)
    for name, network in training.results.items():
        files[f"{name}.safetensors"] = export_weights(network, _about(out, name, params, figures))
    weights = [name for name in files if name.endswith(".safetensors")]
    files[CARD] = (json.dumps(_card(out, params, figures, weights), indent=2) + "\n").encode()
    with out.new_files(*files) as folder:
        for name, content in files.items():
            (folder / name).write_bytes(content)
    out.attributes.update({"weights": weights, "figures": figures})


def _shown(training: Training, progress: Progress) -> dict[str, bytes]:
    """Return the files that show the progress of a training: its curve, and a sample image."""
    rows = progress.curve
    text = StringIO(newline="")
    table = csv.DictWriter(text, list(dict.fromkeys(name for row in rows for name in row)))
    table.writeheader()
    table.writerows(rows)
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    files = {f"{CURVE}.csv": text.getvalue().encode(), f"{CURVE}.jsonl": lines.encode()}
    picture = training.preview()
    if picture is not None:
        files[IMAGE] = cv2.imencode(".png", picture[..., ::-1])[1].tobytes()
    return files


def _about(out: StageStore, name: str, params: TrainingParams, figures: Mapping[str, float]) -> dict[str, str]:
    """Return the metadata of a weight file."""
    return {
        "network": name,
        "made_by": f"dfvi {installed_version('dfvi')}, stage {out.key.stage} version {out.key.version}",
        "result": out.key.digest,
        "parameters": params.model_dump_json(),
        "figures": json.dumps(figures),
    }


def _card(out: StageStore, params: TrainingParams, figures: Mapping[str, float], names: list[str]) -> dict[str, Any]:
    """Return what was trained, on what and how, so that it can be repeated."""
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
    """Return the inputs to learn from, and those kept back, by name."""
    parts = [{r.removeprefix(p): store for r, store in inputs.items() if r.startswith(p)} for p in (TAUGHT, KEPT)]
    return parts[0], parts[1]
