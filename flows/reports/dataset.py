"""The report of a dataset run: counts, a table for people, CSV and JSON for programs, an artifact for Prefect."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from prefect.artifacts import create_table_artifact
from pydantic import BaseModel, Field

from flows.engines.protocol import State, VideoResult
from flows.prefect_server.bounded import publish_artifact
from flows.reports.tables import as_csv, as_text, text_table, write_text

ARTIFACT_ROWS = 1000  # the page shows them all at once


class BatchSummary(BaseModel):
    """The result of a dataset run."""

    dataset: str
    seconds: float
    """Wall time of the whole run."""
    found: int
    """Videos in the dataset; the counts below add up to it."""
    left_out: int
    """Videos that --only did not ask for."""
    results: list[VideoResult]
    report: str = Field("", exclude=True)
    """The page that shows them; empty if none was made."""

    def counts(self) -> dict[str, int]:
        """Return how many videos ended in each state."""
        return {state: sum(r.state == state for r in self.results) for state in get_args(State)}

    @property
    def ok(self) -> bool:
        """Whether every video that was asked for and could be used is done."""
        return not any(r.state in ("failed", "crashed") for r in self.results)

    def sentence(self) -> str:
        """Return the counts in words."""
        counts = [f"{number} {state}" for state, number in self.counts().items() if number]
        if self.left_out:
            counts.append(f"{self.left_out} left out")
        return f"{self.found} videos in {self.seconds:.1f} s: {', '.join(counts) or 'nothing to do'}"


class VideosFailedError(Exception):
    """Some videos of a dataset run failed; the others are done."""

    def __init__(self, summary: BatchSummary) -> None:
        """Keep the whole summary, and say the counts."""
        self.summary = summary
        super().__init__(summary.sentence())


def describe_batch(summary: BatchSummary) -> str:
    """Return a table with a line for each video, and a sentence with the counts."""
    columns: dict[str, Sequence[str]] = {
        "video": [r.video for r in summary.results],
        "state": [r.state for r in summary.results],
        "seconds": [f"{r.seconds:.2f}" for r in summary.results],
        "reused": [f"{r.reused}/{r.stages}" for r in summary.results],
        "propagated": [as_text(r.propagated, ".1%") for r in summary.results],
        "invented": [as_text(r.invented, ".1%") for r in summary.results],
        "error": [r.error for r in summary.results],
    }
    return f"{text_table(columns, left=['video', 'state', 'error'])}\n{summary.sentence()}"


def publish(summary: BatchSummary, key: str) -> None:
    """Show the table as an artifact of the Prefect run, with the videos that failed first."""
    rows = [r.model_dump(mode="json") for r in sorted(summary.results, key=lambda r: (r.state == "done", r.video))]
    description = summary.sentence()
    if len(rows) > ARTIFACT_ROWS:
        description += f"; the table shows {ARTIFACT_ROWS} of {len(rows)}"
    publish_artifact(create_table_artifact, rows[:ARTIFACT_ROWS], key=key, description=description)


def write_results(folder: Path, name: str, summary: BatchSummary) -> tuple[Path, Path]:
    """Write <folder>/<name>.csv and .json; return both paths."""
    rows = [r.model_dump(mode="json") for r in summary.results]
    content = {**summary.model_dump(mode="json"), "counts": summary.counts()}
    paths = folder / f"{name}.csv", folder / f"{name}.json"
    write_text(paths[0], as_csv(rows, list(VideoResult.model_fields)[:-1]))
    write_text(paths[1], json.dumps(content, indent=2) + "\n")
    return paths
