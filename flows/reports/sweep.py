"""The report of a sweep: each combination with its cost and quality, as a table and as CSV."""

import statistics
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from flows.engines.protocol import VideoResult
from flows.reports.tables import as_csv, as_text, text_table

COLUMNS = ("cell", "video", "state", "seconds", "stages", "reused", "propagated", "invented")
MEASURES = ("hole_psnr", "full_seconds", "full_bytes", "new_bytes", "error")


class Measures(BaseModel):
    """Cost and quality of one video with one combination."""

    new_bytes: int
    """Bytes of the results that no earlier combination had made."""
    full_seconds: float
    """Seconds that all its stages took, whichever run made them."""
    full_bytes: int
    """Bytes of all its results."""
    hole_psnr: float | None = None
    """dB; None where no truth is known."""


class Combination(BaseModel):
    """One combination of values, over all videos."""

    name: str
    """Name of its folder of outputs, and of its run in the root."""
    values: dict[str, Any]
    """Parameter -> value."""
    results: list[VideoResult] = []
    measures: dict[str, Measures] = {}
    """Video that is done -> its cost and quality."""

    def totals(self) -> dict[str, Any]:
        """Return means over the videos that are done, and sums of their seconds and bytes."""
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
    """The result of a sweep."""

    model_config = ConfigDict(serialize_by_alias=True)

    dataset: str
    seconds: float
    bad: list[str]
    """Videos that were left out."""
    combinations: list[Combination] = Field(serialization_alias="cells")
    report: str = Field("", exclude=True)
    """The page that shows it; empty if none was made."""

    @property
    def ok(self) -> bool:
        """Whether every video is done with every combination."""
        return all(result.state == "done" for combination in self.combinations for result in combination.results)


def sweep_csv(summary: SweepSummary) -> str:
    """Return CSV with a row for each combination and video."""
    keys = list(summary.combinations[0].values)
    rows = [
        {"cell": combination.name, **combination.values, "error": result.error}
        | result.model_dump(include=set(COLUMNS))
        | (combination.measures[result.video].model_dump() if result.video in combination.measures else {})
        for combination in summary.combinations
        for result in combination.results
    ]
    return as_csv(rows, [*COLUMNS[:1], *keys, *COLUMNS[1:], *MEASURES])


def describe_sweep(summary: SweepSummary) -> str:
    """Return a table with a line for each combination, then what failed, and a sentence."""
    totals = [combination.totals() for combination in summary.combinations]
    keys = list(summary.combinations[0].values)
    columns = {
        **{key: [str(row[key]) for row in totals] for key in keys},
        "done": [f"{row['done']}/{row['done'] + row['not_done']}" for row in totals],
        "propagated": [f"{row['propagated']:.2%}" for row in totals],
        "invented": [f"{row['invented']:.2%}" for row in totals],
        "computed": [str(row["computed_stages"]) for row in totals],
        "reused": [str(row["reused_stages"]) for row in totals],
        "seconds": [f"{row['seconds']:.2f}" for row in totals],
        "new MB": [f"{row['new_bytes'] / 1e6:.1f}" for row in totals],
    }
    if any(row["hole_psnr"] for row in totals):
        columns["hole PSNR"] = [as_text(row["hole_psnr"], ".2f") for row in totals]
    failed = [f"{c.name}: {r.video} {r.state}: {r.error}" for c in summary.combinations for r in c.results if r.error]
    sentence = f"{len(totals)} combinations in {summary.seconds:.1f} s"
    return "\n".join([text_table(columns, left=keys), *failed, sentence])


def _mean(values: Sequence[float]) -> float:
    return round(statistics.fmean(values), 6) if values else 0.0
