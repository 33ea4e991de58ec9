"""A first look at what a run will give: a few frames at half size, by several presets, without a store that is kept."""

import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from flows.configs.run_config import RunConfig
from flows.pipeline.stage_order import inpaint_clip
from flows.reports.tables import text_table
from storage.cache.root import Root
from tasks.decode import DecodeParams, MediaInput
from tasks.evaluation.compare_fills import Fill
from tasks.services.preview_clip import SmallClip, cut_small_clip, write_preview
from tasks.shots.shot_batches import DirectRunner
from tasks.stage.cached_stage import Job

PRESETS = ("fast", "default", "quality")
"""Shown side by side: those that need no weights."""
NAME = "preview"


class PresetPreview(BaseModel):
    """What one preset made of the stretch."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    preset: str
    seconds: float
    """Of the preview."""
    full_seconds: float
    """What a run of the whole video would about take: as many seconds for each pixel and frame."""
    propagated: float
    """Share of the hole that other frames of the stretch show; a whole run sees more frames."""
    invented: float
    """Share of the hole that none of them shows."""


class Preview(BaseModel):
    """Presets on the hardest stretch of a video."""

    video: str
    first: int
    """First frame of the stretch, counted from the start of the video."""
    stop: int
    """Frame after its last one."""
    presets: list[PresetPreview]
    sheet: str
    """Image with a few frames by each preset."""
    movie: str
    """Video of the whole stretch, presets side by side."""

    def describe(self) -> str:
        """Return a table with a line for each preset, and where to look."""
        columns = {
            "preset": [each.preset for each in self.presets],
            "seconds": [f"{each.seconds:.1f}" for each in self.presets],
            "whole video": [f"~{each.full_seconds:.0f} s" for each in self.presets],
            "propagated": [f"{each.propagated:.1%}" for each in self.presets],
            "invented": [f"{each.invented:.1%}" for each in self.presets],
        }
        return (
            f"{text_table(columns, left=['preset'])}\n"
            f"frames {self.first} to {self.stop - 1}, the hardest, at half size; a whole run sees more frames\n"
            f"look at {self.sheet} and {self.movie}"
        )


def preview_video(
    video: str, mask: str, output: Path, configs: Mapping[str, RunConfig], length: int, threads: int
) -> Preview:
    """Inpaint the hardest stretch of a video at half size with each configuration, and show them side by side.

    output  : of the run that is previewed; the preview lies beside it, called <name>-preview.png and .mp4.
    configs : name -> run configuration; how the mask is read is taken from the first one.
    length  : frames of the stretch.
    Raises  : InputError if video or mask cannot be read.
    """
    decode = next(iter(configs.values())).decode
    with tempfile.TemporaryDirectory(prefix="dfvi-preview-") as folder:
        small = cut_small_clip(Path(folder), video, mask, decode, length)
        done = [_run(Path(folder) / f"by-{name}", name, config, small, threads) for name, config in configs.items()]
        sheet, movie = (output.with_name(f"{output.stem}-preview{suffix}") for suffix in (".png", ".mp4"))
        write_preview(sheet, movie, [fill for fill, _ in done], video)
    return Preview(
        video=video,
        first=small.first,
        stop=small.first + small.count,
        presets=[told for _, told in done],
        sheet=str(sheet),
        movie=str(movie),
    )


def _fitted(config: RunConfig) -> RunConfig:
    """The configuration for a clip of half the size whose mask has been read; plates are of the full size."""
    decode = DecodeParams(dilation=(config.decode.dilation + 1) // 2)
    encode = config.encode.model_copy(update={"container": "png", "codec": None})
    return config.model_copy(update={"decode": decode, "encode": encode, "plates": {}, "keep": "all"})


def _run(root: Path, name: str, config: RunConfig, small: SmallClip, threads: int) -> tuple[Fill, PresetPreview]:
    """Fill the small clip in a root of its own: what presets share counts for each, as it would in a run."""
    started = time.monotonic()
    runner = DirectRunner(Job(str(Root.create(root).path), NAME, threads))
    media = MediaInput.video(str(small.video)), MediaInput.mask(str(small.mask))
    results = inpaint_clip(runner, _fitted(config), *media)
    seconds = time.monotonic() - started
    hole = int(results.clip.attributes["hole_pixels"]) + results.filled.added_pixels
    told = PresetPreview(
        preset=name,
        seconds=round(seconds, 2),
        full_seconds=round(seconds / small.share, 1),
        propagated=results.filled.total("propagated") / hole,
        invented=results.filled.total("invented") / hole,
    )
    return Fill.of(name, Root(runner.job.root), NAME, results.encoded.digest), told
