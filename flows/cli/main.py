"""The `dfvi` command, and what its exit codes mean.

0    done
1    a video failed, or the system did not let us: a full disk, no permission
2    what was given cannot be used
70   a fault of the program itself
128+ stopped by a signal
"""

import argparse
import errno
import os
import sys
import tempfile
import traceback
from collections.abc import Sequence
from typing import NoReturn

from flows.cli.stopping import SECONDS_TO_LEAVE, Listener, Stopped, leave_within

DONE, FAILED, BAD_INPUT, OWN_FAULT = 0, 1, 2, 70
OF_NAMES = {errno.ENAMETOOLONG, errno.EINVAL, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENOENT}
"""Errors of the system about a name that was given."""
LONGEST_LINE = 2000
LONGEST_NAME = 255


def run() -> NoReturn:
    """Be the command: end with its exit code, also where a thread of Prefect would still wait for a server."""
    _replace_closed_streams()
    listener = Listener()
    listener.listen()
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # names are what files are called
    listener.verbose = not {"-v", "--verbose"}.isdisjoint(sys.argv)
    code = main()
    leave_within(SECONDS_TO_LEAVE, code)
    sys.exit(code)


def _replace_closed_streams() -> None:
    """Put the null device where a standard stream was closed: a file would get its number, and what is printed."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            number = os.open(os.devnull, os.O_RDWR)  # the lowest free number: the stream's own
            os.set_inheritable(number, True)
            setattr(sys, name, os.fdopen(number, mode))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code. Whatever is raised becomes one line; `-v` shows where it was."""
    options = argparse.Namespace(verbose=False)
    try:
        _parse(arguments, options)
        code = _run_command(options)
        sys.stdout.flush()
        return code
    except Stopped as stopped:  # it has been said
        return stopped.code
    except KeyboardInterrupt:
        return _fail("stopped; finished frames are kept, run the same command again to go on", 130, options.verbose)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except Exception as error:
        return _fail(*_explain(error), options.verbose)


def _parse(arguments: Sequence[str] | None, options: argparse.Namespace) -> None:
    from flows.cli.arguments import attach_boxes, refuse_no_text

    given = sys.argv[1:] if arguments is None else arguments
    refuse_no_text(given)
    _parser().parse_args(attach_boxes(given), options)


def _run_command(options: argparse.Namespace) -> int:
    from storage.errors import refuse_secrets

    if "root" in options:
        refuse_secrets(options.root)
    code: int = options.command(options)
    return code


def _explain(error: Exception) -> tuple[str, int]:
    """Say in one line what an error means for the user, and with which exit code.

    Whoever reads what was given says by InputError that it cannot be used, in whatever way it is bad (see
    storage.errors.reading). So anything else is a fault of the program.
    """
    from dfvi_models.errors import MethodError, ShapeError, TrainingError, WeightsError
    from storage.cache.errors import StoreError
    from storage.errors import InputError

    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    if isinstance(error, InputError | StoreError | WeightsError | MethodError | ShapeError):
        return str(error), BAD_INPUT
    if isinstance(error, TrainingError):
        return str(error), FAILED
    if isinstance(error, UnicodeEncodeError) and error.reason == "surrogates not allowed":
        name = error.object[-LONGEST_NAME:]
        return f"a name is no text in UTF-8, near {name!r}: rename the file or folder, or set LANG=C.UTF-8", BAD_INPUT
    if isinstance(error, OSError) and error.errno in OF_NAMES and not _a_run_has_begun():
        return f"{error.filename or 'the current folder'}: {error.strerror}", BAD_INPUT
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        reason = f"{where}{error.strerror or error}"
        return f"{reason}; finished frames are kept: mend the cause, then run the same command again", FAILED
    if isinstance(error, MemoryError):
        return "there is not enough memory; finished frames are kept: use fewer --threads, or a smaller clip", FAILED
    kept = "; finished frames are kept" if _a_run_has_begun() else ""
    return f"this is a fault of dfvi itself: {what}; {_keep_traceback(error)}{kept}", OWN_FAULT


def _keep_traceback(error: Exception) -> str:
    """Write down where an error was raised, which may not be seen again; return where that is."""
    try:
        number, name = tempfile.mkstemp(prefix="dfvi-fault-", suffix=".txt")
        with os.fdopen(number, "w", errors="backslashreplace") as file:
            file.writelines(traceback.format_exception(error))
    except OSError:
        return "-v shows where"
    return f"{name} says where"


def _a_run_has_begun() -> bool:
    module = sys.modules.get("flows.prefect_server.everywhere")
    return module is not None and bool(module.was_used())


def _fail(message: str, code: int, verbose: bool) -> int:
    if verbose:
        traceback.print_exc()
    lines = [" ".join(line.split()) for line in message.splitlines()]
    text = "\n".join(f"dfvi: {_shortened(line)}" for line in lines if line)
    print(text.encode(errors="backslashreplace").decode(), file=sys.stderr)  # names may be no text
    return code


def _shortened(line: str) -> str:
    return line if len(line) <= LONGEST_LINE else f"{line[:LONGEST_LINE]}..."


def _parser() -> argparse.ArgumentParser:
    from flows.cli import batch as batch_commands
    from flows.cli import cluster as cluster_commands
    from flows.cli import evaluate as evaluate_commands
    from flows.cli import inpaint as commands
    from flows.cli import store as store_commands
    from flows.cli import train, weights
    from flows.cli.looking import plan as plan_commands
    from flows.cli.looking import results, studio, watch
    from flows.cli.masks import group as mask_commands

    parser = argparse.ArgumentParser(
        prog="dfvi", description="Remove things from videos by deep flow-guided inpainting."
    )
    parser.add_argument("-v", "--verbose", action="store_true", help="show Prefect's own log, and tracebacks")
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")
    videos = (commands, results, mask_commands, plan_commands, batch_commands, cluster_commands)
    for group in (*videos, studio, watch, evaluate_commands, store_commands, train, weights):
        for add in group.COMMANDS:
            add(subparsers)
    return parser


if __name__ == "__main__":
    run()
