"""The command `dfvi mask find`."""

import argparse
import dataclasses
import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tasks.masks.captions import FoundCaptions
    from tasks.masks.finding import FoundLogos
    from tasks.masks.moving import FoundMotion

Subparsers = Any  # argparse keeps its class private


def add_find(subparsers: Subparsers) -> None:
    """Add the command `dfvi mask find VIDEO --logo|--captions|--moving -o OUT`."""
    parser = subparsers.add_parser(
        "find", help="propose masks of logos, captions, or what moves", description=_find.__doc__
    )
    parser.add_argument("video", metavar="VIDEO", help="video file, or folder of images")
    sought = parser.add_mutually_exclusive_group(required=True)
    sought.add_argument("--logo", action="store_true", help="look for what stands still over a moving picture")
    sought.add_argument("--captions", action="store_true", help="look for lines of text that come and go")
    sought.add_argument("--moving", action="store_true", help="look for what moves before a camera that stands still")
    parser.add_argument(
        "-o",
        "--output",
        required=True,
        type=Path,
        metavar="OUT",
        help="mask to write: .mkv, .mp4, .mov, .npz, .npy, .json (COCO RLE), or a folder of images; of a logo also a "
        ".png, of several the first, and OUT-2.png, ... beside it",
    )
    parser.add_argument(
        "--preview", type=Path, metavar="IMAGE", help="PNG of frames with what was found outlined (OUT-sheet.png)"
    )
    parser.add_argument("--json", action="store_true", help="print what was found as JSON")
    parser.set_defaults(command=_find)


def _find(options: argparse.Namespace) -> int:
    """Look for logos, opaque or half-transparent, also such as are there for a part of the time or change corners, and
    propose a mask of each; or for captions, or for what moves before a still camera, and propose one mask of all.
    Nothing is removed: look at the preview, and run the line that is printed."""
    from tasks.masks.captions import find_captions_in
    from tasks.masks.finding import find_logos_in
    from tasks.masks.moving import find_moving_in

    where = options.video, options.output, options.preview
    found: FoundLogos | FoundCaptions | FoundMotion
    if options.captions:
        found = find_captions_in(*where)
        described = _described_captions(found)
    elif options.moving:
        found = find_moving_in(*where)
        described = _described_motion(found)
    else:
        found = find_logos_in(*where)
        described = _described(found)
    print(json.dumps(dataclasses.asdict(found), indent=2) if options.json else described)
    return 0


def _described_motion(found: "FoundMotion") -> str:
    lines = [
        f"in frames {first} to {last} the camera moves, or the shot is too short; dfvi mask track follows what you mark"
        for first, last in found.moving_shots
    ]
    if found.mask is None:
        return "\n".join([*lines, "nothing that moves before a still camera was found"])
    lines.append(f"{found.mask}: marks {found.marked_frames} of {found.frames} frames, {found.share:.1%} of these")
    lines += [f"look at {found.sheet}, then:"]
    lines += [f"dfvi inpaint {shlex.quote(found.video)} --mask {shlex.quote(found.mask)} -o clean.mp4"]
    return "\n".join(lines)


def _described_captions(found: "FoundCaptions") -> str:
    if not found.captions:
        return (
            "no caption was found: no line of text comes or goes; if there is one, give a box with its times, "
            "x,y,w,h@0:10-0:12"
        )
    lines = []
    for each in found.captions:
        x, y, wide, high = each.box
        lines.append(f"{wide}x{high} pixels at {x},{y}, in frames {each.first} to {each.stop - 1} of {found.frames}")
    lines += [f"look at {found.sheet}, then:"]
    lines += [f"dfvi inpaint {shlex.quote(found.video)} --mask {shlex.quote(str(found.mask))} -o clean.mp4"]
    return "\n".join(lines)


def _described(found: "FoundLogos") -> str:
    if found.still:
        return (
            "the picture stands still for the most part: a logo cannot be told from it; paint a mask, or give a box "
            "--mask x,y,w,h"
        )
    if not found.logos:
        return "no logo was found: nothing stands still over the moving picture; if there is one, give a box x,y,w,h"
    lines = []
    for logo in found.logos:
        times = ", ".join(f"{first} to {stop - 1}" for first, stop in logo.frames)
        x, y, wide, high = logo.box
        lines.append(
            f"{logo.mask}: {wide}x{high} pixels at {x},{y}, in frames {times} of {found.frames}, "
            f"confidence {logo.confidence:.2f}"
        )
    masks = " ".join(f"--mask {shlex.quote(option)}" for logo in found.logos for option in logo.options)
    lines += [f"look at {found.sheet}, then:", f"dfvi inpaint {shlex.quote(found.video)} {masks} -o clean.mp4"]
    return "\n".join(lines)
