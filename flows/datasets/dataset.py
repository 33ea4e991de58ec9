"""A dataset: many videos with their masks, found by folder or named by a manifest, and checked as a whole."""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from flows.configs.run_config import FrameNumber, RunConfig, lay_config, overlay, read_yaml
from flows.configs.yaml_reading import load_yaml_file
from flows.pipeline.preflight import check_plates
from storage.cache.names import distinct_name, title_of_video, video_name
from storage.datasets.video_folders import Found, find_videos
from storage.errors import InputError, reading
from storage.media.clip import Clip
from storage.media.masks.parsing import join_masks, place_masks
from tasks.decode import marked_holes, probe_as, stored_frames

MANIFEST_SUFFIXES = (".yaml", ".yml", ".json")
CHECKS_AT_ONCE = 8  # they wait for the disk more than they compute


class ManifestEntry(BaseModel):
    """One video as a manifest names it; relative paths start at the manifest's folder."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    video: str = Field(min_length=1)
    """Video file or folder of images."""
    mask: str | list[str] = Field(min_length=1)
    """Video, folder, image, NumPy array, COCO RLE, a box x,y,w,h, or alpha; with @ and a time, as
    logo.png@0:10-0:45.5, from then until then only; of several, the union."""
    name: str | None = None
    """Name of the video below the root and of its output; null takes the file's."""
    plates: dict[FrameNumber, str] = {}
    """Frames painted by hand: number of the frame, counted from the start of the video, and its image."""
    overrides: dict[str, Any] = {}
    """Run configuration of this video alone, laid over that of the dataset."""


@dataclass(frozen=True)
class Recipe:
    """The run configuration of a dataset, before the overrides of single videos are laid over it."""

    preset: str = "default"
    layers: tuple[dict[str, Any], ...] = ()
    """Nested keys over the preset: the content of configuration files."""
    settings: tuple[str, ...] = ()
    """`stage.param=value`, the top layer."""

    @classmethod
    def read(cls, preset: str, file: Path | None, settings: Sequence[str]) -> "Recipe":
        """Read the configuration file, if there is one. Raises InputError."""
        return cls(preset, (read_yaml(file),) if file else (), tuple(settings))

    def config(self, overrides: dict[str, Any]) -> RunConfig:
        """Return the run configuration of a video. Raises InputError naming the key, the value and what is allowed."""
        return lay_config(self.preset, [*self.layers, overrides], self.settings)


@dataclass(frozen=True)
class Video:
    """One video of a dataset that can be used."""

    name: str
    video: str
    mask: str
    config: RunConfig
    first: int
    """First frame that will be decoded."""
    stop: int
    """Frame after the last one that will be."""
    pixels: int
    """Pixels of a frame."""

    @property
    def frames(self) -> int:
        """Frames that will be decoded."""
        return self.stop - self.first


@dataclass(frozen=True)
class BadVideo:
    """One video of a dataset that cannot be used, and why."""

    name: str
    problem: str


@dataclass(frozen=True)
class Dataset:
    """All videos of a dataset, in its order."""

    videos: tuple[Video, ...]
    bad: tuple[BadVideo, ...] = ()


class BadDatasetError(InputError):
    """Some videos of a dataset cannot be used."""

    def __init__(self, bad: Sequence[BadVideo], count: int) -> None:
        """Name each of the `bad` ones of `count`."""
        self.bad = tuple(bad)
        lines = [f"{len(bad)} of {count} videos cannot be used; mend them, or leave them out with --skip-bad:"]
        super().__init__("\n".join(lines + [f"{entry.name}: {entry.problem}" for entry in bad]))


def open_dataset(path: str | Path, recipe: Recipe, *, skip_bad: bool = False) -> Dataset:
    """Find the videos of a dataset, and check every one before hours of work start.

    path     : folder or manifest; see `find_entries`.
    skip_bad : go on with the good ones.
    Raises   : InputError if the dataset or the recipe cannot be used; BadDatasetError naming every bad video.

    A check opens the video and its mask, compares sizes and frame counts, and reads the mask of the first frame.
    """
    recipe.config({})
    found = find_entries(Path(path))
    names = unique_names(found, Path(path))
    with ThreadPoolExecutor(CHECKS_AT_ONCE) as pool:
        checked = list(pool.map(lambda entry, name: _check(entry, recipe, name), found, names))
    videos = tuple(each for each in checked if isinstance(each, Video))
    bad = tuple(each for each in checked if isinstance(each, BadVideo))
    if bad and not (skip_bad and videos):
        raise BadDatasetError(bad, len(checked))
    return Dataset(videos, bad)


def find_entries(path: Path) -> list[Found]:
    """Return the videos of a dataset, unchecked.

    path   : a manifest (.yaml, .yml, .json) with a list `videos`; or a folder that holds <video>/frames or a video
             file, with <video>/masks or mask.png beside it; or DAVIS' JPEGImages and Annotations.
    Raises : InputError if there is no such thing, or there is no video in it.
    """
    with reading(path):
        if path.suffix.lower() in MANIFEST_SUFFIXES and not path.is_dir():
            found = list(_read_manifest(path))
        elif path.is_dir():
            found = find_videos(path)
        else:
            raise InputError(f"{path}: no such dataset; name a folder of videos, or a manifest (.yaml, .json)")
    if not found:
        raise InputError(
            f"{path}: no video in it; expected <video>/frames or a video file with <video>/masks or mask.png, or "
            "JPEGImages/<video> with Annotations/<video>, or a manifest with a list `videos`"
        )
    return found


def _read_manifest(path: Path) -> Iterator[Found]:
    content = load_yaml_file(path, "manifest")
    if set(content) != {"videos"} or not isinstance(content["videos"], list):
        keys = ", ".join(map(str, content)) or "nothing"
        raise InputError(f"the manifest {path} must hold one list, `videos`; it holds {keys}")
    for number, entry in enumerate(content["videos"], 1):
        try:
            given = ManifestEntry.model_validate(entry)
        except ValidationError as error:
            yield Found(f"entry {number}", problem=_explain_entry(error))
            continue
        video = _below(path.parent, given.video)
        masks = [given.mask] if isinstance(given.mask, str) else given.mask
        mask = place_masks(join_masks(masks), path.parent)
        plates = {frame: _below(path.parent, plate) for frame, plate in given.plates.items()}
        overrides = overlay(given.overrides, {"plates": plates}) if plates else given.overrides
        yield Found(given.name or title_of_video(video), video, mask, overrides)


def _explain_entry(error: ValidationError) -> str:
    allowed = ", ".join(ManifestEntry.model_fields)
    problems = [f"{'.'.join(map(str, e['loc'])) or 'the entry'}: {e['msg'].lower()}" for e in error.errors()]
    return f"{'; '.join(problems)}; a video has {allowed}"


def _below(folder: Path, text: str) -> str:
    return str(folder / Path(text).expanduser())


def unique_names(found: Sequence[Found], dataset: Path) -> list[str]:
    """Return a safe name for each video; where several would be called the same, each gets a hash of its own.

    The hash is that of what tells them apart: their names as they were given, or else their paths inside the dataset,
    so it neither changes when the dataset is moved nor with the order of the videos. Equal ones keep equal names.
    """
    names = [video_name(entry.name) for entry in found]
    safe, given = Counter(names), Counter(entry.name for entry in found)
    folder = dataset if dataset.is_dir() else dataset.parent
    unique = []
    for name, entry in zip(names, found, strict=True):
        text = entry.name if given[entry.name] == 1 else os.path.relpath(entry.video, folder)
        unique.append(name if safe[name] == 1 else distinct_name(name, text))
    return [name if unique.count(name) == 1 else "" for name in unique]


def _check(entry: Found, recipe: Recipe, name: str) -> Video | BadVideo:
    if entry.problem:
        return BadVideo(entry.name, entry.problem)
    if not name:
        return BadVideo(entry.name, "the same video is there twice under this name; give each its own")
    try:
        config = recipe.config(entry.overrides)
        clip = probe_as(entry.video, config.decode)
        start, stop = _check_mask(entry.mask, clip, config)
        check_plates(config, entry.mask, entry.video)
    except InputError as error:
        return BadVideo(entry.name, " ".join(str(error).split()))
    return Video(name, entry.video, entry.mask, config, start, stop, clip.height * clip.width)


def _check_mask(mask: str, clip: Clip, config: RunConfig) -> tuple[int, int]:
    """Read the hole of the first frame, and return which frames are decoded, as first and stop (not included).

    Raises : InputError if the mask does not fit the clip, or times lie outside it.
    """
    start, stop = stored_frames(clip, mask, config.decode)
    next(marked_holes(config.decode, mask, clip, start, stop), None)
    return start, stop
