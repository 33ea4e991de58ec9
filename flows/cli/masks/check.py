"""The command `dfvi mask check`."""

import argparse
import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.cli.arguments import add_configuration, add_mask, configuration

if TYPE_CHECKING:
    from tasks.masks.checking import CheckedMask

Subparsers = Any  # argparse keeps its class private


def add_check(subparsers: Subparsers) -> None:
    """Add the command `dfvi mask check VIDEO --mask MASK`."""
    parser = subparsers.add_parser(
        "check", help="show a mask over its video, and say what is odd about it", description=_check.__doc__
    )
    parser.add_argument("video", metavar="VIDEO", help="video file, or folder of images")
    add_mask(parser, required=True)
    parser.add_argument("-o", "--output", dest="sheet", type=Path, metavar="IMAGE", help="PNG image of both to write")
    add_configuration(parser)
    parser.add_argument("--json", action="store_true", help="print what was found as JSON")
    parser.set_defaults(command=_check)


def _check(options: argparse.Namespace) -> int:
    """Look at a mask before a run: is it inverted, of another size or length, a frame late, does it jump, is it missing
    somewhere, has it gaps? What is odd is a warning, with the command that mends it; the exit code stays 0."""
    from tasks.masks.checking import check_mask

    checked = check_mask(options.video, options.mask, configuration(options).decode, options.sheet)
    print(json.dumps(dataclasses.asdict(checked), indent=2) if options.json else _described(checked))
    return 0


def _described(checked: "CheckedMask") -> str:
    lines = [
        f"{checked.mask} marks {checked.marked_frames} of {checked.frames} frames of {checked.video}, "
        f"{checked.share:.1%} of the picture in the mean, most in frame {checked.largest}"
    ]
    lines += [f"{warned.kind}: {warned.text}" for warned in checked.warnings] or ["nothing odd was found"]
    lines += [f"look at {checked.sheet}"] if checked.sheet else []
    return "\n".join(lines)
