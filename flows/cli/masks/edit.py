"""The command `dfvi mask edit`."""

import argparse
import dataclasses
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tasks.masks.editing import EditedMask

Subparsers = Any  # argparse keeps its class private


def add_edit(subparsers: Subparsers) -> None:
    """Add the command `dfvi mask edit MASK -o OUT`."""
    parser = subparsers.add_parser("edit", help="join, cut, grow, time and convert masks", description=_edit.__doc__)
    parser.add_argument("mask", metavar="MASK", help="mask to begin with, of any kind that `dfvi inpaint` reads")
    parser.add_argument(
        "-o",
        "--output",
        required=True,
        type=Path,
        metavar="OUT",
        help="what to write: .mkv, .mp4, .mov, .npz, .npy, .json (COCO RLE), .png (one frame), or a folder of images",
    )
    parser.add_argument("--video", metavar="VIDEO", help="whose size, length and times count (those of MASK)")
    parser.add_argument("--object", type=_number, metavar="N", help="of MASK, a label map, only this object (all)")
    parser.add_argument(
        "--threshold", type=_number, default=127, metavar="N", help="brightness above which masks mark (127)"
    )
    parser.add_argument("--label", type=_number, metavar="N", help="write label images in which the mask is object N")
    _add_steps(parser)
    parser.add_argument("--json", action="store_true", help="print what was written as JSON")
    parser.set_defaults(command=_edit, steps=[])


def _add_steps(parser: argparse.ArgumentParser) -> None:
    steps = parser.add_argument_group("steps", "Each works on what those before it made, in the order written.")
    for name, metavar, kind, meaning in (
        ("add", "MASK", str, "mark also what this mask marks"),
        ("subtract", "MASK", str, "do not mark what this mask marks"),
        ("intersect", "MASK", str, "mark only what this mask marks too"),
        ("grow", "PX", _number, "grow what is marked by so many pixels"),
        ("shrink", "PX", _number, "shrink it"),
        ("fill", "PX", _number, "mark gaps of at most so many pixels that are surrounded by what is marked"),
        ("drop", "PX", _number, "drop parts of at most so many pixels"),
        ("shift", "FRAMES", _signed, "show each frame of the mask so many frames later; below 0, earlier"),
        (
            "between",
            "TIMES",
            str,
            "mark only then: 0:10-0:45, 12.5s-20s, or f240-f300, the end not included; several with commas",
        ),
    ):
        steps.add_argument(f"--{name}", action=_Step, type=kind, metavar=metavar, help=meaning)
    steps.add_argument("--invert", action=_Step, nargs=0, help="mark what is not marked")


class _Step(argparse.Action):
    """Collects the steps in the order in which they are written."""

    def __call__(self, _parser: Any, options: argparse.Namespace, value: Any, _option: str | None = None) -> None:
        options.steps = [*options.steps, (self.dest, None if value == [] else value)]


def _whole(pattern: str, expected: str) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not re.fullmatch(pattern, text):
            raise argparse.ArgumentTypeError(f"expected {expected}; got {text!r}")
        return int(text)

    return read


_number = _whole(r"[0-9]{1,7}", "a whole number from 0 on")
_signed = _whole(r"[+-]?[0-9]{1,7}", "a whole number of frames, such as -1")


def _edit(options: argparse.Namespace) -> int:
    """Make a mask of others, and write it as any kind: joined, cut, grown, limited to times, one object of a label map.
    Masks of another size or length are brought to that of MASK, or of --video."""
    from storage.media.times import parse_span
    from tasks.masks.editing import Edit, edit_mask

    spans = {"between": lambda text: tuple(parse_span(part.strip()) for part in text.split(","))}
    edited = edit_mask(
        options.mask,
        options.output,
        [Edit(name, spans[name](value) if name in spans else value) for name, value in options.steps],
        video=options.video,
        object_number=options.object,
        threshold=options.threshold,
        label=options.label,
    )
    print(json.dumps(dataclasses.asdict(edited), indent=2) if options.json else _described(edited))
    return 0


def _described(edited: "EditedMask") -> str:
    lines = [f"{mask} was brought to the size and length of the result" for mask in edited.fitted]
    marked = f"marks {edited.marked_frames} of {edited.frames} frames, {edited.share:.1%} of the picture in the mean"
    lines.append(f"{edited.output}: {edited.width}x{edited.height}, {marked}")
    if not edited.marked_frames:
        lines.append("nothing is marked: is the object, the time or the threshold right?")
    return "\n".join(lines)
