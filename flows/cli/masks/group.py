"""The group of commands `dfvi mask`."""

from typing import Any

from flows.cli.masks.check import add_check
from flows.cli.masks.edit import add_edit
from flows.cli.masks.find import add_find
from flows.cli.masks.grow import add_grow
from flows.cli.masks.track import add_track

Subparsers = Any  # argparse keeps its class private


def add_mask_commands(subparsers: Subparsers) -> None:
    """Add the commands below `dfvi mask`."""
    parser = subparsers.add_parser("mask", help="find, track, grow, check and edit masks")
    below = parser.add_subparsers(required=True, metavar="COMMAND")
    for add in (add_find, add_track, add_grow, add_check, add_edit):
        add(below)


COMMANDS = (add_mask_commands,)
