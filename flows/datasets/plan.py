"""The plan of a dataset run: how many results of each stage are reused, resumed or computed, why, and the likely cost.

Time and bytes come from the manifests of the same root: the median per pixel and frame of each stage.
"""

import statistics
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from flows.datasets.dataset import Dataset, Video
from flows.pipeline.plan import PlannedStage, plan_video
from flows.reports.tables import as_text, text_table
from storage.backends.root_url import Location
from storage.backends.store_path import StorePath
from storage.cache.errors import StoreError
from storage.cache.manifest import Manifest, read_manifest
from storage.cache.root import Root
from tasks.decode import MediaInput
from tasks.stage.cached_stage import total_compute_seconds

Rates = dict[str, tuple[float, float]]
"""Stage -> (seconds, bytes) per pixel and frame."""


@dataclass
class StagePlan:
    """How many results of one stage would be reused, resumed or computed, over all videos and iterations."""

    stage: str
    reuse: int = 0
    resume: int = 0
    compute: int = 0
    seconds: float | None = None
    """Estimate for what is not reused; None where no result of this stage is stored yet."""
    bytes: float | None = None
    why: Counter[str] = field(default_factory=Counter)
    """Reason -> how often, of what is not reused."""


def plan_dataset(dataset: Dataset, root: Location) -> list[StagePlan]:
    """Plan the run of every video, stage by stage.

    root   : root of the stored results; need not exist.
    Raises : InputError if `root` is not ours; WeightsError if a weight file is missing.
    """
    stored = Root.find(root)
    rates = past_rates(stored) if stored else {}
    plans: dict[str, StagePlan] = {}
    for video in dataset.videos:
        media = MediaInput.video(video.video), MediaInput.mask(video.mask)
        for planned in plan_video(root, video.name, video.config, *media):
            plan = plans.setdefault(planned.stage, StagePlan(planned.stage))
            _add(plan, planned, video, rates)
    return list(plans.values())


def past_rates(root: Root) -> Rates:
    """Return the median cost of each stage in this root."""
    found: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for stage, seconds, size in _past_costs(root):
        found[stage].append((seconds, size))
    return {
        stage: (statistics.median(c[0] for c in costs), statistics.median(c[1] for c in costs))
        for stage, costs in found.items()
    }


def describe_dataset_plan(plans: list[StagePlan], videos: int) -> str:
    """Return a table with a line for each stage, and a sentence with what all of it costs."""
    columns = {
        "stage": [plan.stage for plan in plans],
        "reuse": [str(plan.reuse) for plan in plans],
        "resume": [str(plan.resume) for plan in plans],
        "compute": [str(plan.compute) for plan in plans],
        "seconds": [as_text(plan.seconds, ".1f", "?") for plan in plans],
        "MB": [as_text(None if plan.bytes is None else plan.bytes / 1e6, ".1f", "?") for plan in plans],
        "why": ["; ".join(f"{reason} ({count})" for reason, count in plan.why.most_common(3)) for plan in plans],
    }
    table = text_table(columns, left=["stage", "why"])
    seconds, size = sum(p.seconds or 0 for p in plans), sum(p.bytes or 0 for p in plans)
    unknown = [p.stage for p in plans if p.seconds is None]
    sentence = f"{videos} videos, at least {seconds:.0f} s of one process and {size / 1e6:.0f} MB"
    if unknown:
        sentence += f"; nothing is known yet of {', '.join(unknown)}"
    return f"{table}\n{sentence}"


def _add(plan: StagePlan, planned: PlannedStage, video: Video, rates: Rates) -> None:
    setattr(plan, planned.action, getattr(plan, planned.action) + 1)
    if planned.action == "reuse":
        if plan.seconds is None and not plan.why:
            plan.seconds, plan.bytes = 0.0, 0.0
        return
    plan.why[planned.why] += 1
    if planned.stage in rates:
        seconds, size = rates[planned.stage]
        plan.seconds = (plan.seconds or 0.0) + seconds * video.pixels * video.frames
        plan.bytes = (plan.bytes or 0.0) + size * video.pixels * video.frames
    else:
        plan.seconds = plan.bytes = None


def _past_costs(root: Root) -> Iterator[tuple[str, float, float]]:
    """Yield (stage, seconds, bytes), per pixel and frame, of each result that was computed in this root."""
    sizes: dict[str, tuple[int, int]] = {}
    for folder in root.folders(stage="decode"):
        manifest = _manifest(folder)
        if manifest is not None:
            frames, height, width, _ = manifest.arrays["frames"]
            sizes[folder.parts[-3]] = frames, height * width
    for folder in root.folders():
        manifest = _manifest(folder)
        video, stage = folder.parts[-3:-1]
        if manifest is None or video not in sizes or "seconds" not in manifest.made:
            continue
        frames, pixels = sizes[video]
        yield stage, total_compute_seconds(manifest.made) / (frames * pixels), folder.usage().size / (frames * pixels)


def _manifest(folder: StorePath) -> Manifest | None:
    """Return the manifest of a result, or None if it is not finished or is damaged."""
    try:
        return read_manifest(folder)
    except StoreError:
        return None
