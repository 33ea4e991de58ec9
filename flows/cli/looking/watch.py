"""The command `dfvi watch`: a run while it goes on, on the terminal."""

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from flows.cli import terminal
from storage.errors import InputError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from flows.prefect_server.watching import RunWatcher, Server, VideoRun, WatchedRun

Subparsers = Any  # argparse keeps its class private
SECONDS_TO_GIVE_UP = 600.0
"""A server that is silent for so long is not waited for any more."""
SHOWN = 12
"""Videos of a kind on the terminal at once."""


def add_watch(subparsers: Subparsers) -> None:
    """Add the command `dfvi watch`."""
    parser = subparsers.add_parser(
        "watch", help="show how far a run is: videos, stages, failures, time left", description=_watch.__doc__
    )
    parser.add_argument("run", nargs="?", metavar="RUN", help="name or id of a run in Prefect (the newest under way)")
    parser.add_argument("--every", type=float, default=1.0, metavar="SECONDS", help="how often to look (1)")
    parser.add_argument("--once", action="store_true", help="show how it is now, and end")
    parser.set_defaults(command=_watch)


COMMANDS = (add_watch,)


def _watch(options: argparse.Namespace) -> int:
    """Show a run of a dataset, sweep or video until it ends. Piped, a line for each change. Stopping this stops
    nothing."""
    terminal.prepare_prefect(options.verbose)
    from flows.prefect_server.watching import RunWatcher

    looks = follow(RunWatcher(_server, options.run), every=max(options.every, 0.2), once=options.once)
    last = show_live(looks) if sys.stdout.isatty() else print_changes(looks)
    return 0 if last is None or options.once or last.is_good else 1


def _server() -> "Server | None":
    """Return the server of the profile, or the one in the background that runs now."""
    from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL

    from flows.prefect_server import background
    from flows.prefect_server.watching import Server

    if url := PREFECT_API_URL.value():
        auth = PREFECT_API_AUTH_STRING.value()
        return Server(url, auth.get_secret_value() if auth else None)
    found = background.running()
    return Server(found.url, found.auth) if found else None


def follow(
    watcher: "RunWatcher", *, every: float, once: bool = False, sleep: Callable[[float], None] = time.sleep
) -> Iterator["WatchedRun | str"]:
    """Look again and again until the run is over; yield the run, or a text that says why it cannot be seen.

    A server that is away is asked again, wherever it comes back.
    Raises : InputError if it is away from the start, or there is no such run; ConnectionError if it stays away.
    """
    import httpx

    last_seen: float | None = None
    while True:
        try:
            run = watcher.look()
        except (httpx.HTTPError, OSError) as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            if last_seen is None:
                raise InputError(f"no Prefect server answers ({reason}); start a run first") from None
            if time.monotonic() - last_seen > SECONDS_TO_GIVE_UP:
                raise ConnectionError(f"the Prefect server has not come back ({reason})") from None
            yield f"the Prefect server does not answer ({reason}); the run goes on, asking again"
        else:
            last_seen = time.monotonic()
            yield run
            if run.is_over or once:
                return
        sleep(every)


def print_changes(looks: Iterator["WatchedRun | str"]) -> "WatchedRun | None":
    """Print a line for each change, for pipes and logs; return the run as it was last."""
    last: WatchedRun | None = None
    said: set[str] = set()
    trouble = ""
    for look in looks:
        if isinstance(look, str):
            if look != trouble:
                print(look, flush=True)
            trouble = look
            continue
        if trouble:
            print("the Prefect server answers again", flush=True)
        trouble, last = "", look
        for line in _lines(look):
            if line not in said:
                said.add(line)
                print(line if line.startswith(look.name) else f"{line} ({_counts(look)})", flush=True)
    return last


def _lines(run: "WatchedRun") -> list[str]:
    """What there is to say of a run; each line is said once. Stages come and go too fast for a log."""
    lines = [f"{run.name}: {run.flow} {run.state.lower()}"] if not run.is_over else []
    lines += [f"{video.name}: {video.state.lower()}: {video.error}" for video in reversed(run.bad)]
    lines += [f"{video.name}: done in {video.seconds:.1f} s" for video in reversed(run.finished)]
    lines += [f"{video.name}: running" for video in run.running]
    if run.is_over:
        lines.append(f"{run.name}: {run.flow} {run.state.lower()} after {run.seconds:.0f} s, {_counts(run)}")
    return lines


def _counts(run: "WatchedRun") -> str:
    of = f" of {run.total}" if run.total is not None else ""
    return f"{run.done}{of} done" + (f", {run.failed} failed" if run.failed else "")


def show_live(looks: Iterator["WatchedRun | str"]) -> "WatchedRun | None":
    """Show the run in place on a terminal; return it as it was last."""
    from rich.console import Group
    from rich.live import Live
    from rich.text import Text

    last: WatchedRun | None = None
    with Live(auto_refresh=False, transient=False) as live:
        for look in looks:
            if isinstance(look, str):
                shown = [render(last)] if last else []
                live.update(Group(*shown, Text(look, style="yellow")), refresh=True)
                continue
            last = look
            live.update(render(look), refresh=True)
    return last


def render(run: "WatchedRun") -> "RenderableType":
    """Return the run as a table: what failed, what runs, what was done last; above it counts, rate and time left."""
    from rich.console import Group
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    done = run.done + run.failed
    head = Text.assemble(
        (run.name, "bold"),
        f"  {run.flow} ",
        (run.state, _colour(run.state)),
        f"  {_counts(run)}, {_clock(run.seconds)}",
    )
    if run.finished and run.seconds and not run.is_over:
        head.append(f", {60 * done / run.seconds:.1f} a minute")
    if (left := run.seconds_left) is not None:
        head.append(f", about {_clock(left)} left")
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name, justify in (("video", "left"), ("state", "left"), ("time", "right"), ("stage", "left")):
        table.add_column(name, justify=justify, no_wrap=name != "stage", overflow="ellipsis")  # type: ignore[arg-type]
    for video in (*run.bad[:SHOWN], *run.running[:SHOWN], *run.finished[: max(2, SHOWN - len(run.running))]):
        table.add_row(video.name, Text(video.state, style=_colour(video.state)), _clock(video.seconds), _doing(video))
    if not run.total:
        return Group(head, table)
    bar = Table.grid()  # a bar alone has no end of line
    bar.add_row(ProgressBar(total=run.total, completed=done, width=60))
    return Group(head, bar, table)


def _doing(video: "VideoRun") -> str:
    if video.error:
        return video.error
    return video.stage + (f" {video.percent:.0f} %" if video.percent is not None else "")


def _colour(state: str) -> str:
    return {"Completed": "green", "Running": "cyan", "Failed": "red", "Crashed": "red"}.get(state, "yellow")


def _clock(seconds: float) -> str:
    """Seconds as people write them: 4.1 s, 3:05, 2:00:00."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
