"""Commands for running a cluster: `dfvi cluster init`, `dfvi worker`."""

import argparse
import os
from contextlib import suppress
from typing import Any

from flows.cli import terminal

Subparsers = Any  # argparse keeps its class private


def add_cluster(subparsers: Subparsers) -> None:
    """Add `dfvi cluster init`."""
    parser = subparsers.add_parser("cluster", help="prepare a Prefect server for workers")
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    init = actions.add_parser("init", help="make the work pools on the Prefect server; may be repeated")
    init.set_defaults(command=_init_cluster)


def add_worker(subparsers: Subparsers) -> None:
    """Add `dfvi worker`."""
    parser = subparsers.add_parser(
        "worker", help="run what is due in a work pool, and bring lost runs back", description=_work.__doc__
    )
    parser.add_argument("--pool", default="dfvi", help="work pool to take runs from: dfvi, dfvi-datasets (dfvi)")
    parser.add_argument("--limit", type=int, default=1, metavar="N", help="runs at once (1)")
    parser.add_argument("--gpu", metavar="N", help="GPU of its runs, as CUDA_VISIBLE_DEVICES names it (all)")
    parser.add_argument("--name", help="name of the worker in Prefect (made up)")
    parser.set_defaults(command=_work)


COMMANDS = (add_cluster, add_worker)


def _init_cluster(options: argparse.Namespace) -> int:
    terminal.prepare_prefect(options.verbose)
    from flows.prefect_server.work_pools import init_cluster

    for line in init_cluster():
        print(line)
    print(
        "now: prefect deploy --all; dfvi worker (one for each GPU: --gpu 0); dfvi worker --pool dfvi-datasets --limit 8"
    )
    return 0


def _work(options: argparse.Namespace) -> int:
    """Take runs from a work pool until SIGTERM or Ctrl-C, then finish the one at hand; a second signal stops it too."""
    if options.gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = options.gpu  # the processes of its runs inherit it
    terminal.prepare_prefect(verbose=True)
    from flows.prefect_server.worker import run_worker

    run_worker(options.pool, options.limit, options.name, _say)
    return 0


def _say(line: str) -> None:
    with suppress(OSError):  # the terminal is gone: SIGHUP
        print(line, flush=True)
