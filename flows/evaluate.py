"""The flow of an evaluation: clips with truth x kinds of holes x ways of filling them, each stage cached."""

from collections.abc import Sequence
from pathlib import Path

import prefect
from prefect.logging import get_run_logger

from flows.evaluation.holes import make_holes
from flows.evaluation.methods import Method, OnTrueFlow
from flows.evaluation.model import MEAN, Case, EvaluateConfig, Evaluation, check_evaluation
from flows.pipeline.runner import Runner, available_threads
from flows.pipeline.stage_order import FilledResult, StageRunner, fill_clip
from storage.cache.root import Root
from storage.datasets.clean_clips import CleanClip
from tasks.complete_flow import complete_flow
from tasks.decode import MediaInput
from tasks.estimate_flow import estimate_flow
from tasks.evaluation.fill_baseline import FillBaselineParams, fill_baseline
from tasks.evaluation.read_truth import ReadTruthParams, read_truth
from tasks.evaluation.score import METRIC_CODE, ScoreParams, frame_table, score
from tasks.evaluation.score_perceptually import (
    DESCRIBED_SHORTEST,
    LPIPS_SMALLEST,
    PERCEPTUAL_CODE,
    DescribeVideoParams,
    LpipsParams,
    describe_video,
    features_in,
    lpips,
    vfid,
)
from tasks.stage.cached_stage import Job, StageResult, total_compute_seconds


@prefect.flow(name="evaluate", persist_result=False)
def evaluate(
    folder: str,
    methods: list[Method],
    config: EvaluateConfig | None = None,
    clips: list[str] | None = None,
    root: str = ".dfvi",
    run: str = "evaluate",
    threads: int | None = None,
    device: str = "auto",
) -> Evaluation:
    """Score ways of filling holes on clips whose truth is known.

    folder  : folder of clips; see `storage.datasets.clean_clips.find_clips`.
    methods : what is compared; see `parse_methods`.
    config  : sizes and holes; None takes the defaults. `decode` and `encode` of methods' configurations are not used.
    clips   : names of the clips taken; None takes all.
    root    : folder of the stored results.
    run     : name under which the results are kept by `dfvi store gc`.
    threads : None takes as many as there are cores.
    device  : auto, cpu or cuda:N, for networks.
    Raises  : InputError for what cannot be used, WeightsError for missing weights; finished frames are kept.
    """
    config = config or EvaluateConfig()
    chosen = check_evaluation(Path(folder), methods, config, clips or [])
    store_root = Root.create(root)
    cases = []
    for clip, masks in chosen:
        record = store_root.start_run(run, clip.name)
        job = Job(str(store_root.path), clip.name, threads or available_threads(), device, record)
        cases += evaluate_clip(Runner(job), clip, methods, config, masks)
        record.finish()
    return Evaluation(
        config=config,
        methods=methods,
        threads=threads or available_threads(),
        metric_code="; ".join([METRIC_CODE, *(PERCEPTUAL_CODE[name] for name in config.perceptual)]),
        cases=cases,
        vfid=vfid_of_kinds(cases, config) if "vfid" in config.perceptual else {},
    )


def evaluate_clip(
    runner: Runner, clip: CleanClip, methods: list[Method], config: EvaluateConfig, masks: Path | None
) -> list[Case]:
    """Score all methods on one clip, kind of hole by kind of hole.

    masks : folder of the masks of another clip's objects; needed for holes of the kinds MASKED.
    """
    video = MediaInput.video(str(clip.video))
    truth = runner(read_truth, ReadTruthParams(frames=config.frames, size=config.size), video=video)
    true_flow = runner(estimate_flow, config.true_flow, clip=truth)
    cases = []
    for kind in config.holes:
        holed = make_holes(runner, kind, clip, config, truth, masks)
        for method in methods:
            cases.append(evaluate_method(runner, method, config, truth, true_flow, holed))
            get_run_logger().info("%s %s %s: %s", clip.name, kind, method.name, _in_words(cases[-1]))
    return cases


def evaluate_method(
    runner: Runner,
    method: Method,
    config: EvaluateConfig,
    truth: StageResult,
    true_flow: StageResult,
    holed: StageResult,
) -> Case:
    """Fill the hole of one clip in one way, and score it."""
    before = len(runner.done)
    filled = _fill(runner, method, holed, true_flow)
    done = runner.done[before:]
    flow = next(
        (r for r in reversed(done) if r.stage == complete_flow.name), true_flow if method.on_true_flow else None
    )
    scored = runner(
        score,
        ScoreParams(),
        truth=truth,
        true_flow=true_flow,
        clip=holed,
        merged=filled.merged,
        fill=filled.fill,
        flow=flow,
    )
    frames, height, width = (int(truth.attributes[name]) for name in ("frames", "height", "width"))
    return Case(
        clip=truth.video_name,
        hole=holed.attributes["kind"],
        method=method.name,
        frames=frames,
        height=height,
        width=width,
        hole_share=holed.attributes["hole_pixels"] / (frames * height * width),
        seconds_per_frame=_seconds(runner.job, done) / frames,
        scores={name: scored.attributes["mean"][name] for name in scored.attributes["columns"]}
        | _lpips(runner, config, truth, holed, filled),
        per_frame=frame_table(scored.open(runner.job)),
        features=_features(runner, config, truth, filled),
    )


def _lpips(
    step: StageRunner, config: EvaluateConfig, truth: StageResult, holed: StageResult, filled: FilledResult
) -> dict[str, float | None]:
    if "lpips" not in config.perceptual:
        return {}
    if min(truth.attributes["height"], truth.attributes["width"]) < LPIPS_SMALLEST:
        return {"lpips": None}
    seen = step(lpips, LpipsParams(), truth=truth, clip=holed, merged=filled.merged, fill=filled.fill)
    return {"lpips": seen.attributes["mean"]}


def _features(
    runner: Runner, config: EvaluateConfig, truth: StageResult, filled: FilledResult
) -> tuple[list[float], list[float]] | None:
    """What I3D sees in the filled clip and in the true one; None where VFID is not asked for, or nothing can move."""
    if "vfid" not in config.perceptual or truth.attributes["frames"] < DESCRIBED_SHORTEST:
        return None
    own = runner(describe_video, DescribeVideoParams(), merged=filled.merged, fill=filled.fill)
    true = runner(describe_video, DescribeVideoParams(), merged=truth)
    return features_in(own.open(runner.job)), features_in(true.open(runner.job))


def vfid_of_kinds(cases: Sequence[Case], config: EvaluateConfig) -> dict[str, dict[str, float | None]]:
    """Kind of hole, or `mean` for all -> method -> VFID."""
    kinds = (*config.holes, MEAN)
    return {kind: vfid_of_methods([case for case in cases if kind in (case.hole, MEAN)]) for kind in kinds}


def vfid_of_methods(cases: Sequence[Case]) -> dict[str, float | None]:
    """VFID of each method over these cases; None where they are of one clip."""
    found: dict[str, float | None] = {}
    for method in dict.fromkeys(case.method for case in cases):
        own = [case for case in cases if case.method == method and case.features]
        found[method] = (
            vfid([case.features for case in own if case.features]) if len({c.clip for c in own}) > 1 else None
        )
    return found


def _fill(step: StageRunner, method: Method, holed: StageResult, true_flow: StageResult) -> FilledResult:
    if method.config is None:
        if method.baseline is None:
            raise ValueError(f"method {method.name} has neither a configuration nor a method")
        return FilledResult(step(fill_baseline, FillBaselineParams(method=method.baseline), clip=holed))
    return fill_clip(OnTrueFlow(step, true_flow) if method.on_true_flow else step, method.config, holed)


def _seconds(job: Job, done: list[StageResult]) -> float:
    """Seconds these stages took when they were computed, however long ago and in however many sittings."""
    manifests = [result.open(job).manifest for result in {result.digest: result for result in done}.values()]
    return sum(total_compute_seconds(manifest.made) for manifest in manifests if manifest)


def _in_words(case: Case) -> str:
    psnr = case.scores["hole_psnr"]
    return f"hole PSNR {psnr:.2f} dB" if psnr is not None else "no score"
