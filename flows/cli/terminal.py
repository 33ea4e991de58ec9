"""What all commands share: the default root, and how Prefect is kept quiet on the terminal."""

import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from storage.errors import InputError

if TYPE_CHECKING:
    from flows.datasets.dataset import BadDatasetError

DEFAULT_ROOT = os.environ.get("DFVI_ROOT", ".dfvi")
REPOSITORY = Path(__file__).parents[2]
OWN_FOLDERS = tuple(REPOSITORY / package for package in ("flows", "tasks", "storage", "dfvi_models"))


def prepare_prefect(verbose: bool) -> None:
    """Set Prefect up for a command: no telemetry, no server of its own, and only our own log lines on the terminal."""
    from flows.prefect_server.everywhere import NO_SERVER_OF_ITS_OWN, past_proxies

    os.environ |= NO_SERVER_OF_ITS_OWN | past_proxies(os.environ)
    os.environ.setdefault("DO_NOT_TRACK", "1")
    os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
    os.environ.setdefault("PREFECT_LOGGING_LEVEL", "INFO")
    import prefect.main  # noqa: F401  (sets up its logging)

    if not verbose:
        loggers = [logging.getLogger(), *map(logging.getLogger, list(logging.root.manager.loggerDict))]
        for handler in {handler for logger in loggers for handler in logger.handlers}:
            if isinstance(handler, logging.StreamHandler):  # not those that send to the server
                handler.addFilter(_is_ours)
        logging.raiseExceptions = False  # or Prefect writes to the terminal that it could not send a log


def show_bad(error: "BadDatasetError") -> NoReturn:
    """Print every bad video of a dataset as a table, then raise the sentence above it as InputError."""
    width = max(len(entry.name) for entry in error.bad)
    print("\n".join(f"{entry.name:<{width}}  {entry.problem}" for entry in error.bad), file=sys.stderr)
    raise InputError(str(error).splitlines()[0].rstrip(":"))


def _is_ours(record: logging.LogRecord) -> bool:
    return any(Path(record.pathname).is_relative_to(folder) for folder in OWN_FOLDERS)
