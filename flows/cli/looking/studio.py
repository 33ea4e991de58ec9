"""The command `dfvi studio`: a page in the browser in which things are marked, removed and looked at."""

import argparse
from typing import Any

from flows.cli.arguments import add_root

Subparsers = Any  # argparse keeps its class private


def add_studio(subparsers: Subparsers) -> None:
    """Add the command `dfvi studio [VIDEO|FOLDER]`."""
    parser = subparsers.add_parser(
        "studio", help="mark and remove things in a page of your browser", description=_studio.__doc__
    )
    parser.add_argument(
        "place", nargs="?", default=".", metavar="VIDEO|FOLDER", help="what to open; the current folder if left out"
    )
    parser.add_argument("--port", type=int, default=0, metavar="N", help="port on this machine (one that is free)")
    parser.add_argument("--no-browser", action="store_true", help="only print the address")
    add_root(parser)
    parser.set_defaults(command=_studio)


COMMANDS = (add_studio,)


def _studio(options: argparse.Namespace) -> int:
    """Open a page in the browser in which you mark what shall go, have it removed, and look at the result."""
    from flows.studio.serve import serve

    serve(options.place, options.root, options.port, with_browser=not options.no_browser)
    return 0
