"""Whole runs of the default preset: seconds a frame and bytes a frame by stage, all threads against one.

Stages run without Prefect's task machinery (see bench_orchestration.py for that). Without arguments the demo's clip
is used; the project's figures are for DAVIS clips:

    python -m benchmarks.bench_pipeline --video davis/goat/frames --mask davis/goat/masks --repeats 3
"""

import argparse
import resource
import statistics
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import report
from flows.configs.run_config import RunConfig, load_config
from flows.pipeline.runner import available_threads
from flows.pipeline.stage_order import ClipResults, inpaint_clip
from storage.cache.root import Root
from tasks.decode import MediaInput
from tasks.services.demo_clip import make_demo_clip
from tasks.stage.cached_stage import Input, Job, Stage, StageParams, StageResult


@dataclass
class Plain:
    """Runs stages as plain functions and keeps their results."""

    job: Job
    done: list[StageResult] = field(default_factory=list)

    def __call__(self, stage: Stage, params: StageParams, iteration: int = 0, **inputs: Input | None) -> StageResult:
        """Run one stage."""
        given = {role: value for role, value in inputs.items() if value is not None}
        self.done.append(stage.run(self.job, params, given, iteration))
        return self.done[-1]


def run_once(video: str, mask: str, config: RunConfig, threads: int) -> tuple[Plain, ClipResults, dict[str, int]]:
    """One run on an empty root: results, and bytes by stage."""
    with tempfile.TemporaryDirectory() as folder:
        root = Root.create(Path(folder) / "root")
        runner = Plain(Job(str(root.path), "clip", threads))
        walked = inpaint_clip(runner, config, MediaInput.video(video), MediaInput.mask(mask))
        sizes: dict[str, int] = {}
        for store in root.folders():
            sizes[store.parent.name] = sizes.get(store.parent.name, 0) + store.usage().size
        return runner, walked, sizes


def seconds_by_stage(runner: Plain) -> dict[str, float]:
    """Seconds of each stage, all its iterations together."""
    found: dict[str, float] = {}
    for result in runner.done:
        found[result.stage] = found.get(result.stage, 0) + result.seconds
    return found


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--video")
    parser.add_argument("--mask")
    parser.add_argument("--preset", default="default")
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    report.header(f"whole run, preset {options.preset}")
    config = load_config(options.preset, settings=options.set)
    with tempfile.TemporaryDirectory() as folder:
        if options.video is None:
            clip = make_demo_clip(Path(folder), 55)
            options = argparse.Namespace(**(vars(options) | {"video": str(clip.video), "mask": str(clip.mask)}))
        measure(options.video, options.mask, config, options.repeats)


def measure(video: str, mask: str, config: RunConfig, repeats: int) -> None:
    """Measure with all threads and with one, and print the split."""
    run_once(video, mask, replace_stop(config), available_threads())  # compiles and loads everything
    runs = [run_once(video, mask, config, available_threads()) for _ in range(repeats)]
    alone = run_once(video, mask, config, 1)
    frames = int(runs[0][1].clip.attributes["frames"])
    splits = [seconds_by_stage(runner) for runner, _, _ in runs]
    single = seconds_by_stage(alone[0])
    print(f"frames   {frames}, iterations {max(result.iteration for result in runs[0][0].done) + 1}")
    print(f"{'stage':<18} {'s/frame':>9} {'low':>8} {'high':>8} {'1 thread':>9} {'ratio':>6} {'kB/frame':>9}")
    for stage in splits[0]:
        row(stage, [split[stage] / frames for split in splits], single[stage] / frames, runs[0][2][stage] / frames)
    totals = [sum(split.values()) / frames for split in splits]
    row("all", totals, sum(single.values()) / frames, sum(runs[0][2].values()) / frames)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    report.figure("peak memory", peak, "MiB")


def replace_stop(config: RunConfig) -> RunConfig:
    """The same run on the first three frames."""
    start = config.decode.start
    return config.model_copy(update={"decode": config.decode.model_copy(update={"stop": start + 3})})


def row(name: str, seconds: list[float], single: float, size: float) -> None:
    """Print one stage."""
    median = statistics.median(seconds)
    spread = f"{median:>9.3f} {min(seconds):>8.3f} {max(seconds):>8.3f}"
    print(f"{name:<18} {spread} {single:>9.3f} {single / median:>6.2f} {size / 1e3:>9.0f}")


if __name__ == "__main__":
    main()
