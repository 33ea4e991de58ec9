"""What a run of one video did: stage by stage, and how much of the hole was found and how much made up."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from flows.pipeline.forecast import RunCost
from flows.pipeline.stage_order import ClipResults
from flows.reports.tables import text_table
from tasks.stage.cached_stage import Job, StageResult

MUCH_INVENTED = 0.3  # share of the hole
MOST_ROWS = 80  # of the table; a video of very many shots gets a row for each stage


class StageSummary(BaseModel):
    """What one stage did in this run."""

    stage: str
    iteration: int
    action: str
    seconds: float
    digest: str
    why: str
    shot: str = ""
    """First and last frame of the shot; empty for the whole video."""


class Summary(BaseModel):
    """What came of a run."""

    video: str
    output: str
    root: str
    seconds: float
    """Wall time of the whole run."""
    frames: int
    untouched: int = 0
    """Frames of the output that are the video's own: they lie far from the time of masks, or outside the range."""
    hole_pixels: int
    """Hole pixels of all frames after dilation and growth."""
    grown: float = 0.0
    """Share of the hole that grow_holes added to it."""
    propagated: float
    """Share of the hole that other frames of the clip showed."""
    registered: float = 0.0
    """Share of the hole taken from frames that were registered directly; part of `propagated`."""
    painted: float = 0.0
    """Share of the hole that plates show, or that was carried from them, which is part of `propagated`."""
    invented: float
    """Share of the hole that no frame showed."""
    stages: list[StageSummary]
    warnings: list[str] = []
    """What the user was told on the way, one line each."""
    cost: RunCost | None = None
    """What it took, for forecasts of later runs; None where something was done already."""
    report: str = ""
    """The page that shows the run; empty if none was made."""


def summarise(
    job: Job,
    walked: ClipResults,
    done: list[StageResult],
    output: Path,
    seconds: float,
    warnings: Sequence[str] = (),
) -> Summary:
    """Gather what a run did from the results of its stages."""
    filled = walked.filled
    added = filled.added_pixels
    hole = int(walked.clip.attributes["hole_pixels"]) + added
    return Summary(
        video=job.video_name,
        output=str(output),
        root=job.root,
        seconds=round(seconds, 3),
        frames=int(walked.clip.attributes["frames"]),
        untouched=_untouched(walked.clip.attributes),
        hole_pixels=hole,
        grown=added / hole,
        propagated=filled.total("propagated") / hole,
        registered=filled.total("registered") / hole,
        painted=filled.total("painted") / hole,
        invented=(filled.total("invented") + filled.total("holes_left")) / hole,
        stages=[
            StageSummary(
                stage=r.stage,
                iteration=r.iteration,
                action="compute" if r.was_made_again else r.action,
                seconds=round(r.seconds, 3),
                digest=r.digest,
                why=f"{r.why}; it was dropped before, and made again" if r.was_made_again else r.why,
                shot=r.shot,
            )
            for r in done
        ],
        warnings=list(warnings),
    )


def _untouched(told: Mapping[str, Any]) -> int:
    """Frames that the output shows as they are in the video, by what decoding tells."""
    if "shown" not in told:
        return 0
    first, stop = told["shown"]
    (start, end), (begin, last) = told["taken"], (told["start"], told["stop"])
    return int(stop - first - (min(end, last) - max(start, begin)))


def warn_of_invention(walked: ClipResults) -> list[str]:
    """Return a warning if no frame of a clip shows anything of what its hole hides: the mask may be a wrong one."""
    if walked.clip.attributes["frames"] == 1 or walked.filled.total("propagated") > 0:
        return []
    return [
        "all of the hole was invented, no frame shows what it hides; if the mask marks what is kept set "
        "decode.invert_mask, and if it marks too much see decode.mask_threshold"
    ]


def _few_rows(stages: list[StageSummary]) -> list[StageSummary]:
    """The rows as they are; where there are very many, those of all shots as one for each stage and action."""
    if len(stages) <= MOST_ROWS:
        return stages
    found: dict[tuple[str, int, str, bool], list[StageSummary]] = {}
    for row in stages:
        found.setdefault((row.stage, row.iteration, row.action, bool(row.shot)), []).append(row)
    return [
        rows[0]
        if len(rows) == 1
        else rows[0].model_copy(
            update={"seconds": sum(row.seconds for row in rows), "digest": "", "shot": f"{len(rows)} shots"}
        )
        for rows in found.values()
    ]


def describe(summary: Summary) -> str:
    """Return a table with a line for each stage, and a sentence with what was filled how."""
    rows = _few_rows(summary.stages)
    columns = {
        "stage": [s.stage for s in rows],
        "#": [str(s.iteration) for s in rows],
        "action": [s.action for s in rows],
        "seconds": [f"{s.seconds:.2f}" for s in rows],
        "digest": [s.digest[:8] for s in rows],
    }
    if any(s.shot for s in rows):
        columns["shot"] = [s.shot for s in rows]
    lines = [text_table(columns, left=["stage", "action", "digest", "shot"])]
    if summary.grown:
        lines.append(
            f"{summary.video}: shadows and blurred edges beside the mask are {summary.grown:.1%} of the hole; "
            "--set grow_holes.reach=0 leaves them"
        )
    painted = f"{summary.painted:.1%} painted or carried from plates, " if summary.painted else ""
    lines.append(
        f"{summary.video}: {summary.frames} frames in {summary.seconds:.1f} s; of the hole "
        f"{summary.propagated:.1%} propagated ({summary.registered:.1%} from registered frames), "
        f"{painted}{summary.invented:.1%} invented"
    )
    if summary.untouched:
        lines.append(f"{summary.untouched} frames of the output are those of the video, as they were")
    if summary.invented > MUCH_INVENTED:
        lines.append("much was invented: if you know what lies there, paint it into one frame, see dfvi plate --help")
    lines.append(f"output: {summary.output}")
    if summary.report:
        lines.append(f"report: {summary.report}")
    return "\n".join(lines)
