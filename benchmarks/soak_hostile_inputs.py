"""Give commands hundreds of inputs that are damaged or wrong: each works, or ends in one line and exit code 2.

    python -m benchmarks.soak_hostile_inputs --inputs 400 --seed 1

Settings, configurations, manifests, command lines, videos, images, masks of all kinds, weight files, and the JSON of a
root are damaged in random ways. Every input goes through the command as a user calls it, in this process; runs leave
Prefect out. Counted as wrong are tracebacks, more than one line, other exit codes (but 1 for a disk that cannot be
read), more than 30 s, and files written elsewhere than beside the output.
"""

import argparse
import contextlib
import io
import json
import os
import random
import shutil
import signal
import sys
import tempfile
from collections import Counter
from pathlib import Path
from unittest import mock

import numpy as np
import torch
from PIL import Image

from benchmarks import report
from flows.cli import main as command
from flows.configs.run_config import explain_keys, load_config
from storage.media.reading import probe, read_frames
from storage.media.writing import write_video
from tests.clips import panning_clip

SECONDS = 30
SCALARS = [
    "nan", "-inf", "1e99999999", "9" * 5000, "2026-11-25", "[" * 2000, "{a: " * 400, "&a [*a]", "*nothing", "null",
    "\0", "\ud800", "!!python/object/apply:os.system [id]", "0x1F", "-1", "x" * 5000, "~nouser/x", "1:2:3", "'", "{",
]  # fmt: skip
VALUES = [None, True, -1, 1e308, float("inf"), "", "\0", [], {}, [[[]]], {"a": {"b": []}}, 10**30, "2026-11-25"]
PATHS = [
    "",
    "\0",
    "~nouser/x",
    "/dev/null",
    "..",
    "x" * 300,
    "/proc/self/mem",
    "loop",
    "s3://",
    "http://[",
    "-",
    "clip",
]


class Hostile:
    """A folder with a clip, masks and weights of every kind, a finished root, and what was seen to be wrong."""

    def __init__(self, folder, seed):
        """Make the files that are damaged later."""
        self.folder, self.chance, self.wrong, self.outcomes = folder, random.Random(seed), [], Counter()
        os.chdir(folder)
        clip = panning_clip(folder / "clip", count=4, height=24, width=32)
        Path("loop").symlink_to("loop")
        source = probe(clip.video)
        write_video(Path("clip.mp4"), read_frames(source), source)
        write_video(Path("clip.mkv"), read_frames(source), source, codec="ffv1")
        self._write_masks()
        torch.save({1: torch.zeros(2), "a": torch.zeros(3, device="meta")}, "keys.pth")
        torch.save({"a": torch.eye(3).to_sparse(), "b": object}, "sparse.pth")
        torch.save([torch.zeros(2)], "list.pth")
        self.end(["inpaint", "clip.mkv", "--mask", "mask.png", "-o", "kept.mkv", "--root", "root"], "the undamaged run")
        self.root = folder / "root"
        shutil.copytree(self.root, folder / "kept-root")
        self.known = self._files()

    def _write_masks(self):
        hole = np.zeros((24, 32), np.uint8)
        hole[8:14, 10:20] = 255
        pages = [Image.fromarray(hole)] * 4
        pages[0].save("mask.png")
        for kind in ("gif", "tiff", "webp"):
            pages[0].save(f"mask.{kind}", save_all=True, append_images=pages[1:])
        np.save("mask.npy", np.stack([hole] * 4))
        np.savez("mask.npz", np.stack([hole] * 4))
        counts = [int(x) for x in np.diff(np.flatnonzero(np.diff(np.r_[2, hole.T.ravel() > 0, 2])))]
        Path("mask.json").write_text(json.dumps({"size": [24, 32], "counts": counts}))

    def _files(self):
        ours = ("given", "out.mkv", "out.report.html", "root")
        return {path for path in self.folder.iterdir() if path.name not in ours}

    def end(self, arguments, what):
        """Run a command, and note how it ends."""
        said, printed = io.StringIO(), io.StringIO()
        signal.alarm(SECONDS)
        try:
            with contextlib.redirect_stderr(said), contextlib.redirect_stdout(printed):
                code = command.main(arguments)
        except SystemExit as ended:  # of argparse
            code = ended.code
        except TimeoutError:
            code = f"more than {SECONDS} s"
        finally:
            signal.alarm(0)
        lines = [line for line in said.getvalue().splitlines() if not _is_warning(line)]
        fits = code == 0 or (code == 2 and (len(lines) == 1 or lines[0].startswith("usage:")))
        found_damage = code == 1 and arguments[:2] == ["store", "verify"]
        as_of_a_bad_disk = code == 1 and len(lines) == 1 and "Input/output error" in lines[0]
        if "Traceback" in said.getvalue() or not (fits or found_damage or as_of_a_bad_disk):
            self.wrong.append(f"{what}: code {code}: {said.getvalue()[-300:]}")
        self.outcomes[f"exit code {code}"] += 1

    def damage(self, path):
        """Return a copy of a file with bits flipped, cut off, overwritten, or doubled."""
        content, chance = bytearray(path.read_bytes()), self.chance
        kind = chance.choice(["flip", "flip", "cut", "zero", "fill", "double", "header"])
        if kind == "flip":
            for _ in range(chance.choice([1, 4, 40])):
                content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        elif kind == "cut":
            del content[chance.randrange(len(content)) :]
        elif kind == "zero":
            start = chance.randrange(len(content))
            content[start : start + 64] = bytes(len(content[start : start + 64]))
        elif kind == "fill":
            start = chance.randrange(min(64, len(content)))
            content[start : start + 8] = b"\xff" * len(content[start : start + 8])
        elif kind == "double":
            content *= 2
        else:
            content[: chance.randrange(1, 32)] = chance.randbytes(chance.randrange(1, 32))
        shutil.rmtree("given", ignore_errors=True)
        Path("given").mkdir()
        made = Path("given") / path.name
        made.write_bytes(content)
        return str(made), kind

    def inpaint(self, video="clip.mkv", mask="mask.png", *more):
        """Arguments of a run of little work."""
        small = ["--preset", "fast", "--threads", "1", "-o", "out.mkv", "--root", "root"]
        return ["inpaint", video, "--mask", mask, *small, *more]

    def setting(self):
        """Set one key to something it does not take."""
        key = self.chance.choice([key for key, _, _ in explain_keys(load_config())] + ["decode", ".", "a.b"])
        value = self.chance.choice(SCALARS)
        self.end(["config", "--set", f"{key}={value}"], f"--set {key}={value[:30]!r}")

    def document(self):
        """Read a configuration or a manifest that holds anything."""
        shutil.rmtree("given", ignore_errors=True)
        Path("given").mkdir()
        keys = ["decode", "estimate_flow", "drafts", "merge", "videos", "plates", "nonsense", "max_iterations"]
        content = {self.chance.choice(keys): self.chance.choice(VALUES) for _ in range(3)}
        if self.chance.random() < 0.3:
            content = {
                "videos": [self.chance.choice(VALUES), {"video": "clip.mkv", "mask": self.chance.choice(VALUES)}]
            }
        text = json.dumps(content) if self.chance.random() < 0.7 else self.chance.choice(SCALARS)
        path = Path("given") / "given.yaml"
        path.write_text(text, encoding="utf-8", errors="replace")
        arguments = self.chance.choice([["config", "--config", str(path)], ["plan", str(path), "--root", "root"]])
        self.end(arguments, f"{arguments[0]} {text[:80]!r}")

    def path(self):
        """Give a path that is none, for one of the paths of a run."""
        paths = {"video": "clip.mkv", "mask": "mask.png"}
        role, value = self.chance.choice(["video", "mask", "root", "config"]), self.chance.choice(PATHS)
        if role in paths:
            self.end(self.inpaint(**paths | {role: value}), f"{role} {value[:30]!r}")
        else:
            self.end(["plan", "clip.mkv", "--mask", "mask.png", f"--{role}={value}"], f"--{role} {value[:30]!r}")

    def video(self):
        """Inpaint a damaged video."""
        made, kind = self.damage(Path(self.chance.choice(["clip.mp4", "clip.mkv"])))
        self.end(self.inpaint(video=made), f"{made} ({kind})")

    def mask(self):
        """Inpaint with a damaged mask."""
        names = [f"mask.{kind}" for kind in ("png", "gif", "tiff", "webp", "npy", "npz", "json")]
        made, kind = self.damage(Path(self.chance.choice(names)))
        self.end(self.inpaint(mask=made), f"{made} ({kind})")

    def weights(self):
        """Add a weight file that is none."""
        name = self.chance.choice(["keys.pth", "sparse.pth", "list.pth"])
        made, kind = (name, "as it is") if self.chance.random() < 0.3 else self.damage(Path(name))
        self.end(["weights", "add", made, "--network", "flownet2"], f"{made} ({kind})")

    def store(self):
        """Put anything into a JSON file of the root, then look at it and run."""
        shutil.rmtree(self.root)
        shutil.copytree("kept-root", self.root)
        path = self.chance.choice(sorted(path for path in self.root.rglob("*.json") if path.is_file()))
        content = json.loads(path.read_text())
        key = self.chance.choice(sorted(content))
        content[key] = self.chance.choice(VALUES)
        path.write_text(self.chance.choice([json.dumps(content), json.dumps(content), "[" * 3000, "", "\0"]))
        what = f"{path.relative_to(self.root)} with {key} = {content[key]!r}"
        arguments = self.chance.choice([["store", "list"], ["store", "verify"], ["store", "gc"], None])
        self.end([*arguments, "--root", "root"] if arguments else self.inpaint(), what)
        shutil.rmtree(self.root)
        shutil.copytree("kept-root", self.root)

    def look_around(self):
        """Note files that were written elsewhere."""
        if strange := self._files() - self.known:
            self.wrong.append(f"written elsewhere: {sorted(path.name for path in strange)}")
            self.known |= strange


def _is_warning(line):
    """Whether a line of standard error is a warning about an input that is used all the same."""
    return not line.strip() or not (line.startswith(("dfvi: ", "usage:", "  ", "Traceback")) or "Error" in line)


@contextlib.contextmanager
def without_prefect():
    """Let `dfvi inpaint` call its stages directly; the checks and the errors are the same."""
    with contextlib.ExitStack() as stack:
        patch = mock.patch
        stack.enter_context(patch("flows.cli.terminal.prepare_prefect", lambda _verbose: None))
        stack.enter_context(patch("flows.prefect_server.background.connected", contextlib.nullcontext))
        stack.enter_context(patch("flows.prefect_server.bounded.run_flow", _call))
        stack.enter_context(patch("tasks.stage.cached_stage.Stage.__call__", _run_stage))
        yield


def _call(flow, *arguments, **named):
    return flow.fn(*arguments, **named)


def _run_stage(stage, job, *, params, iteration=0, **inputs):
    return stage.run(job, params, {role: each for role, each in inputs.items() if each is not None}, iteration)


def _too_long(_number, _frame):
    raise TimeoutError


def main():
    """Give every kind of input in turn, print what was found, and exit with 1 if anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--inputs", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    report.header("hostile inputs", seed=options.seed)
    signal.signal(signal.SIGALRM, _too_long)
    with tempfile.TemporaryDirectory(prefix="dfvi-hostile-") as folder, without_prefect():
        hostile = Hostile(Path(folder), options.seed)
        kinds = [hostile.setting, hostile.document, hostile.path, hostile.video, hostile.mask, hostile.weights]
        kinds.append(hostile.store)
        for number in range(options.inputs):
            kinds[number % len(kinds)]()
            hostile.look_around()
        os.chdir("/")
    print(f"{options.inputs} inputs:", ", ".join(f"{count} with {what}" for what, count in hostile.outcomes.items()))
    print(f"wrong: {len(hostile.wrong)}", *hostile.wrong, sep="\n")
    return 1 if hostile.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
