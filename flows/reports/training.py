"""The report of a training: files in a folder for the user, a plot of the curve, artifacts in Prefect."""

import base64
import json
import re
from pathlib import Path

from flows.reports.plotting import can_plot, new_figure, write_figure
from storage.backends.atomic_write import appears_when_complete
from storage.cache.stage_store import StageStore
from storage.delivery import copy_file
from tasks.training.training_run import CARD, CURVE, IMAGE

CURVE_ROWS = 50  # of the end of a curve stand in Prefect's table
LARGEST_IMAGE = 500_000  # bytes; a larger one stays a file


def deliver_training(stores: list[StageStore], folder: Path) -> list[str]:
    """Copy the files of each training into a folder, plot the curves, and return the names.

    With several stages in a row, each but the last has its number before its names.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for number, store in enumerate(stores, 1):
        prefix = "" if number == len(stores) else f"stage{number}-"
        for name in store.manifest.files if store.manifest else {}:
            target = name if name.endswith(".safetensors") else prefix + name
            with appears_when_complete(folder / target) as partial:
                copy_file(store, name, partial)
            written.append(target)
        if can_plot():
            plot_curve(folder / f"{prefix}{CURVE}.jsonl", folder / f"{prefix}{CURVE}.png")
            written.append(f"{prefix}{CURVE}.png")
    return written


def read_curve(path: Path) -> list[dict[str, float]]:
    """Return the rows of a curve.jsonl."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def plot_curve(source: Path, target: Path) -> None:
    """Draw each number of a curve over the steps. Raises ImportError without matplotlib; ask `can_plot` first."""
    rows = read_curve(source)
    names = [name for name in dict.fromkeys(name for row in rows for name in row) if name != "step"]
    figure = new_figure(9, 1.8 * len(names))
    for panel, name in zip(figure.subplots(len(names), 1, sharex=True, squeeze=False)[:, 0], names, strict=True):
        points = [(row["step"], row[name]) for row in rows if name in row]
        panel.plot(*zip(*points, strict=True), ".-")
        panel.set_ylabel(name, fontsize=8)
        panel.grid(alpha=0.3)
    write_figure(figure, target)


def publish(folder: Path, name: str) -> None:
    """Show the card, the curve and the samples of a training in Prefect."""
    from prefect.artifacts import create_image_artifact, create_markdown_artifact, create_table_artifact

    from flows.prefect_server.bounded import publish_artifact

    key = re.sub("[^a-z0-9]+", "-", f"training-{name}".lower()).rstrip("-")  # all that Prefect takes
    curve = read_curve(folder / f"{CURVE}.jsonl")[-CURVE_ROWS:]
    publish_artifact(create_table_artifact, curve, key=f"{key}-curve", description=name)
    card = (folder / CARD).read_text(encoding="utf-8")
    publish_artifact(create_markdown_artifact, f"```json\n{card}```", key=f"{key}-card", description=name)
    for image in (IMAGE, f"{CURVE}.png"):
        path = folder / image
        if path.exists() and path.stat().st_size <= LARGEST_IMAGE:
            data = base64.b64encode(path.read_bytes()).decode("ascii")
            publish_artifact(
                create_image_artifact, f"data:image/png;base64,{data}", key=f"{key}-{path.stem}", description=name
            )
