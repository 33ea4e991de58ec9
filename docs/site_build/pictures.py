"""The pictures of the site, made by running what the pages tell. Results are kept, so a second build is quick."""

from pathlib import Path

import cv2
import numpy as np

from flows.configs.run_config import RunConfig, load_config
from flows.pipeline.preview import preview_video
from flows.pipeline.stage_order import ClipResults, inpaint_clip
from storage.cache.root import Root
from storage.media.images.folder import read_image
from storage.media.reading import read_frames
from storage.media.writing import write_image
from tasks.decode import MediaInput
from tasks.services.demo_clip import make_demo_clip, write_strip
from tasks.shots.filled_shots import ShownClip
from tasks.shots.shot_batches import DirectRunner
from tasks.stage.cached_stage import Job

FRAMES = 16
WIDTH = 1280  # pixels of a picture


def make_pictures(folder: Path) -> None:
    """Write all pictures of the site into `folder`; those that are there stay."""
    folder.mkdir(exist_ok=True)
    work = folder.parent / "_build" / "pictures"
    if not (folder / "preview.png").exists():
        work.mkdir(parents=True, exist_ok=True)
        _demo(folder, work)
    if not (folder / "plate.png").exists():
        _plate(folder, work)


def _demo(folder: Path, work: Path) -> None:
    """Before, mask and after of the demo's clip; flow; presets side by side."""
    if not (work / "stamped.mkv").exists():
        make_demo_clip(work, FRAMES)
    video, mask = work / "stamped.mkv", work / "mask"
    config = load_config(settings=["encode.container=png"])
    job, results = _filled(work, "demo", video, mask, config)
    clip = results.clip.open(job)
    shown = ShownClip(clip, results.filled.open(job))
    write_strip(work / "strip.png", clip, shown)
    _write_small(folder / "before-mask-after.png", read_image(work / "strip.png"))
    configs = {name: load_config(name) for name in ("fast", "default", "quality")}
    preview_video(str(video), str(mask), work / "out.mp4", configs, 8, 2)
    write_image(folder / "preview.png", read_image(work / "out-preview.png"))


def _plate(folder: Path, work: Path) -> None:
    """A camera that stands still: what a box hides is invented; then one frame is painted, and carried to all."""
    clean = next(iter(read_frames(work / "stamped.mkv", 4, 5)))
    height, width = clean.shape[:2]
    hole = np.zeros((height, width), np.uint8)
    hole[height // 4 : 3 * height // 4, width // 2 : width // 2 + width // 6] = 255
    frames = work / "still"
    frames.mkdir(exist_ok=True)
    for t in range(6):
        write_image(frames / f"{t}.png", np.where(hole[..., None] > 0, np.uint8(40), clean))
    cv2.imwrite(str(work / "still-mask.png"), hole)
    write_image(work / "clean.png", clean)
    rows = []
    for plates in ({}, {"2": str(work / "clean.png")}):
        config = load_config(settings=["encode.container=png", "decode.dilation=2"], plates=plates)
        job, results = _filled(work, "still", frames, work / "still-mask.png", config)
        rows.append(ShownClip(results.clip.open(job), results.filled.open(job)).frames[5])
    picture = np.hstack([read_image(frames / "5.png"), *rows])
    _write_small(folder / "plate.png", picture)


def _write_small(path: Path, picture: np.ndarray) -> None:
    """Write an image, at most WIDTH pixels wide."""
    scale = min(1.0, WIDTH / picture.shape[1])
    write_image(path, cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))


def _filled(work: Path, name: str, video: Path, mask: Path, config: RunConfig) -> tuple[Job, ClipResults]:
    job = Job(str(Root.create(work / "root").path), name, 2)
    media = MediaInput.video(str(video)), MediaInput.mask(str(mask))
    return job, inpaint_clip(DirectRunner(job), config, *media)
