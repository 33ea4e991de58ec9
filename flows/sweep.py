"""The flow that tunes: every combination of some parameters on a dataset, sharing the stages they do not touch."""

import itertools
import statistics
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import prefect
import yaml
from prefect.artifacts import create_table_artifact
from pydantic import BaseModel

from flows.batch_report import as_csv, write_text
from flows.dataset import Dataset, Recipe, open_dataset
from flows.engine import EngineSettings, Request, VideoResult
from flows.inpaint_dataset import make_requests, run_all
from flows.returns import refuse_endless_returns
from storage.errors import InputError
from storage.root import Root, video_name
from storage.stage_store import size_in_bytes

LARGEST_GRID = 1000
COLUMNS = ("cell", "video", "state", "seconds", "stages", "reused", "propagated", "invented", "new_bytes", "error")


class Cell(BaseModel):
    """One combination of values, over all videos."""

    name: str
    """Name of its folder of outputs, and of its run in the root."""
    values: dict[str, Any]
    """Parameter -> value."""
    results: list[VideoResult] = []
    new_bytes: dict[str, int] = {}
    """Video -> bytes of the results that no earlier cell had made."""

    def row(self) -> dict[str, Any]:
        """Means over the videos that are done; sums of seconds and bytes."""
        done = [result for result in self.results if result.state == "done"]
        return {
            **self.values,
            "done": len(done),
            "not_done": len(self.results) - len(done),
            "propagated": _mean([r.propagated for r in done if r.propagated is not None]),
            "invented": _mean([r.invented for r in done if r.invented is not None]),
            "computed_stages": sum(r.stages - r.reused for r in done),
            "reused_stages": sum(r.reused for r in done),
            "seconds": round(sum(r.seconds for r in done), 3),
            "new_bytes": sum(self.new_bytes.values()),
        }


class SweepSummary(BaseModel):
    """What came of a sweep."""

    dataset: str
    seconds: float
    bad: list[str]
    """Videos that were left out."""
    cells: list[Cell]

    @property
    def ok(self) -> bool:
        """Whether every video is done in every cell."""
        return all(result.state == "done" for cell in self.cells for result in cell.results)


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
) -> SweepSummary:
    """Run a dataset with every combination of some parameters.

    dataset  : folder or manifest; see `flows.dataset.find_entries`.
    output   : folder of the results: one folder a combination, sweep.csv a row for each of its videos.
    vary     : `stage.param=value,value,...` texts.
    preset, config, settings, root, skip_bad, engine : as in `inpaint_dataset`.
    Raises   : InputError, BadDatasetError or WeightsError before any work. A video that fails is in the summary.
    """
    refuse_endless_returns()
    started = time.monotonic()
    cells = make_grid(vary)
    store_root = Root.create(Path(root))
    requests: list[Request] = []
    for cell in cells:  # combination by combination: the next finds what this one has stored
        recipe = Recipe(preset, (config or {},), (*(settings or ()), *as_settings(cell.values)))
        videos: Dataset = open_dataset(dataset, recipe, skip_bad=skip_bad)
        requests += make_requests(videos, Path(output) / cell.name, store_root.path, cell.name)
    _sort_in(cells, run_all(requests, engine or EngineSettings()), store_root)
    summary = SweepSummary(
        dataset=str(dataset),
        seconds=round(time.monotonic() - started, 3),
        bad=[bad.name for bad in videos.bad],
        cells=cells,
    )
    create_table_artifact([c.row() for c in cells], key="sweep", description=f"{len(cells)} combinations of {vary}")
    write_text(Path(output) / "sweep.csv", sweep_csv(summary))
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

    >>> parse_axis("merge.rule=nearest,weighted")
    ('merge.rule', ['nearest', 'weighted'])
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


def sweep_csv(summary: SweepSummary) -> str:
    """A row for each combination and video."""
    keys = list(summary.cells[0].values)
    rows = [
        {"cell": cell.name, **cell.values, "new_bytes": cell.new_bytes.get(result.video, 0)}
        | {name: value for name, value in result.model_dump().items() if name in COLUMNS}
        for cell in summary.cells
        for result in cell.results
    ]
    return as_csv(rows, [*COLUMNS[:1], *keys, *COLUMNS[1:]])


def describe_sweep(summary: SweepSummary) -> str:
    """A sweep as a table, a line for each combination."""
    rows = [cell.row() for cell in summary.cells]
    keys = list(summary.cells[0].values)
    widths = [max(len(key), *(len(str(row[key])) for row in rows)) for key in keys]
    heads = "  ".join(f"{key:<{width}}" for key, width in zip(keys, widths, strict=True))
    lines = [
        f"{heads}  {'done':>7} {'propagated':>10} {'invented':>8} {'computed':>8} {'reused':>6} {'seconds':>8} new MB"
    ]
    for row in rows:
        values = "  ".join(f"{row[key]!s:<{width}}" for key, width in zip(keys, widths, strict=True))
        done = f"{row['done']}/{row['done'] + row['not_done']}"
        shares = f"{row['propagated']:>10.2%} {row['invented']:>8.2%}"
        stages = f"{row['computed_stages']:>8} {row['reused_stages']:>6}"
        lines.append(f"{values}  {done:>7} {shares} {stages} {row['seconds']:>8.2f} {row['new_bytes'] / 1e6:>6.1f}")
    failed = [f"{c.name}: {r.video} {r.state}: {r.error}" for c in summary.cells for r in c.results if r.error]
    return "\n".join([*lines, *failed, f"{len(rows)} combinations in {summary.seconds:.1f} s"])


def _sort_in(cells: Sequence[Cell], pairs: Sequence[tuple[Request, VideoResult]], root: Root) -> None:
    """Give each cell its results, and the bytes of the stages that were not reused."""
    by_name = {cell.name: cell for cell in cells}
    for request, result in sorted(pairs, key=lambda pair: pair[0].name):
        cell = by_name[request.run]
        cell.results.append(result)
        made = [s for s in result.summary.stages if s.action != "reuse"] if result.summary else []
        folders = [root.open_store(result.video, s.stage, s.digest).folder for s in made]
        cell.new_bytes[result.video] = sum(map(size_in_bytes, folders))


def _mean(values: Sequence[float]) -> float:
    return round(statistics.fmean(values), 6) if values else 0.0
