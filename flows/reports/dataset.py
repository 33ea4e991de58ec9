"""What came of a dataset run: counts, a table for people, CSV and JSON for programs, an artifact for Prefect."""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from prefect.artifacts import create_table_artifact
from pydantic import BaseModel

from flows.engines.protocol import State, VideoResult
from storage.backends.atomic_write import appears_when_complete

ARTIFACT_ROWS = 1000  # the page shows them all at once


class BatchSummary(BaseModel):
    """What came of a dataset run."""

    dataset: str
    seconds: float
    """Wall time of the whole run."""
    found: int
    """Videos in the dataset; the counts below add up to it."""
    left_out: int
    """Videos that --only did not ask for."""
    results: list[VideoResult]

    def counts(self) -> dict[str, int]:
        """How many videos ended in each state."""
        return {state: sum(r.state == state for r in self.results) for state in get_args(State)}

    @property
    def ok(self) -> bool:
        """Whether every video that was asked for and could be used is done."""
        return not any(r.state in ("failed", "crashed") for r in self.results)

    def sentence(self) -> str:
        """The counts in words."""
        counts = [f"{number} {state}" for state, number in self.counts().items() if number]
        if self.left_out:
            counts.append(f"{self.left_out} left out")
        return f"{self.found} videos in {self.seconds:.1f} s: {', '.join(counts) or 'nothing to do'}"


class VideosFailedError(Exception):
    """Not every video of a dataset run is done; the others are."""

    def __init__(self, summary: BatchSummary) -> None:
        """Carry the whole summary."""
        self.summary = summary
        super().__init__(summary.sentence())


def describe_batch(summary: BatchSummary) -> str:
    """A dataset run as a table and a sentence."""
    width = max([5, *(len(r.video) for r in summary.results)])
    lines = [f"{'video':<{width}}  {'state':<7} {'seconds':>8} {'reused':>7} {'propagated':>10} {'invented':>8}  error"]
    for r in summary.results:
        shares = f"{_percent(r.propagated):>10} {_percent(r.invented):>8}"
        reused = f"{r.reused}/{r.stages}"
        lines.append(f"{r.video:<{width}}  {r.state:<7} {r.seconds:>8.2f} {reused:>7} {shares}  {r.error}".rstrip())
    return "\n".join([*lines, summary.sentence()])


def publish(summary: BatchSummary, key: str) -> None:
    """Make the table an artifact of the Prefect run; what failed comes first."""
    rows = [r.model_dump(mode="json") for r in sorted(summary.results, key=lambda r: (r.state == "done", r.video))]
    description = summary.sentence()
    if len(rows) > ARTIFACT_ROWS:
        description += f"; the table shows {ARTIFACT_ROWS} of {len(rows)}"
    create_table_artifact(rows[:ARTIFACT_ROWS], key=key, description=description)


def write_results(folder: Path, name: str, summary: BatchSummary) -> tuple[Path, Path]:
    """Write <folder>/<name>.csv and .json; return both paths."""
    rows = [r.model_dump(mode="json") for r in summary.results]
    content = {**summary.model_dump(mode="json"), "counts": summary.counts()}
    paths = folder / f"{name}.csv", folder / f"{name}.json"
    write_text(paths[0], as_csv(rows, list(VideoResult.model_fields)[:-1]))
    write_text(paths[1], json.dumps(content, indent=2) + "\n")
    return paths


def as_csv(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> str:
    """Rows as CSV text; what is not known is an empty cell."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def write_text(path: Path, text: str) -> None:
    """Write a file that appears under its name only when it is whole."""
    with appears_when_complete(path) as partial:
        partial.write_text(text, encoding="utf-8")


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"
