"""What every benchmark prints: machine, commit and seed first, then medians with their spread, then ratios.

report.header("propagation", seed=0)
slow = report.timing("plain NumPy", run_plain, repeats=3)
fast = report.timing("compiled", run_compiled, repeats=9)
report.ratio("compiled against plain NumPy", slow, fast, required=80)
"""

import os
import platform
import statistics
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

PACKAGES = ("numpy", "numba", "opencv-python", "torch", "zarr", "prefect")


@dataclass(frozen=True)
class Timing:
    """Seconds of some equal runs, after one run that is not counted."""

    seconds: tuple[float, ...]
    items: int
    """How many items (frames, pairs) one run works off; figures are printed per item."""

    @property
    def median(self) -> float:
        """Median of the runs, seconds per item."""
        return statistics.median(self.seconds) / self.items


def header(title: str, *, seed: int | None = None) -> None:
    """Print what the figures below were measured on."""
    print(f"# {title}")
    print(
        f"machine  {_processor()}, {len(os.sched_getaffinity(0))} cores, {_memory_gib():.0f} GiB, {platform.system()}"
    )
    print(f"python   {platform.python_version()}, " + ", ".join(f"{name} {version(name)}" for name in PACKAGES))
    print(f"commit   {_commit()}")
    if seed is not None:
        print(f"seed     {seed}")


def timing(
    name: str,
    function: Callable[[], object],
    repeats: int,
    *,
    items: int = 1,
    unit: str = "run",
    clock: Callable[[], float] = time.perf_counter,
) -> Timing:
    """Run a function once to warm up and `repeats` times on the clock; print median and range per item.

    clock : `time.process_time` for work on one thread: other users of the machine then count less.
    """
    function()
    seconds = []
    for _ in range(repeats):
        start = clock()
        function()
        seconds.append(clock() - start)
    result = Timing(tuple(seconds), items)
    low, high = (1e3 * extreme(seconds) / items for extreme in (min, max))
    print(f"{name:<48} {1e3 * result.median:10.3f} ms/{unit}  ({low:.3f} to {high:.3f}, {repeats} runs)")
    return result


def ratio(name: str, slow: Timing, fast: Timing, *, required: float | None = None) -> float:
    """Print how many times faster the second is, by medians; raises SystemExit where less than required."""
    times = slow.median / fast.median
    print(f"{name:<48} {times:10.1f} x" + (f"  (required: {required:g})" if required is not None else ""))
    if required is not None and times < required:
        raise SystemExit(f"{name}: {times:.1f} x, required {required:g}")
    return times


def figure(name: str, value: float, unit: str, *, at_most: float | None = None) -> None:
    """Print any other measured value; raises SystemExit where it is more than allowed."""
    print(f"{name:<48} {value:10.4g} {unit}" + (f"  (allowed: {at_most:g})" if at_most is not None else ""))
    if at_most is not None and value > at_most:
        raise SystemExit(f"{name}: {value:.4g} {unit}, allowed {at_most:g}")


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _memory_gib() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


def _commit() -> str:
    git = ["git", "-C", str(Path(__file__).parent)]
    done = subprocess.run([*git, "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=False)
    changed = subprocess.run([*git, "status", "--porcelain"], capture_output=True, text=True, check=False)
    return (done.stdout.strip() or "unknown") + (" with local changes" if changed.stdout.strip() else "")
