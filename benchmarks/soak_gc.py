"""Two runs at once, with different thresholds under one name, while gc deletes all it can: nothing needed is lost.

    python -m benchmarks.soak_gc --rounds 20

In each round all runs are forgotten, so that every stored result may go. Then both runs start, reuse what gc has not
taken yet, and compute the rest, while gc deletes without pause. When both have ended and gc has run once more, every
result that their records name must be there, and both runs must find everything and deliver what they delivered first.
"""

import argparse
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks import report
from benchmarks.soak_bit_flips import THRESHOLDS, prepare, run
from storage.cache.housekeeping import delete, unreached
from storage.cache.root import Root


def collect(root):
    """What `dfvi store gc --yes` does; returns the bytes freed."""
    return delete(root, unreached(root))


def one_round(folder, expected):
    """Run both thresholds while gc goes on; returns what was lost, and the bytes that gc freed meanwhile."""
    root = Root.open(folder / "root")
    root.forget_runs("latest")
    over, freed = threading.Event(), []

    def collect_without_pause():
        while not over.is_set():
            freed.append(collect(root))

    collector = threading.Thread(target=collect_without_pause)
    collector.start()
    try:
        with ThreadPoolExecutor(len(THRESHOLDS)) as pool:
            delivered = dict(
                zip(THRESHOLDS, pool.map(lambda threshold: run(folder, threshold), THRESHOLDS), strict=True)
            )
    finally:
        over.set()
        collector.join()
    freed.append(collect(root))
    return _lost(root) + [f"{each}: other bytes" for each in THRESHOLDS if delivered[each] != expected[each]], sum(
        freed
    )


def _lost(root):
    """Results that a record names and that are neither complete nor dropped."""
    return [
        f"{each['stage']} {each['digest']} of {run.name}"
        for run in root.runs()
        for each in run.reached
        if not root.has(run.video, each["stage"], each["digest"])
        or root.open_store(run.video, each["stage"], each["digest"]).state not in ("complete", "dropped")
    ]


def soak(rounds, *, show=False):
    """Try `rounds` rounds; returns all that was lost, and the bytes that gc freed."""
    lost, freed = [], 0
    with tempfile.TemporaryDirectory(prefix="dfvi-gc-") as temporary:
        folder = Path(temporary)
        expected = prepare(folder)
        for number in range(rounds):
            started = time.monotonic()
            missing, size = one_round(folder, expected)
            lost, freed = lost + missing, freed + size
            if show:
                seconds = time.monotonic() - started
                print(f"round {number + 1}: {seconds:.1f} s, {size} bytes freed, {len(missing)} lost", flush=True)
    return lost, freed


def main():
    """Try rounds, print what was lost, and exit with 1 if anything was."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args()
    report.header("gc against running runs")
    lost, freed = soak(options.rounds, show=True)
    print(f"{options.rounds} rounds, {freed} bytes freed, {len(lost)} results lost")
    print("\n".join(lost))
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
