"""What came of a sweep: the combinations with what they cost and how good they are, as a table and as CSV."""

import statistics
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel

from flows.engines.protocol import VideoResult
from flows.reports.dataset import as_csv

COLUMNS = ("cell", "video", "state", "seconds", "stages", "reused", "propagated", "invented")
MEASURES = ("hole_psnr", "full_seconds", "full_bytes", "new_bytes", "error")


class Measures(BaseModel):
    """What one video cost with one combination, and how good it is."""

    new_bytes: int
    """Of the results that no earlier combination had made."""
    full_seconds: float
    """All its stages took, whichever run made them."""
    full_bytes: int
    """Of all its results."""
    hole_psnr: float | None = None
    """dB; None where no truth is known."""


class Cell(BaseModel):
    """One combination of values, over all videos."""

    name: str
    """Name of its folder of outputs, and of its run in the root."""
    values: dict[str, Any]
    """Parameter -> value."""
    results: list[VideoResult] = []
    measures: dict[str, Measures] = {}
    """Video that is done -> what it cost and how good it is."""

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
            "new_bytes": sum(m.new_bytes for m in self.measures.values()),
            "full_seconds": round(sum(m.full_seconds for m in self.measures.values()), 3),
            "full_megabytes": round(sum(m.full_bytes for m in self.measures.values()) / 1e6, 3),
            "hole_psnr": _mean(known) if (known := [p for m in self.measures.values() if (p := m.hole_psnr)]) else None,
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


def sweep_csv(summary: SweepSummary) -> str:
    """A row for each combination and video."""
    keys = list(summary.cells[0].values)
    rows = [
        {"cell": cell.name, **cell.values, "error": result.error}
        | result.model_dump(include=set(COLUMNS))
        | (cell.measures[result.video].model_dump() if result.video in cell.measures else {})
        for cell in summary.cells
        for result in cell.results
    ]
    return as_csv(rows, [*COLUMNS[:1], *keys, *COLUMNS[1:], *MEASURES])


def describe_sweep(summary: SweepSummary) -> str:
    """A sweep as a table, a line for each combination."""
    rows = [cell.row() for cell in summary.cells]
    keys = list(summary.cells[0].values)
    widths = [max(len(key), *(len(str(row[key])) for row in rows)) for key in keys]
    heads = "  ".join(f"{key:<{width}}" for key, width in zip(keys, widths, strict=True))
    lines = [f"{heads}  {'done':>7} propagated invented computed reused  seconds  new MB"]
    if any(row["hole_psnr"] for row in rows):
        lines[0] += " hole PSNR"
    for row in rows:
        values = "  ".join(f"{row[key]!s:<{width}}" for key, width in zip(keys, widths, strict=True))
        done = f"{row['done']}/{row['done'] + row['not_done']}"
        shares = f"{row['propagated']:>10.2%} {row['invented']:>8.2%}"
        stages = f"{row['computed_stages']:>8} {row['reused_stages']:>6}"
        lines.append(
            f"{values}  {done:>7} {shares} {stages} {row['seconds']:>8.2f} {row['new_bytes'] / 1e6:>7.1f}"
            + (f" {psnr:>9.2f}" if (psnr := row["hole_psnr"]) else "")
        )
    failed = [f"{c.name}: {r.video} {r.state}: {r.error}" for c in summary.cells for r in c.results if r.error]
    return "\n".join([*lines, *failed, f"{len(rows)} combinations in {summary.seconds:.1f} s"])


def _mean(values: Sequence[float]) -> float:
    return round(statistics.fmean(values), 6) if values else 0.0
