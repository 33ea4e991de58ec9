"""What the report of many videos says, as one model: the page shows it, and `dfvi report --json` prints it."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel

from flows.engines.protocol import VideoResult
from flows.pages.verdict import Level, level_of
from flows.pipeline.summary import Summary
from storage.cache.run_records import RunFacts


class TableRow(BaseModel):
    """One video, with one set of parameters."""

    video: str
    run: str
    """Name of its run in the root."""
    values: dict[str, str] = {}
    """Of a sweep, parameter -> value."""
    state: str
    """done, failed, crashed, bad or unfinished."""
    level: Level
    frames: int | None = None
    seconds: float | None = None
    stages: int | None = None
    reused: int | None = None
    """Stages whose results were there already."""
    shares: dict[str, float] = {}
    """Share of the hole by how it was filled."""
    doubt: float | None = None
    """Share of the hole that is likely wrong in the most doubtful of some frames; None where none was looked at."""
    hole_psnr: float | None = None
    """dB against the truth; None where none is known."""
    output: str = ""
    error: str = ""

    @property
    def is_done(self) -> bool:
        """Whether there is a result."""
        return self.state == "done"

    def badness(self) -> tuple[bool, float]:
        """Order rows by this and the worst comes last: what failed, then what was most invented."""
        return not self.is_done, self.shares.get("invented", 0.0)


class TableReport(BaseModel):
    """Everything that the report of many videos says; pictures lie beside it."""

    kind: Literal["dataset", "sweep"]
    title: str
    made: str
    """When the report was made, UTC."""
    root: str
    sentence: str
    """How many videos ended how."""
    rows: list[TableRow]
    """The worst first."""
    variants: list[dict[str, Any]] = []
    """Of a sweep, means and sums of each combination of values."""
    keys: list[str] = []
    """Of a sweep, the parameters that were varied."""


def row_of_result(
    result: VideoResult, run: str, values: Mapping[str, Any] | None = None, psnr: float | None = None
) -> TableRow:
    """Return the row of a video of a run that has just ended."""
    told = {str(key): str(value) for key, value in (values or {}).items()}
    summary = result.summary
    if summary is None:
        return TableRow(
            video=result.video, run=run, values=told, state=result.state, level="unknown", error=result.error
        )
    row = _row(summary, run)
    return row.model_copy(update={"values": told, "hole_psnr": psnr})


def row_of_run(run: RunFacts) -> TableRow:
    """Return the row of a run as it is recorded, whether it has ended or not."""
    if run.summary is None:
        error = f"its record is damaged: {run.damage}" if run.damage else "the run has not ended"
        return TableRow(video=run.video, run=run.name, state="unfinished", level="unknown", error=error)
    return _row(Summary.model_validate(run.summary), run.name)


def _row(summary: Summary, run: str) -> TableRow:
    return TableRow(
        video=summary.video,
        run=run,
        state="done",
        level=level_of(summary.invented),
        frames=summary.frames,
        seconds=summary.seconds,
        stages=len(summary.stages),
        reused=sum(stage.action == "reuse" for stage in summary.stages),
        shares={
            "seen": round(max(1 - summary.registered - summary.painted - summary.invented, 0), 6),
            "distant": round(summary.registered, 6),
            "painted": round(summary.painted, 6),
            "invented": round(summary.invented, 6),
        },
        output=summary.output,
    )
