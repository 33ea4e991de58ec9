"""Kill runs and the server behind them at random moments: nothing hangs, is lost, lies about or is left behind.

    python -m benchmarks.soak_kills --kills 35 --server-kills 15

`dfvi inpaint` is started on a small clip with a root of its own each time it has ended well, and killed at a random
moment, mostly with signal 9; then it is started again until it ends. In other runs the background server is killed
instead: the run must end by itself with exit code 0. Whatever happens, a killed run is gone within 30 seconds, what is
delivered are the bytes of an undisturbed run, `verify` finds nothing damaged, no file lies beside the output, and no
process is left at the end. Signals that can be answered are: one line, no traceback, exit code 128 + signal.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import report
from benchmarks.soak_bit_flips import SETTINGS
from flows.prefect_server.server_record import find_server
from storage.cache.housekeeping import verify
from storage.cache.root import Root
from tests.clips import panning_clip

REPOSITORY = Path(__file__).parents[1]
SECONDS_TO_END = 30.0
SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
LONGEST_RUN = 900.0  # seconds; a machine that others use, too, takes minutes for what is one of seconds


class Soak:
    """A clip, a Prefect home, and what was seen to be wrong."""

    def __init__(self, folder, seed):
        """Make the clip, and run it once undisturbed."""
        self.folder, self.home, self.chance = folder, folder / "home", random.Random(seed)
        self.wrong, self.longest_end = [], 0.0
        self.home.mkdir()
        panning_clip(folder / "clip", count=12, height=64, width=96)
        started = time.monotonic()
        self.expected = self.finish(self.start())  # which also starts the server
        self.seconds = time.monotonic() - started
        self.fresh_root()

    def fresh_root(self):
        """Let the next run find nothing stored."""
        shutil.rmtree(self.folder / "root", ignore_errors=True)

    def start(self):
        """Start `dfvi inpaint`, whose standard streams are pipes of ours."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PREFECT_")}
        settings = [part for setting in SETTINGS for part in ("--set", setting)]
        output = ["-o", str(self.folder / "out.mkv"), "--root", str(self.folder / "root"), "--threads", "1"]
        media = [str(self.folder / "clip" / "frames"), "--mask", str(self.folder / "clip" / "masks")]
        return subprocess.Popen(
            [sys.executable, "-m", "flows.cli.main", "inpaint", *media, *output, *settings],
            cwd=self.folder,
            env=environment | {"PREFECT_HOME": str(self.home), "PYTHONPATH": str(REPOSITORY)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def finish(self, process):
        """Wait for a run that nobody kills; return what it delivered."""
        try:
            _, errors = process.communicate(timeout=LONGEST_RUN)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            self.wrong.append("a run did not end")
            return b""
        if process.returncode or b"Traceback" in errors:
            self.wrong.append(f"exit code {process.returncode}: {errors.decode(errors='replace')[-500:]}{self.log()}")
        output = self.folder / "out.mkv"
        return output.read_bytes() if output.exists() else b""

    def kill_run(self):
        """Kill a run at a random moment, wait until it is gone, and run it to its end."""
        process, number = self.start(), self.chance.choice(SIGNALS)
        time.sleep(self.chance.uniform(0, self.seconds))
        process.send_signal(number)
        errors = self.await_end(process, f"a run held its pipes after {number.name}")
        answered = process.returncode in (128 + number, 0)  # else it came before the program had begun, or was 9
        if not (answered or process.returncode == -number) or (answered and b"Traceback" in errors):
            self.wrong.append(f"{number.name}: exit code {process.returncode}: {errors[-500:]!r}")
        self.check(self.finish(self.start()), f"run killed by {number.name}")

    def kill_server(self):
        """Kill the server in the middle of a run, which must deliver nevertheless."""
        process = self.start()
        time.sleep(self.chance.uniform(0.3, 0.9) * self.seconds)
        server = find_server(self.home)
        killed = server is not None and process.poll() is None
        if killed:
            os.kill(server.pid, signal.SIGKILL)
        self.check(self.finish(process), "server killed")
        return killed

    def await_end(self, process, what):
        """Note it if a process is not gone, with all that holds its pipes, in time; return what it said."""
        started = time.monotonic()
        try:
            _, errors = process.communicate(timeout=SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            self.wrong.append(what)
            process.kill()
            _, errors = process.communicate()
        self.longest_end = max(self.longest_end, time.monotonic() - started)
        return errors

    def check(self, delivered, what):
        """Look at the output, the root and the folder after a run."""
        if delivered != self.expected:
            self.wrong.append(f"{what}: other bytes delivered")
        root = Root.find(self.folder / "root")
        self.wrong += [f"{what}: {damage.path} {damage.reason}" for damage in (verify(root) if root else ())]
        beside = {path.name for path in self.folder.iterdir()} - {"clip", "home", "root", "out.mkv", "out.report.html"}
        if beside:
            self.wrong.append(f"{what}: left behind {sorted(beside)}")
        self.fresh_root()

    def log(self):
        """The end of what the server in the background has said."""
        path = self.home / "dfvi-server.log"
        return path.read_text(errors="replace")[-1500:] if path.exists() else ""

    def processes(self):
        """Command lines of the processes that know our Prefect home."""
        mark, found = f"PREFECT_HOME={self.home}".encode(), []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if mark in (process / "environ").read_bytes().split(b"\0"):
                    found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
            except OSError:
                continue
        return found

    def stop_server(self):
        """Stop the server in the background."""
        environment = os.environ | {"PREFECT_HOME": str(self.home), "PYTHONPATH": str(REPOSITORY)}
        subprocess.run([sys.executable, "-m", "flows.cli.main", "server", "stop"], env=environment, capture_output=True)

    def look_around(self):
        """Note processes that are left, before and after the server is stopped."""
        if len(self.processes()) > 1:
            self.wrong.append(f"more than one process left: {self.processes()}")
        self.stop_server()
        self.wrong += [f"left after `server stop`: {each}" for each in self.processes()]


def soak(folder, kills, server_kills, seed):
    """Kill runs and servers in random order, print how far it is, and return what was found."""
    found = Soak(folder, seed)
    print(f"an undisturbed run takes {found.seconds:.1f} s", flush=True)
    todo = [found.kill_run] * kills + [found.kill_server] * server_kills
    found.chance.shuffle(todo)
    for number, kill in enumerate(todo, 1):
        kill()
        print(f"{number} of {len(todo)}: {kill.__name__}, {len(found.wrong)} wrong", *found.wrong, sep="\n", flush=True)
    found.look_around()
    return found


def main():
    """Kill, print what was found, and exit with 1 if anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=35, help="of runs")
    parser.add_argument("--server-kills", type=int, default=15)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    report.header("kill -9", seed=options.seed)
    with tempfile.TemporaryDirectory(prefix="dfvi-kills-") as folder:
        found = soak(Path(folder), options.kills, options.server_kills, options.seed)
    kills = options.kills + options.server_kills
    print(f"{kills} kills; the longest time until a killed run was gone: {found.longest_end:.1f} s")
    print(f"wrong: {len(found.wrong)}", *found.wrong, sep="\n")
    return 1 if found.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
