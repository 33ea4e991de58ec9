"""Commands for network weights: `dfvi weights add | list | show`."""

import argparse
import dataclasses
import json
from pathlib import Path
from typing import Any

from storage.errors import InputError

Subparsers = Any  # argparse keeps its class private


def add_weights(subparsers: Subparsers) -> None:
    """Add `dfvi weights add`, `list` and `show`."""
    parser = subparsers.add_parser("weights", help="add published weight files, list what is stored")
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    add = actions.add_parser("add", help="check a checkpoint file against its network, and store it")
    add.add_argument("file", type=Path, help="file as its authors published it")
    add.add_argument("--network", help="name of the network, where the file fits several")
    add.add_argument("--origin", help="where the file came from, in words")
    add.set_defaults(command=_add)
    listing = actions.add_parser("list", help="networks, their stored weights, and where to get missing ones")
    listing.set_defaults(command=_list)
    show = actions.add_parser("show", help="everything known about the stored weights of a network")
    show.add_argument("network", help="name of the network, or the first digits of the SHA-256")
    show.set_defaults(command=_show)


COMMANDS = (add_weights,)


def _add(options: argparse.Namespace) -> int:
    from tasks.services.network_weights import add_weight_file, weights_folder

    note = add_weight_file(options.file, options.network, options.origin)
    print(f"{note.network}: {note.tensors} tensors, {note.parameters} parameters, stored as {note.sha256[:12]}")
    print(f"in {weights_folder()}")
    return 0


def _list(_options: argparse.Namespace) -> int:
    from tasks.services.network_weights import card_of, list_weights, missing_networks, weights_folder

    print(f"weights in {weights_folder()}:")
    for note in list_weights():
        card = card_of(note)
        where = f"ships with dfvi; what it is worth: {card}" if card else f"from {note.source_file}"
        print(f"  {note.network:<18} {note.sha256[:12]}  {note.bytes / 1e6:>7.1f} MB  {where}")
    for network in missing_networks():
        print(f"  {network.name:<18} missing: {network.file}, from {network.published}")
    return 0


def _show(options: argparse.Namespace) -> int:
    from tasks.services.network_weights import list_weights

    notes = [n for n in list_weights() if n.network == options.network or n.sha256.startswith(options.network)]
    if not notes:
        raise InputError(f"no weights are stored for {options.network!r}; `dfvi weights list` shows what is there")
    print(json.dumps([dataclasses.asdict(note) for note in notes], indent=2))
    return 0
