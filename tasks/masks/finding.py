"""Logos looked for in a video, and proposed as masks: images of where they are, and an image to look at."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from dfvi_models.overlays.edge_sums import sum_in_blocks
from dfvi_models.overlays.logos import SHORTEST, Logo, find_logos, present_in, stands_still
from storage.errors import InputError
from storage.media.clip import Clip
from storage.media.masks.writing import check_mask_name, write_mask_file
from storage.media.reading import probe
from tasks.masks.searched_frames import full_size, searched_frames
from tasks.masks.sheets import choose_frames, clock, write_overlay_sheet

MOST_SUMMED = 600  # frames that are searched, spread evenly; when a logo is there is looked up in all

Image = NDArray[np.uint8]
Hole = NDArray[np.bool_]


@dataclass(frozen=True)
class FoundLogo:
    """A logo that is proposed."""

    mask: str
    """PNG image that marks it."""
    frames: tuple[tuple[int, int], ...]
    """From which frame to which it is there, the end not included."""
    confidence: float
    """0 to 1."""
    box: tuple[int, int, int, int]
    """x, y, width, height, pixels."""
    options: tuple[str, ...]
    """What `--mask` takes, one for each time it is there; without times where it is there all the time."""


@dataclass(frozen=True)
class FoundLogos:
    """What was found in a video."""

    video: str
    frames: int
    still: bool
    """Whether the picture stands still, so that a logo cannot be told from it."""
    logos: tuple[FoundLogo, ...]
    sheet: str | None
    """Image to look at; None if nothing was found."""


def find_logos_in(video: str, output: Path, sheet: Path | None = None) -> FoundLogos:
    """Look for what stands still over a moving picture, and write a mask of each that is found.

    output : PNG to write; of several logos the first has this name, and further ones -2, -3, ... at its end. Any other
             kind of mask holds all of them, each in the frames in which it is there.
    sheet  : PNG of frames with the logos outlined; None puts it beside the mask.
    Raises : InputError if the video cannot be read or is too short, or a file cannot be written.
    """
    clip = probe(video)
    if clip.frame_count < SHORTEST:
        raise InputError(
            f"{video}: has {clip.frame_count} frames, and {SHORTEST} are the fewest in which a logo can be told "
            "from the picture; paint a mask, or give a box x,y,w,h"
        )
    is_one = output.suffix.lower() != ".png"
    check_mask_name(output, clip.frame_count if is_one else 1)
    step = math.ceil(clip.frame_count / MOST_SUMMED)
    blocks = sum_in_blocks(frame for t, frame in enumerate(searched_frames(clip)) if t % step == 0)
    if stands_still(blocks):
        return FoundLogos(video, clip.frame_count, True, (), None)
    present = _present(clip, find_logos(blocks))
    del blocks
    holes = [full_size(logo.marked, clip) for logo, _ in present]
    logos = tuple(
        _proposed(output if is_one else _numbered(output, number), clip, logo, times, hole)
        for number, ((logo, times), hole) in enumerate(zip(present, holes, strict=True), 1)
    )
    if is_one and logos:
        logos = tuple(replace(logo, options=(str(output),) if logo is logos[0] else ()) for logo in logos)
        write_mask_file(output, (marked > 0 for marked in _numbers(clip, logos, holes)), clip)
    else:
        for logo, hole in zip(logos, holes, strict=True):
            write_mask_file(Path(logo.mask), [hole], replace(clip, frame_count=1, frames_found=1))
    looked_at = sheet or output.with_name(f"{output.stem}-sheet.png")
    if logos:
        _write_sheet(looked_at, clip, logos, holes)
    return FoundLogos(video, clip.frame_count, False, logos, str(looked_at) if logos else None)


def _present(clip: Clip, logos: list[Logo]) -> list[tuple[Logo, list[tuple[int, int]]]]:
    """The logos, and when each is there, without those that never are."""
    if not logos:
        return []
    presence = [[logo.presence(frame) for logo in logos] for frame in searched_frames(clip)]
    times = [present_in(series) for series in zip(*presence, strict=True)]
    return [(logo, spans) for logo, spans in zip(logos, times, strict=True) if spans]


def _numbered(output: Path, number: int) -> Path:
    return output if number == 1 else output.with_name(f"{output.stem}-{number}{output.suffix}")


def _proposed(path: Path, clip: Clip, logo: Logo, times: list[tuple[int, int]], hole: Hole) -> FoundLogo:
    x, y, wide, high = cv2.boundingRect(hole.astype(np.uint8))
    whole = times == [(0, clip.frame_count)]
    options = (str(path),) if whole else tuple(f"{path}@{_time(span, clip)}" for span in times)
    return FoundLogo(str(path), tuple(times), round(logo.confidence, 2), (x, y, wide, high), options)


def _time(span: tuple[int, int], clip: Clip) -> str:
    first, stop = span
    return f"f{first}-" if stop == clip.frame_count else f"f{first}-f{stop}"


def _write_sheet(path: Path, clip: Clip, logos: tuple[FoundLogo, ...], holes: list[Hole]) -> None:
    """Write frames with the logos outlined, each in its own colour: those in which one comes, and others."""
    comes = [first for logo in logos for first, _ in logo.frames]
    heading = [
        f"{Path(logo.mask).name}: {', '.join(f'{clock(clip, a)} to {clock(clip, b - 1)}' for a, b in logo.frames)}, "
        f"confidence {logo.confidence:.2f}"
        for logo in logos
    ]
    frames = choose_frames(clip.frame_count, comes)
    write_overlay_sheet(
        path, clip, _numbers(clip, logos, holes), frames, notes=dict.fromkeys(comes, "a logo comes"), heading=heading
    )


def _numbers(clip: Clip, logos: tuple[FoundLogo, ...], holes: list[Hole]) -> Iterator[Image]:
    """For each frame the number, from 1, of the logo that marks a pixel; 0 where none does."""
    for t in range(clip.frame_count):
        marked = np.zeros((clip.height, clip.width), np.uint8)
        for number, (logo, hole) in enumerate(zip(logos, holes, strict=True), 1):
            if any(first <= t < stop for first, stop in logo.frames):
                marked[hole] = number
        yield marked
