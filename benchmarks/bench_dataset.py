"""Whole datasets: two workers against one, and what the Prefect server costs for each video.

    python -m benchmarks.bench_dataset                        throughput; ten minutes on a quiet machine
    python -m benchmarks.bench_dataset load --videos 200      tiny videos, SQLite
    python -m benchmarks.bench_dataset load --videos 200 --database postgresql

Each run is a `dfvi batch` process on a server of its own. Throughput is that of processes with one thread and one core
each (a thread more compresses and encodes beside it), from the first video to the last table, starting the processes
included; the server may use all cores.
"""

import argparse
import json
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks import report
from tests.clips import panning_clip
from tests.postgres import postgres
from tests.real_cluster import Cluster

TIMES_FASTER = 1.8  # two workers against one, asked for
FRAMES = 30  # of each of eight clips of 854x480
OVERHEAD_SECONDS = 1.5  # a tiny video, asked for
SETTINGS = ("--set", "decode.dilation=1", "--set", "encode.container=mkv", "--set", "encode.codec=ffv1")
TABLES = ("flow_run", "flow_run_state", "task_run", "task_run_state", "events", "event_resources", "log", "artifact")


def batch(folder: Path, cluster: Cluster, root: str, jobs: int) -> dict[str, Any]:
    """Run the dataset `folder`/set on an empty root; return its summary."""
    confined = ["taskset", "-c", f"0-{jobs - 1}"]
    command = [sys.executable, "-m", "flows.cli.main", "batch", "set", "-o", f"{root}-out", "--root", root, "--json"]
    done = subprocess.run(
        [*confined, *command, *SETTINGS, "--jobs", str(jobs), "--threads", "1"],
        cwd=folder,
        env=os.environ
        | {"PREFECT_API_URL": cluster.url, "PYTHONPATH": str(Path(__file__).parents[1]), "OMP_NUM_THREADS": "1"},
        check=False,
        capture_output=True,
        text=True,
    )
    if not done.stdout:
        raise SystemExit(done.stderr)
    summary: dict[str, Any] = json.loads(done.stdout)
    return summary


def throughput(folder: Path, repeats: int) -> None:
    """One worker and two by turns."""
    for n in range(8):
        panning_clip(folder / "set" / f"v{n}", count=FRAMES, height=480, width=854, step=n % 4 + 1)
    seconds: dict[int, list[float]] = {1: [], 2: []}
    with Cluster(folder / "cluster", deploy=False) as cluster:
        for n in range(repeats):
            for jobs, times in seconds.items():
                times.append(batch(folder, cluster, f"root-{jobs}-{n}", jobs)["seconds"])
                shutil.rmtree(folder / f"root-{jobs}-{n}")
    timings = {jobs: report.Timing(tuple(times), 8) for jobs, times in seconds.items()}
    for jobs, times in seconds.items():
        spread = f"({min(times) / 8:.3f} to {max(times) / 8:.3f}, {repeats} runs)"
        print(f"{f'{jobs} at a time, one thread each':<48} {timings[jobs].median:10.3f} s/video  {spread}")
    pairs = [one / two for one, two in zip(seconds[1], seconds[2], strict=True)]
    print(f"{'ratio of neighbours':<48} {statistics.median(pairs):10.2f} x  ({min(pairs):.2f} to {max(pairs):.2f})")
    report.ratio("two at a time against one", timings[1], timings[2], required=TIMES_FASTER)


def load(folder: Path, videos: int, database: str) -> None:
    """Many videos with next to nothing to do."""
    for n in range(videos):
        panning_clip(folder / "set" / f"v{n:04d}", count=2, height=32, width=32)
    with ExitStack() as stack:
        settings = {}
        if database == "postgresql":
            settings["PREFECT_API_DATABASE_CONNECTION_URL"] = stack.enter_context(postgres())
        cluster = stack.enter_context(Cluster(folder / "cluster", deploy=False, **settings))
        before, (started, _) = size_of(cluster, settings), server_use(cluster)
        summary = batch(folder, cluster, "root", jobs=2)
        time.sleep(10)  # events are written in bundles
        used, memory = server_use(cluster)
        rows, size = rows_of(cluster, settings), size_of(cluster, settings)
        log = cluster.log("server")
    states = dict(Counter(result["state"] for result in summary["results"]))
    report.figure(f"{videos} tiny videos, {database}, two at a time", summary["seconds"], "s")
    alone = [r["seconds"] for r in summary["results"]]
    report.figure("  a video, from its first task to its record", statistics.median(alone), "s")
    report.figure("server, CPU a video", (used - started) / videos, "s")
    report.figure("server, most memory", memory / 2**20, "MiB")
    report.figure("database, a video", (size - before) / 1e3 / videos, "kB")
    print("rows, a video: " + ", ".join(f"{table} {count / videos:.1f}" for table, count in rows.items()))
    print(f"videos {states}; errors in the server's log: {log.count('| ERROR')}; locked: {log.count('is locked')}")
    report.figure("wall time a video", summary["seconds"] / videos, "s", at_most=OVERHEAD_SECONDS)


def server_use(cluster: Cluster) -> tuple[float, int]:
    """CPU seconds of all processes of the server, and the most memory of any, in bytes."""
    leader, seconds, peaks = cluster.processes["server"].pid, 0.0, [0]
    for process in Path("/proc").glob("[0-9]*"):
        try:
            stat = (process / "stat").read_text().rpartition(")")[2].split()
            status = (process / "status").read_text()
        except OSError:
            continue
        if int(stat[2]) == leader and "VmHWM:" in status:
            seconds += (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")
            peaks.append(1024 * int(status.partition("VmHWM:")[2].split()[0]))
    return seconds, max(peaks)


def query(cluster: Cluster, settings: dict[str, str], sql: str) -> int:
    """A number out of the server's database."""
    if not settings:
        with sqlite3.connect(cluster.folder / "home" / "prefect.db") as connection:
            return int(connection.execute(sql).fetchone()[0])
    address = settings["PREFECT_API_DATABASE_CONNECTION_URL"].replace("+asyncpg", "")
    return int(subprocess.run(["psql", address, "-Atc", sql], capture_output=True, text=True, check=True).stdout)


def rows_of(cluster: Cluster, settings: dict[str, str]) -> dict[str, int]:
    """Rows of the tables that grow."""
    return {table: query(cluster, settings, f"select count(*) from {table}") for table in TABLES}


def size_of(cluster: Cluster, settings: dict[str, str]) -> int:
    """Bytes of the database."""
    if settings:
        return query(cluster, settings, "select pg_database_size(current_database())")
    return sum(path.stat().st_size for path in (cluster.folder / "home").glob("prefect.db*"))


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mode", nargs="?", choices=("throughput", "load"), default="throughput")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--videos", type=int, default=200)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    options = parser.parse_args()
    report.header(f"datasets, {options.mode}")
    print("load     " + " ".join(f"{value:.2f}" for value in os.getloadavg()) + " (1, 5, 15 minutes)")
    with tempfile.TemporaryDirectory() as folder:
        if options.mode == "throughput":
            throughput(Path(folder), options.repeats)
        else:
            load(Path(folder), options.videos, options.database)


if __name__ == "__main__":
    main()
