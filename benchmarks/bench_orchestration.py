"""What orchestration costs: from typing the command to the first chunk on disk, cold and warm, and a run in which
every stage is reused. Whole processes, in a home of their own."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import report
from tasks.services.demo_clip import make_demo_clip

REPEATS = 5


def command(*arguments: str) -> list[str]:
    """The command line that runs dfvi here."""
    return [sys.executable, "-m", "flows.cli.main", *arguments]


def environment(folder: Path) -> dict[str, str]:
    """No Prefect settings but a home below `folder`."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    return clean | {"PREFECT_HOME": str(folder / "home")}


def inpaint(root: str) -> list[str]:
    """A run of the demo's clip on a root of its own."""
    names = ("stamped.mkv", "--mask", "mask", "-o", f"{root}.mp4", "--root", root)
    return command("inpaint", names[0], *names[1:])


def seconds_to_first_chunk(folder: Path, root: str) -> float:
    """Start a run, wait until the first frame is on disk, and let it finish."""
    started = time.perf_counter()
    process = subprocess.Popen(inpaint(root), cwd=folder, env=environment(folder), stdout=subprocess.DEVNULL)
    while not list((folder / root).glob("*/decode/*/frames/c.0.*")):
        if process.poll() is not None:
            raise SystemExit(f"the run ended with exit code {process.returncode} before its first chunk")
        time.sleep(0.005)
    seconds = time.perf_counter() - started
    if process.wait():
        raise SystemExit(f"the run ended with exit code {process.returncode}")
    return seconds


def main() -> None:
    """Run the benchmark."""
    report.header("orchestration")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_demo_clip(folder, 6)
        here = {"cwd": folder, "env": environment(folder), "check": True, "stdout": subprocess.DEVNULL}
        try:
            report.figure("command to first chunk, empty home", seconds_to_first_chunk(folder, "cold"), "s")
            warm = sorted(seconds_to_first_chunk(folder, f"warm{i}") for i in range(REPEATS))
            report.figure("command to first chunk, warm, median", warm[REPEATS // 2], "s")
            report.figure("  slowest", warm[-1], "s")
            report.timing("rerun in which every stage is reused", lambda: rerun(here), REPEATS, unit="run")
            report.timing("plan of the same run", lambda: plan(here), REPEATS, unit="run")
            baseline = [sys.executable, "-c", "import prefect.main"]
            report.timing("importing Prefect alone", lambda: subprocess.run(baseline, **here), REPEATS, unit="run")
        finally:
            subprocess.run(command("server", "stop"), **here)


def rerun(here: dict[str, object]) -> None:
    """The cold run again: everything is stored."""
    subprocess.run(inpaint("cold"), **here)  # type: ignore[call-overload]


def plan(here: dict[str, object]) -> None:
    """Plan the cold run."""
    names = ("stamped.mkv", "--mask", "mask", "-o", "cold.mp4", "--root", "cold")
    subprocess.run(command("plan", *names), **here)  # type: ignore[call-overload]


if __name__ == "__main__":
    main()
