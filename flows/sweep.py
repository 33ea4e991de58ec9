"""The flow that tunes: every combination of some parameters on a dataset, sharing the stages they do not touch."""

import itertools
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import prefect
import yaml
from prefect.artifacts import create_table_artifact

from flows.datasets.dataset import Dataset, Recipe, open_dataset
from flows.engines.protocol import EngineSettings, Request, VideoResult
from flows.inpaint_dataset import make_requests, run_all
from flows.pipeline.summary import Summary
from flows.reports.dataset import write_text
from flows.reports.evaluation_plots import HINT, can_plot
from flows.reports.sweep import Cell, Measures, SweepSummary, sweep_csv
from flows.reports.sweep_plots import write_plots
from storage.cache.root import Root, video_name
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
) -> SweepSummary:
    """Run a dataset with every combination of some parameters.

    dataset  : folder or manifest; see `flows.datasets.dataset.find_entries`.
    output   : folder of the results: one folder a combination, sweep.csv a row for each of its videos, strips/ a
               picture of each video with every combination, plots/ a picture of each parameter.
    vary     : `stage.param=value,value,...` texts.
    truth    : folder of the videos without what the masks hide, found by name; see `storage.datasets.clean_clips`.
    preset, config, settings, root, skip_bad, engine : as in `inpaint_dataset`.
    Raises   : InputError, BadDatasetError or WeightsError before any work. A video that fails is in the summary.
    """
    started = time.monotonic()
    cells = make_grid(vary)
    truths = find_truths(truth)
    store_root = Root.create(root)
    requests: list[Request] = []
    for cell in cells:  # combination by combination: the next finds what this one has stored
        recipe = Recipe(preset, (config or {},), (*(settings or ()), *as_settings(cell.values)))
        videos: Dataset = open_dataset(dataset, recipe, skip_bad=skip_bad)
        check_truths(truths, videos)
        requests += make_requests(videos, Path(output) / cell.name, str(store_root.path), cell.name)
    pairs = run_all(requests, engine or EngineSettings())
    _sort_in(cells, pairs, store_root, truths)
    summary = SweepSummary(
        dataset=str(dataset),
        seconds=round(time.monotonic() - started, 3),
        bad=[bad.name for bad in videos.bad],
        cells=cells,
    )
    write_text(Path(output) / "sweep.csv", sweep_csv(summary))
    _draw(cells, pairs, store_root, Path(output))
    create_table_artifact([c.row() for c in cells], key="sweep", description=f"{len(cells)} combinations of {vary}")
    return summary


def make_grid(vary: Sequence[str]) -> list[Cell]:
    """Every combination of the values.

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
    cells = []
    for number, combination in enumerate(grid):
        named = dict(zip(axes, combination, strict=True))
        text = "_".join(f"{key.rpartition('.')[2]}-{value}" for key, value in named.items())
        cells.append(Cell(name=f"{number:03d}-{video_name(text)}"[:80], values=named))
    return cells


def parse_axis(text: str) -> tuple[str, list[Any]]:
    """Turn `stage.param=value,value,...` into the parameter and its values.

    >>> parse_axis("merge.rule=nearest,robust")
    ('merge.rule', ['nearest', 'robust'])
    """
    key, equals, listed = text.partition("=")
    try:
        values = yaml.safe_load(f"[{listed}]")
    except yaml.YAMLError as error:
        raise InputError(f"--vary {key}: {listed!r} is not a list of YAML values") from error
    if not equals or not key.strip() or not values:
        raise InputError(f"--vary takes stage.param=value,value,...; got {text!r}")
    if len({str(value) for value in values}) < len(values):
        raise InputError(f"--vary {key}: a value comes twice in {listed}")
    return key.strip(), list(values)


def as_settings(values: Mapping[str, Any]) -> list[str]:
    """Values as `stage.param=value` texts."""
    return [f"{key}={yaml.safe_dump(value, default_flow_style=True).splitlines()[0]}" for key, value in values.items()]


def find_truths(folder: str | None) -> dict[str, Path]:
    """Name of a video -> the same without what its mask hides."""
    return {clip.name: clip.video for clip in find_clips(Path(folder))} if folder else {}


def check_truths(truths: Mapping[str, Path], dataset: Dataset) -> None:
    """Check that truths fit their videos, before hours of work. Raises InputError, also if no video has one."""
    known = [video for video in dataset.videos if video.name in truths]
    if truths and not known:
        names = ", ".join(video.name for video in dataset.videos[:5])
        raise InputError(f"no video has a truth of its name; the videos are {names}, the truths {', '.join(truths)}")
    for video in known:
        check_truth(truths[video.name], Path(video.video), video.config.decode.start + video.frames)


def _sort_in(
    cells: Sequence[Cell], pairs: Sequence[tuple[Request, VideoResult]], root: Root, truths: Mapping[str, Path]
) -> None:
    """Give each cell its results, what they cost, and how good they are."""
    by_name = {cell.name: cell for cell in cells}
    for request, result in sorted(pairs, key=lambda pair: pair[0].name):
        cell = by_name[request.run]
        cell.results.append(result)
        if result.summary:
            truth = truths.get(result.video)
            cell.measures[result.video] = _measure(request, result.summary, root, truth)


def _measure(request: Request, summary: Summary, root: Root, truth: Path | None) -> Measures:
    made = [(s.stage, s.digest) for s in summary.stages if s.action != "reuse"]
    seconds, size = cost(root, summary.video, [(s.stage, s.digest) for s in summary.stages])
    return Measures(
        new_bytes=cost(root, summary.video, made)[1],
        full_seconds=seconds,
        full_bytes=size,
        hole_psnr=hole_psnr(_fill(request.run, summary, root), truth, request.config.decode.start) if truth else None,
    )


def _fill(label: str, summary: Summary, root: Root) -> Fill:
    return Fill.of(label, root, summary.video, summary.stages[-1].digest)


def _draw(cells: Sequence[Cell], pairs: Sequence[tuple[Request, VideoResult]], root: Root, output: Path) -> None:
    """Write strips/<video>.png with a row for each combination; if matplotlib is there, a plot for each parameter."""
    for video in sorted({result.video for _, result in pairs}):
        done = {request.run: result.summary for request, result in pairs if result.video == video and result.summary}
        fills = [_fill(_label(cell), done[cell.name], root) for cell in cells if cell.name in done]
        if fills:
            write_strips(output / "strips" / f"{video}.png", fills)
    if can_plot():
        write_plots([cell.row() for cell in cells], list(cells[0].values), output / "plots")
    else:
        prefect.get_run_logger().warning(HINT)


def _label(cell: Cell) -> str:
    return ", ".join(f"{key.rpartition('.')[2]} {value}" for key, value in cell.values.items())
