"""The flows that train networks: from clips or photos over training examples to weight files."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import prefect
from pydantic import BaseModel

from flows.configs.training_recipe import ChoiceRecipe, CompletionRecipe, DfcRecipe, ImageRecipe, TestHolesPart
from flows.pipeline.runner import Runner, available_threads
from flows.pipeline.stage_order import fill_roughly
from flows.reports.training import deliver_training, publish
from storage.cache.names import video_name
from storage.cache.root import Root
from storage.cache.run_records import RunRecord
from storage.datasets.clean_clips import CleanClip, clip_seed, find_clips, keep_back
from tasks.decode import MediaInput
from tasks.estimate_flow import estimate_flow
from tasks.evaluation.cut_holes import CutHolesParams, cut_holes
from tasks.evaluation.read_truth import ReadTruthParams, read_truth
from tasks.shots.composed_clip import ComposedClip
from tasks.stage.cached_stage import Job, StageResult
from tasks.training.make_flow_examples import flow_examples
from tasks.training.read_photos import read_photos
from tasks.training.train_choice import train_choice
from tasks.training.train_deepfill import train_deepfill
from tasks.training.train_dfc import EARLIER, train_dfc
from tasks.training.training_run import KEPT, TAUGHT


class Trained(BaseModel):
    """The result of a training."""

    name: str
    output: str
    files: list[str]
    """Written to the output folder."""
    figures: dict[str, float]
    """The last row of the curve."""
    seconds: float
    """Of the training stages, in this sitting."""


@prefect.flow(name="train_flow_completion", persist_result=False)
def train_flow_completion(
    folder: str,
    recipe: CompletionRecipe,
    output: str,
    root: str = ".dfvi",
    name: str = "flow-completion",
    threads: int | None = None,
    device: str = "auto",
) -> Trained:
    """Train networks that complete flow in holes, on clips without holes.

    folder  : folder of clips; see `storage.datasets.clean_clips.find_clips`.
    recipe  : what is trained, and how; see `load_recipe`.
    output  : folder for weights, card, curve and samples.
    root    : folder of the stored results; a training that was stopped goes on from its checkpoint there.
    name    : name of the training below the root, and of the run that keeps its results from `dfvi store gc`.
    threads : None takes as many as there are cores.
    device  : auto, cpu or cuda:N.
    Raises  : InputError for what cannot be used.
    """
    clips = find_clips(Path(folder))
    store_root = Root.create(root)
    job = start_job(store_root, video_name(name), threads, device)
    kept = keep_back([clip.name for clip in clips], recipe.clips.kept_back, recipe.clips.seed)
    inputs: dict[str, StageResult] = {}
    records = []
    for clip in clips:
        prefix = KEPT if clip.name in kept else TAUGHT
        records.append(store_root.start_run(job.video_name, clip.name))
        runner = Runner(replace(job, video_name=clip.name, record=records[-1]))
        inputs |= {f"{prefix}{role}": result for role, result in data_of(runner, clip, recipe).items()}
    if isinstance(recipe, ChoiceRecipe):
        trained = [train_choice(job, params=recipe.training, iteration=0, **inputs)]
    else:
        trained = train_stages(job, recipe, inputs)
    return finish(job, trained, Path(output), records)


@prefect.flow(name="train_image_inpainting", persist_result=False)
def train_image_inpainting(
    folder: str,
    recipe: ImageRecipe,
    output: str,
    root: str = ".dfvi",
    name: str = "image-inpainting",
    threads: int | None = None,
    device: str = "auto",
) -> Trained:
    """Train the network that fills key frames, on photos.

    folder : folder of photos. The others, and Raises, as `train_flow_completion`.
    """
    store_root = Root.create(root)
    job = start_job(store_root, video_name(name), threads, device)
    photos = read_photos(job, params=recipe.photos, folder=MediaInput.video(folder))
    trained = train_deepfill(job, params=recipe.training, photos=photos)
    return finish(job, [trained], Path(output))


def start_job(root: Root, name: str, threads: int | None, device: str) -> Job:
    """Start the run of a training, which keeps what it uses from `dfvi store gc` under the training's name."""
    return Job(str(root.path), name, threads or available_threads(), device, root.start_run(name, name))


def finish(job: Job, trained: list[StageResult], output: Path, records: Sequence[RunRecord] = ()) -> Trained:
    """Hand over the files, show them in Prefect, and write down that the run, with these records, is over."""
    files = deliver_training([result.open(job) for result in trained], output)
    publish(output, job.video_name)
    for record in (*records, *filter(None, [job.record])):
        record.finish()
    return Trained(
        name=job.video_name,
        output=str(output),
        files=files,
        figures=dict(trained[-1].attributes["figures"]),
        seconds=sum(result.seconds for result in trained),
    )


def train_stages(job: Job, recipe: DfcRecipe, inputs: dict[str, StageResult]) -> list[StageResult]:
    """Train the stages of DFC-Net, each on top of those before it."""
    trained: list[StageResult] = []
    for params in recipe.stages:
        earlier = {f"{EARLIER}{number}": result for number, result in enumerate(trained, 1)}
        trained.append(train_dfc(job, params=params, iteration=len(trained), **inputs, **earlier))
    return trained


def data_of(runner: Runner, clip: CleanClip, recipe: CompletionRecipe) -> dict[str, StageResult]:
    """Return what is learned from one clip: its true flow, or examples for each test hole."""
    video = MediaInput.video(str(clip.video))
    truth = runner(read_truth, ReadTruthParams(frames=recipe.clips.frames, size=recipe.clips.size), video=video)
    true_flow = runner(estimate_flow, recipe.true_flow, clip=truth)
    if isinstance(recipe, DfcRecipe):
        return {clip.name: true_flow}
    made = {}
    for hole, params in test_holes(recipe.holes, clip.name, recipe.clips.seed).items():
        holed = runner(cut_holes, params, truth=truth)
        seen: StageResult | ComposedClip = holed
        for number, draft in enumerate(recipe.drafts, -len(recipe.drafts)):
            seen = fill_roughly(runner, draft, number, holed, seen)
        flow = runner(estimate_flow, recipe.estimate_flow, clip=seen)
        examples = runner(flow_examples, recipe.examples, flow=flow, true_flow=true_flow, clip=holed)
        made[f"{clip.name} {hole}"] = examples
    return made


def test_holes(holes: TestHolesPart, clip: str, seed: int) -> dict[str, CutHolesParams]:
    """Return the parameters of the holes cut into one clip, by a name."""
    found = {"box": CutHolesParams(kind="box")} if holes.box else {}
    for number in range(holes.shapes):
        found[f"shape{number}"] = CutHolesParams(kind="shape", seed=clip_seed(clip, seed + 1 + number))
    return found
