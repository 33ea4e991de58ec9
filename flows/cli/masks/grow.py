"""The command `dfvi mask grow`."""

import argparse
import dataclasses
import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.cli.arguments import add_mask, add_root, at_least_one, share

if TYPE_CHECKING:
    from tasks.masks.growing import GrownMask

Subparsers = Any  # argparse keeps its class private


def add_grow(subparsers: Subparsers) -> None:
    """Add the command `dfvi mask grow VIDEO --mask MASK -o OUT`."""
    parser = subparsers.add_parser(
        "grow", help="propose a mask that takes in shadows and blurred edges", description=_grow.__doc__
    )
    parser.add_argument("video", metavar="VIDEO", help="video file, or folder of images")
    add_mask(parser, required=True)
    parser.add_argument(
        "-o",
        "--output",
        required=True,
        type=Path,
        metavar="OUT",
        help="mask to write: .mkv, .mp4, .mov, .npz, .npy, .json (COCO RLE), or a folder of images",
    )
    parser.add_argument(
        "--preview", type=Path, metavar="IMAGE", help="PNG of frames, what joined in green (OUT-sheet.png)"
    )
    parser.add_argument(
        "--reach",
        type=share,
        metavar="SHARE",
        help="how far it may grow, of the frame's shorter side: 0 to 1 (grow_holes.reach)",
    )
    parser.add_argument("--name", help="name of the video below the root (the file's)")
    add_root(parser)
    parser.add_argument("--threads", type=at_least_one, metavar="N", help="threads to use (all cores)")
    parser.add_argument("--json", action="store_true", help="print what joined as JSON")
    parser.set_defaults(command=_grow)


def _grow(options: argparse.Namespace) -> int:
    """Look beside a mask for shadows and blurred edges of what it marks: where several other frames show the place lit,
    and the mask does not, it grows. Writes the mask that is proposed, and an image to look at; nothing is removed."""
    from flows.pipeline.runner import available_threads
    from storage.cache.names import name_of_video
    from storage.cache.root import Root
    from tasks.decode import DecodeParams
    from tasks.grow_holes import GrowHolesParams
    from tasks.masks.growing import grow_mask
    from tasks.stage.cached_stage import Job

    root, name = Root.create(options.root), options.name or name_of_video(options.video)
    record = root.start_run("grow", name)
    job = Job(str(root.path), name, options.threads or available_threads(), record=record)
    sheet = options.preview or options.output.with_name(f"{options.output.stem}-sheet.png")
    growth = GrowHolesParams() if options.reach is None else GrowHolesParams(reach=options.reach)
    found = grow_mask(job, options.video, options.mask, options.output, sheet, DecodeParams(dilation=0), growth)
    record.finish(dataclasses.asdict(found))
    print(json.dumps(dataclasses.asdict(found), indent=2) if options.json else _described(found))
    return 0


def _described(found: "GrownMask") -> str:
    if not found.grown_frames:
        return (
            f"{found.output}: nothing joined; beside the mask no shadow is darker than other frames show, or none "
            f"shows the place (look at {found.sheet})"
        )
    return "\n".join(
        [
            f"{found.output}: {found.added:.1%} joined the mask, in {found.grown_frames} of {found.frames} frames, "
            f"most in frame {found.most_grown}",
            f"look at {found.sheet}, then:",
            f"dfvi inpaint {shlex.quote(found.video)} --mask {shlex.quote(found.output)} -o clean.mp4",
        ]
    )
