"""Arguments that several commands take: a video, the root, the run configuration."""

import argparse
import os
import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.cli import terminal

if TYPE_CHECKING:
    from flows.configs.run_config import RunConfig


TAKE_MASKS = ("--mask", "--add", "--subtract", "--intersect")
"""Options whose value is a mask."""


def configuration(options: argparse.Namespace, preset: str | None = None) -> "RunConfig":
    """Return the run configuration that the options ask for; the container follows the output's name unless set.

    preset : takes the place of the one that the options name.
    """
    from flows.configs.run_config import load_config
    from storage.media.codecs import container_of

    sections: dict[str, Any] = {"encode": {}}
    if getattr(options, "plate", None):
        sections["plates"] = dict(options.plate)
    if getattr(options, "output", None):
        sections["encode"]["container"] = container_of(Path(options.output))
    ends = {"start": getattr(options, "begin", None), "stop": getattr(options, "end", None)}
    if chosen := {name: text for name, text in ends.items() if text is not None}:
        sections["decode"] = chosen | {"rest": "keep"}
    if getattr(options, "keep", None):
        sections["keep"] = options.keep
    if getattr(options, "max_disk", None):
        sections["max_disk"] = options.max_disk
    return load_config(preset or options.preset, options.config, options.set, **sections)


def at_least_one(text: str) -> int:
    """Return the number that a count of threads is given as; argparse says what is wrong with another."""
    if not re.fullmatch(r"[0-9]{1,6}", text) or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1 on; got {text!r}")
    return int(text)


def share(text: str) -> float:
    """A number from 0 to 1."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"expected a number from 0 to 1; got {text!r}")
    return value


def refuse_no_text(arguments: Sequence[str]) -> None:
    """Refuse arguments that name nothing: empty, with characters that no name can have, or `--option=--`.

    An empty path would be the current folder, which is not what a script meant whose variable is unset. argparse makes
    an empty list of the last one. What is not UTF-8 cannot go into Prefect's records, nor into ours.
    Raises : InputError
    """
    from storage.errors import InputError, reading

    if list(arguments).count("--") > 1:
        raise InputError("-- stands twice; after the first one, write ./-- for a file of that name")
    for before, argument in pairwise(["", *arguments]):
        if not argument or re.fullmatch("--[a-z-]+=", argument):
            what = argument[:-1] or (f"what follows {before}" if before else "the first argument")
            raise InputError(f"{what} is empty; give a value (is a variable of the shell unset?)")
        with reading(f"the argument {argument!r}"):
            if b"\0" in os.fsencode(argument) or re.fullmatch("--[a-z-]+=--", argument):
                raise InputError(f"the argument {argument!r} gives no value that could be used; write another")
        if not argument.isascii() and argument != argument.encode(errors="replace").decode():
            raise InputError(f"the argument {argument!r} is no text in UTF-8; rename the file, or set LANG=C.UTF-8")


def attach_boxes(arguments: Sequence[str]) -> list[str]:
    """Return the arguments with boxes that begin with a minus sign attached to the option before them.

    argparse takes them for options otherwise.
    """
    attached: list[str] = []
    for argument in arguments:
        if attached and attached[-1] in TAKE_MASKS and re.match(r"-\d", argument):
            attached[-1] = f"{attached[-1]}={argument}"
        else:
            attached.append(argument)
    return attached


def moment(text: str) -> str:
    """Return a time in a video as one text; argparse says what is wrong with another."""
    from storage.errors import InputError
    from storage.media.times import parse_moment

    try:
        return str(parse_moment(text))
    except InputError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def frame_and_image(text: str) -> tuple[int, str]:
    """Return the number of a frame and the image of a plate, given as 37=clean.png; argparse says what is wrong."""
    frame, _, image = text.partition("=")
    if not re.fullmatch(r"[0-9]{1,9}", frame) or not image:
        raise argparse.ArgumentTypeError(f"expected the number of a frame and an image, as 37=clean.png; got {text!r}")
    return int(frame), image


class _UniteMasks(argparse.Action):
    """Collects repeated masks into the text of their union."""

    def __call__(self, _parser: Any, options: argparse.Namespace, value: Any, _option: str | None = None) -> None:
        from storage.media.masks.kinds.union import SEPARATOR

        before = getattr(options, self.dest)
        setattr(options, self.dest, value if before is None else before + SEPARATOR + value)


def add_video(parser: argparse.ArgumentParser, *, mask_required: bool = True) -> None:
    """Add the arguments that name a video, its mask, the root and the configuration."""
    parser.add_argument("video", metavar="VIDEO", help="video file, or folder of images")
    add_mask(parser, required=mask_required)
    parser.add_argument(
        "--from",
        dest="begin",
        type=moment,
        metavar="TIME",
        help="work on the video from here on, and leave what is before as it is: 0:10, 1:02:03.5, 12.5s, or f250, a "
        "frame counted from 0 (the start)",
    )
    parser.add_argument(
        "--to",
        dest="end",
        type=moment,
        metavar="TIME",
        help="work on the video up to here, the frame shown then not included, and leave the rest as it is (the end)",
    )
    parser.add_argument(
        "--plate",
        action="append",
        type=frame_and_image,
        metavar="FRAME=IMAGE",
        help="a frame painted by hand: what the image shows inside the hole is taken as seen, and carried to the other "
        "frames; may be repeated; `dfvi plate` writes a frame to start from",
    )
    parser.add_argument(
        "--keep",
        choices=("all", "tune", "result"),
        help="which results stay: all; tune, what changed parameters may need; result, next to nothing (tune)",
    )
    parser.add_argument(
        "--max-disk", metavar="SIZE", help="refuse to begin if the results would take more, as 20GB; what helps is said"
    )
    parser.add_argument("--name", help="name of the video below the root (the file's)")
    add_root(parser)
    add_configuration(parser)


def add_mask(parser: argparse.ArgumentParser, *, required: bool) -> None:
    """Add the option that names masks."""
    parser.add_argument(
        "--mask",
        required=required,
        action=_UniteMasks,
        help="what to remove: video, folder, image, NumPy array, COCO RLE, a box x,y,w,h, or alpha; white is removed; "
        "with @ and a time, as logo.png@0:10-0:45.5, from then until then only; repeated, all of them",
    )


def add_root(parser: argparse.ArgumentParser) -> None:
    """Add the option that names the root."""
    parser.add_argument(
        "--root",
        default=terminal.DEFAULT_ROOT,
        help=f"where results are stored: a folder, or s3://bucket/prefix ({terminal.DEFAULT_ROOT}, or DFVI_ROOT)",
    )


def add_configuration(parser: argparse.ArgumentParser) -> None:
    """Add the options that make the run configuration."""
    parser.add_argument(
        "--preset", default="default", help="default, fast, quality, paper; paper-rule and paper-rule-plus compare"
    )
    parser.add_argument("--config", type=Path, metavar="YAML", help="run configuration, laid over the preset")
    parser.add_argument(
        "--set", action="append", default=[], metavar="STAGE.PARAM=VALUE", help="one parameter; may be repeated"
    )
