"""A mask looked at before it is used: what is odd about it, and a sheet that shows it over its video."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dfvi_models.masks.checking import Finding, judge_masks
from dfvi_models.masks.measures import largest_small_part, measure_masks
from storage.errors import InputError
from storage.media.clip import Clip
from storage.media.masks.parsing import parse_mask
from storage.media.masks.source import Marks
from storage.media.reading import probe, read_frames
from tasks.decode import DecodeParams, marked_holes
from tasks.masks.sheets import choose_frames, write_overlay_sheet

Hole = NDArray[np.bool_]
OF_EACH = 3  # frames of each kind of finding that are shown
MOST_NAMED = 6  # ranges of frames in a sentence
CLEAR = 32  # grey levels of a mask from black, and from white
SOFT_SHARE = 0.25  # of what is not black that may lie between
SOFT_FRAMES = 8  # frames that are looked at for that


@dataclass(frozen=True)
class Warned:
    """A warning, as a person would give it."""

    kind: str
    text: str
    frames: tuple[int, ...] = ()
    """Numbers of the frames concerned; empty if all are."""


@dataclass(frozen=True)
class CheckedMask:
    """What is known of a mask in its video."""

    video: str
    mask: str
    frames: int
    marked_frames: int
    share: float
    """Of the pixels of the frames with a mask that is marked; mean."""
    largest: int
    """Frame of which most is marked."""
    warnings: tuple[Warned, ...]
    sheet: str | None


def check_mask(video: str, mask: str, params: DecodeParams, sheet: Path | None = None) -> CheckedMask:
    """Check a mask against its video, and write an image of both.

    params : how the mask is read, as for a run; a mask of another size or length is no error, but a warning.
    sheet  : PNG to write; None writes none.
    Raises : InputError if video or mask cannot be read.
    """
    clip = probe(video)
    warnings = [*_misfits(mask, clip, params), *_soft(mask, clip, params)]
    fitting = params.model_copy(update={"fit_mask": True})
    measures = list(measure_masks(read_frames(clip), _holes(fitting, mask, clip)))
    findings = judge_masks(measures)
    warnings += [_told(finding, clip, mask) for finding in findings]
    if sheet:
        notes = {t: finding.kind for finding in reversed(findings) for t in finding.frames}  # the gravest one stays
        lines = [f"{Path(video).name} with {mask}", *(f"{warned.kind}: {warned.text}" for warned in warnings)]
        noted = [t for finding in findings for t in finding.frames[:: len(finding.frames) // OF_EACH + 1]]
        chosen = choose_frames(len(measures), noted)
        write_overlay_sheet(sheet, clip, _holes(fitting, mask, clip), chosen, notes=notes, heading=lines)
    shares = [measure.share for measure in measures]
    with_mask = [share for share in shares if share]
    return CheckedMask(
        video=video,
        mask=mask,
        frames=len(measures),
        marked_frames=len(with_mask),
        share=float(np.mean(with_mask)) if with_mask else 0.0,
        largest=int(np.argmax(shares)),
        warnings=tuple(warnings),
        sheet=str(sheet) if sheet else None,
    )


def _holes(params: DecodeParams, mask: str, clip: Clip) -> Iterator[Hole]:
    """The holes of all frames; of an empty image, which a run refuses, none is marked."""
    try:
        yield from marked_holes(params, mask, clip)
    except InputError:
        marks = parse_mask(mask).open(clip, params.mask_object, fit=True)
        if marks.count > 1 or (next(marks.read(0, 1)) > params.mask_threshold).any() != params.invert_mask:
            raise
        for _ in range(clip.frame_count):
            yield np.zeros((clip.height, clip.width), bool)


def _parts(mask: str, clip: Clip, params: DecodeParams) -> Iterator[tuple[str, Marks]]:
    for part in parse_mask(mask).sources:
        yield part.name, part.open(clip, params.mask_object)


def _misfits(mask: str, clip: Clip, params: DecodeParams) -> Iterator[Warned]:
    """Warnings about size, length and rate, which a run would refuse."""
    for name, marks in _parts(mask, clip, params):
        if (marks.width, marks.height) != (clip.width, clip.height):
            turned = (marks.height, marks.width) == (clip.width, clip.height)
            how = "it is turned; export it as the video is shown" if turned else "it is shown here scaled"
            size = f"{marks.width}x{marks.height}, the video {clip.width}x{clip.height}"
            yield Warned("size", f"{name} is {size}: {how}; --set decode.fit_mask=true scales it")
        if marks.count not in (1, clip.frame_count):
            yield Warned(
                "length",
                f"{name} has {marks.count} frames, the video {clip.frame_count}: it is shown here spread over it; "
                "export it again, or --set decode.fit_mask=true",
            )
        if marks.rate and marks.count > 1 and abs(marks.rate / clip.rate - 1) > 0.01 and clip.kind == "video":
            rates = f"{float(marks.rate):.5g} frames a second, the video {float(clip.rate):.5g}"
            yield Warned("rate", f"{name} has {rates}: frames may not belong together; export it at the video's rate")


def _soft(mask: str, clip: Clip, params: DecodeParams) -> Iterator[Warned]:
    """A warning if much of the mask is neither black nor white: the threshold then decides what is removed."""
    for name, marks in _parts(mask, clip, params):
        between = lit = 0
        for value in marks.read(0, min(SOFT_FRAMES, marks.count)):
            lit += int(np.count_nonzero(value >= CLEAR))
            between += int(np.count_nonzero((value >= CLEAR) & (value <= 255 - CLEAR)))
        if lit and between > SOFT_SHARE * lit:
            yield Warned(
                "grey",
                f"{between / lit:.0%} of what {name} marks is neither black nor white: what is brighter than "
                f"{params.mask_threshold} of 255 is removed; choose with --set decode.mask_threshold=N",
            )


def _told(finding: Finding, clip: Clip, mask: str) -> Warned:
    return Warned(finding.kind, _sentence(finding, clip, mask), finding.frames)


def _sentence(finding: Finding, clip: Clip, mask: str) -> str:
    frames, edit = ranges_of(finding.frames), f"dfvi mask edit {mask} -o OUT"
    if finding.kind == "empty":
        return "nothing is marked in any frame; is it inverted, or dark?"
    if finding.kind == "inverted":
        return f"{finding.amount:.0%} is marked, and most of the border: is it inverted? --set decode.invert_mask=true"
    if finding.kind == "large":
        return f"{finding.amount:.0%} of the picture is marked: more than other frames are likely to show again"
    if finding.kind == "missing":
        return f"{frames} have no mask, and those before and after do"
    if finding.kind == "jump":
        return f"the mask is elsewhere, or another shape, in {frames} than in the frame before"
    if finding.kind == "late":
        late = round(finding.amount)
        way = "behind" if late > 0 else "ahead of"
        return f"the mask seems to run {abs(late)} frame{'s' * (abs(late) > 1)} {way} the video; {edit} --shift {-late}"
    limit = largest_small_part(clip.height, clip.width)
    what, option = ("gaps", "--fill") if finding.kind == "gaps" else ("specks", "--drop")
    return f"small {what} in {len(finding.frames)} frames, as {frames}; {edit} {option} {limit}"


def ranges_of(frames: tuple[int, ...]) -> str:
    """Return frame numbers as text: "frame 3", "frames 3-5, 9"."""
    runs: list[list[int]] = []
    for t in frames:
        if runs and t == runs[-1][1] + 1:
            runs[-1][1] = t
        else:
            runs.append([t, t])
    named = [f"{first}" if first == last else f"{first}-{last}" for first, last in runs]
    more = "" if len(named) <= MOST_NAMED else " and more"
    return f"frame{'s' * (len(frames) != 1)} {', '.join(named[:MOST_NAMED])}{more}"
