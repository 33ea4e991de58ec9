"""The `dfvi` command. Exit codes: 0 done, 1 a video failed, 2 bad input."""

import argparse
import os
import sys
import traceback
from collections.abc import Sequence

from dfvi_models.errors import ShapeError, TrainingError, WeightsError
from flows.cli.arguments import attach_boxes
from storage.cache.errors import StoreError
from storage.errors import InputError, refuse_secrets


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    options = _parser().parse_args(attach_boxes(sys.argv[1:] if arguments is None else arguments))
    try:
        if "root" in options:
            refuse_secrets(options.root)
        code: int = options.command(options)
        sys.stdout.flush()
    except (InputError, StoreError, WeightsError, ShapeError) as error:
        return _fail(str(error), 2, options.verbose)
    except TrainingError as error:
        return _fail(str(error), 1, options.verbose)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        return _fail(_explain(error), 1, options.verbose)
    except KeyboardInterrupt:
        return _fail("stopped; finished frames are kept, run the same command again to go on", 130, options.verbose)
    return code


def _fail(message: str, code: int, verbose: bool) -> int:
    if verbose:
        traceback.print_exc()
    lines = [" ".join(line.split()) for line in message.splitlines()]
    print("\n".join(f"dfvi: {line}" for line in lines if line), file=sys.stderr)
    return code


def _explain(error: OSError) -> str:
    where = f"{error.filename}: " if error.filename else ""
    return (
        f"{where}{error.strerror or error}; finished frames are kept: mend the cause, then run the same command again"
    )


def _parser() -> argparse.ArgumentParser:
    from flows.cli import batch as batch_commands
    from flows.cli import cluster as cluster_commands
    from flows.cli import evaluate as evaluate_commands
    from flows.cli import inpaint as commands
    from flows.cli import plan as plan_commands
    from flows.cli import store as store_commands
    from flows.cli import train, weights

    parser = argparse.ArgumentParser(
        prog="dfvi", description="Remove things from videos by deep flow-guided inpainting."
    )
    parser.add_argument("-v", "--verbose", action="store_true", help="show Prefect's own log, and tracebacks")
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")
    classical = (commands, plan_commands, batch_commands, cluster_commands, evaluate_commands, store_commands)
    for group in (*classical, train, weights):
        for add in group.COMMANDS:
            add(subparsers)
    return parser


if __name__ == "__main__":
    sys.exit(main())
