"""Scoring: how near a filled clip comes to the clip without holes. Stores in, a table of numbers out."""

from typing import Any

from dfvi_models.evaluation.frame_scores import COLUMNS, FilledResult, TrueClip, mean_scores, score_frames
from storage.cache import array_layout
from storage.cache.stage_store import StageStore
from tasks.shots.filled_clip import FilledClip
from tasks.stage.cached_stage import Job, StageParams, stage


class ScoreParams(StageParams):
    """Scoring has no parameters: numbers under the same name must be comparable."""


@stage(version=3)  # 3: SSIM of the hole, detail and flicker
def score(
    out: StageStore,
    *,
    truth: StageStore,
    true_flow: StageStore,
    clip: StageStore,
    merged: StageStore,
    fill: StageStore | None = None,
    flow: StageStore | None = None,
    params: ScoreParams,  # noqa: ARG001
    job: Job,
) -> None:
    """Write a row of scores for each frame; their names and means stand in the attributes."""
    shown = FilledClip(merged, fill)
    result = FilledResult(
        shown.frames,
        shown.source if "source" in merged else None,
        flow["flow_fw"] if flow else None,
        flow["flow_bw"] if flow else None,
    )
    true_clip = TrueClip(truth["frames"], true_flow["flow_fw"], true_flow["flow_bw"])
    wanted = out.create(scores=array_layout.values(shown.count, len(COLUMNS), dtype="float64"))
    for t, row in score_frames(result, true_clip, clip["holes"], wanted=wanted, threads=job.threads):
        out.write(t, scores=row)
    means = mean_scores([out["scores"][t] for t in range(shown.count)])
    out.attributes.update({"columns": list(COLUMNS), "mean": means, "frames": shown.count})


METRIC_CODE = (
    f"dfvi_models/evaluation/metrics.py, score version {score.version}; "
    "means over frames that have a hole: PSNR of whole frames; "
    "SSIM of whole frames as E2FGVI and ProPainter compute it (window 65, uniform, float64, data range 255); hole PSNR "
    "over hole pixels, SSIM there with a window of 11; detail: gradient magnitude similarity in the hole (Xue et al. "
    "2014, Sobel); flicker: root mean square change of the error to the next frame where both have a hole, grey "
    "levels; warping error in the hole along the flow of the clip without holes, mean square x1000, of the "
    "result and of the clip itself; EPE of the completed flow in the hole against that flow"
)


def frame_table(scored: StageStore) -> list[dict[str, Any]]:
    """Rows of a `score` store as dictionaries, the frame number among them."""
    columns = scored.attributes["columns"]
    table = scored["scores"]
    return [{"frame": t, **dict(zip(columns, map(float, table[t]), strict=True))} for t in range(len(table))]
