"""Commands that show what a run made: `dfvi plate`."""

import argparse
import dataclasses
import json
from pathlib import Path
from typing import Any

from flows.cli.arguments import add_video, configuration

Subparsers = Any  # argparse keeps its class private


def add_plate(subparsers: Subparsers) -> None:
    """Add the command `dfvi plate VIDEO --mask MASK -o IMAGE`."""
    parser = subparsers.add_parser(
        "plate", help="write a filled frame as an image to paint on, for --plate", description=_plate.__doc__
    )
    add_video(parser)
    parser.add_argument("-o", "--output", dest="image", required=True, metavar="IMAGE", help="PNG image to write")
    parser.add_argument(
        "--frame", type=int, metavar="N", help="frame of the video (the one most of whose hole was invented)"
    )
    parser.add_argument("--json", action="store_true", help="print frame, hole and box as JSON")
    parser.set_defaults(command=_plate)


COMMANDS = (add_plate,)


def _plate(options: argparse.Namespace) -> int:
    """Write a frame as a run with these options filled it. Paint on it what the hole hides, and run again with it."""
    from flows.pipeline.naming import choose_name
    from flows.pipeline.plan import find_filled
    from storage.cache.root import Root
    from storage.media.writing import write_image
    from tasks.decode import MediaInput
    from tasks.services.plate_start import plate_start
    from tasks.stage.cached_stage import Job

    config = configuration(options)
    video, mask = MediaInput.video(options.video), MediaInput.mask(options.mask)
    name = options.name or choose_name(Root.find(options.root), config, video, mask)
    found = find_filled(options.root, name, config, video, mask)
    start = plate_start(Job(options.root, name), found.clip, found.filled, options.frame)
    write_image(Path(options.image), start.image)
    if options.json:
        told = {field.name: getattr(start, field.name) for field in dataclasses.fields(start) if field.name != "image"}
        print(json.dumps(told | {"output": options.image}, indent=2))
    else:
        print(
            f"{options.image}: frame {start.frame} of {name} as it is filled; of the {start.hole} pixels of its hole, "
            f"which lies in the box {','.join(map(str, start.box))}, {start.invented} were invented\n"
            f"paint inside the hole, then run again with --plate {start.frame}={options.image}"
        )
    return 0
