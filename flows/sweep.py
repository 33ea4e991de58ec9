"""The flow of a parameter sweep: a dataset is run with every combination of some parameters.

Stages that do not depend on them are computed once.
"""

import itertools
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import prefect
import yaml
from prefect.artifacts import create_table_artifact

from flows.configs.yaml_reading import parse_yaml
from flows.datasets.dataset import Dataset, Recipe, open_dataset
from flows.engines.protocol import EngineSettings, Request, VideoResult
from flows.inpaint_dataset import make_requests, run_all
from flows.pages.table_making import report_sweep
from flows.pipeline.summary import Summary
from flows.prefect_server.bounded import publish_artifact
from flows.reports.plotting import HINT, can_plot
from flows.reports.sweep import Combination, Measures, SweepSummary, sweep_csv
from flows.reports.sweep_plots import write_plots
from flows.reports.tables import write_text
from storage.cache.names import video_name
from storage.cache.root import Root
from storage.datasets.clean_clips import find_clips
from storage.errors import InputError
from tasks.evaluation.compare_fills import Fill, check_truth, cost, hole_psnr, write_strips

LARGEST_GRID = 1000


@prefect.flow(name="sweep", flow_run_name="{dataset}", persist_result=False)
def sweep(
    dataset: str,
    output: str,
    vary: list[str],
    preset: str = "default",
    config: dict[str, Any] | None = None,
    settings: list[str] | None = None,
    root: str = ".dfvi",
    skip_bad: bool = False,
    engine: EngineSettings | None = None,
    truth: str | None = None,
    report: bool = True,
) -> SweepSummary:
    """Run a dataset with every combination of some parameters.

    dataset  : folder or manifest; see `flows.datasets.dataset.find_entries`.
    output   : folder of the results: one folder a combination, sweep.csv a row for each of its videos, strips/ a
               picture of each video with every combination, plots/ a picture of each parameter, sweep.report.html.
    vary     : `stage.param=value,value,...` texts.
    truth    : folder of the videos without what the masks hide, found by name; see `storage.datasets.clean_clips`.
    preset, config, settings, root, skip_bad, engine, report : as in `inpaint_dataset`.
    Raises   : InputError, BadDatasetError or WeightsError before any work. A video that fails is in the summary.
    """
    started = time.monotonic()
    combinations = make_grid(vary)
    truths = find_truths(truth)
    store_root = Root.create(root)
    requests: list[Request] = []
    for combination in combinations:  # one after the other: the next finds what this one has stored, so all is kept
        recipe = Recipe(preset, (config or {},), (*(settings or ()), "keep=all", *as_settings(combination.values)))
        videos: Dataset = open_dataset(dataset, recipe, skip_bad=skip_bad)
        check_truths(truths, videos)
        requests += make_requests(videos, Path(output) / combination.name, str(store_root.path), combination.name)
    pairs = run_all(requests, engine or EngineSettings())
    _assign(combinations, pairs, store_root, truths)
    summary = SweepSummary(
        dataset=str(dataset),
        seconds=round(time.monotonic() - started, 3),
        bad=[bad.name for bad in videos.bad],
        combinations=combinations,
    )
    write_text(Path(output) / "sweep.csv", sweep_csv(summary))
    _draw(combinations, pairs, store_root, Path(output))
    table, description = [c.totals() for c in combinations], f"{len(combinations)} combinations of {vary}"
    publish_artifact(create_table_artifact, table, key="sweep", description=description)
    if report:
        summary.report = report_sweep(store_root, summary, Path(output))
    return summary


def make_grid(vary: Sequence[str]) -> list[Combination]:
    """Return every combination of the values.

    Raises : InputError if a text is no `stage.param=value,value,...`, a parameter comes twice, or the grid is too big.
    """
    axes: dict[str, list[Any]] = {}
    for text in vary:
        key, values = parse_axis(text)
        if key in axes:
            raise InputError(f"--vary {key} is given twice; give all its values at once")
        axes[key] = values
    grid = list(itertools.product(*axes.values()))
    if not axes or len(grid) > LARGEST_GRID:
        raise InputError(f"--vary makes {len(grid) if axes else 0} combinations; expected 1 to {LARGEST_GRID}")
    combinations = []
    for number, combination in enumerate(grid):
        named = dict(zip(axes, combination, strict=True))
        text = "_".join(f"{key.rpartition('.')[2]}-{value}" for key, value in named.items())
        combinations.append(Combination(name=f"{number:03d}-{video_name(text)}"[:80], values=named))
    return combinations


def parse_axis(text: str) -> tuple[str, list[Any]]:
    """Turn `stage.param=value,value,...` into the parameter and its values.

    >>> parse_axis("merge.rule=nearest,robust")
    ('merge.rule', ['nearest', 'robust'])
    """
    key, equals, listed = text.partition("=")
    try:
        values = parse_yaml(f"[{listed}]")
    except InputError as error:
        raise InputError(f"--vary {key}: {listed!r} is not a list of YAML values") from error
    if not equals or not key.strip() or not values:
        raise InputError(f"--vary takes stage.param=value,value,...; got {text!r}")
    if len({str(value) for value in values}) < len(values):
        raise InputError(f"--vary {key}: a value comes twice in {listed}")
    return key.strip(), list(values)


def as_settings(values: Mapping[str, Any]) -> list[str]:
    """Return values as `stage.param=value` texts."""
    return [f"{key}={yaml.safe_dump(value, default_flow_style=True).splitlines()[0]}" for key, value in values.items()]


def find_truths(folder: str | None) -> dict[str, Path]:
    """Return for each name of a video the file that shows it without what its mask hides."""
    return {clip.name: clip.video for clip in find_clips(Path(folder))} if folder else {}


def check_truths(truths: Mapping[str, Path], dataset: Dataset) -> None:
    """Check that the clean videos fit those of the dataset. Raises InputError, also if none has the name of one."""
    known = [video for video in dataset.videos if video.name in truths]
    if truths and not known:
        names = ", ".join(video.name for video in dataset.videos[:5])
        raise InputError(f"no video has a truth of its name; the videos are {names}, the truths {', '.join(truths)}")
    for video in known:
        check_truth(truths[video.name], Path(video.video), video.stop)


def _assign(
    combinations: Sequence[Combination],
    pairs: Sequence[tuple[Request, VideoResult]],
    root: Root,
    truths: Mapping[str, Path],
) -> None:
    """Give each combination its results, their cost and their quality."""
    by_name = {combination.name: combination for combination in combinations}
    for request, result in sorted(pairs, key=lambda pair: pair[0].name):
        combination = by_name[request.run]
        combination.results.append(result)
        if result.summary:
            truth = truths.get(result.video)
            combination.measures[result.video] = _measure(request, result.summary, root, truth)


def _measure(request: Request, summary: Summary, root: Root, truth: Path | None) -> Measures:
    computed = [(s.stage, s.digest) for s in summary.stages if s.action != "reuse"]
    seconds, size = cost(root, summary.video, [(s.stage, s.digest) for s in summary.stages])
    return Measures(
        new_bytes=cost(root, summary.video, computed)[1],
        full_seconds=seconds,
        full_bytes=size,
        hole_psnr=hole_psnr(_fill(request.run, summary, root), truth) if truth else None,
    )


def _fill(label: str, summary: Summary, root: Root) -> Fill:
    return Fill.of(label, root, summary.video, summary.stages[-1].digest)


def _draw(
    combinations: Sequence[Combination], pairs: Sequence[tuple[Request, VideoResult]], root: Root, output: Path
) -> None:
    """Write strips/<video>.png with a line of frames for each combination, and a plot for each parameter."""
    for video in sorted({result.video for _, result in pairs}):
        done = {request.run: result.summary for request, result in pairs if result.video == video and result.summary}
        fills = [_fill(_label(c), done[c.name], root) for c in combinations if c.name in done]
        if fills:
            write_strips(output / "strips" / f"{video}.png", fills)
    if can_plot():
        write_plots([c.totals() for c in combinations], list(combinations[0].values), output / "plots")
    else:
        prefect.get_run_logger().warning(HINT)


def _label(combination: Combination) -> str:
    return ", ".join(f"{key.rpartition('.')[2]} {value}" for key, value in combination.values.items())
