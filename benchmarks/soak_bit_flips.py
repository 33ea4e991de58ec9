"""Flip single bits in all files of a root, one at a time: each is named, none is silently wrong, none is a traceback.

    python -m benchmarks.soak_bit_flips --flips 1000 --seed 1

A tiny clip is run with two thresholds. Then, for each flip, on a copy of that root: one random bit of a random file is
turned; `verify` must name that file; both runs are done again, one of them with what it had encoded taken away, so that
earlier results are read; each must deliver the same bytes as before, or end in one error of ours. After
`verify --repair` it must deliver the same bytes. gc must not offer anything that the runs use.
"""

import argparse
import random
import shutil
import sys
import tempfile
import traceback
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import report
from flows.configs.run_config import load_config
from flows.pipeline.delivery import inpaint_and_deliver
from flows.pipeline.runner import Runner
from storage.cache.errors import StoreError
from storage.cache.housekeeping import unreached, verify
from storage.cache.root import LOCKS, Root
from storage.errors import InputError
from tasks.decode import MediaInput
from tasks.stage.cached_stage import Job
from tests.clips import panning_clip

SETTINGS = ("drafts=[]", "decode.dilation=1", "encode.container=mkv", "encode.codec=ffv1")
THRESHOLDS = (5.0, 0.8)
CONTENT_FREE = (LOCKS,)
"""Folders whose files hold nothing that counts."""


class DirectRunner(Runner):
    """Runs each stage without Prefect."""

    def __call__(self, stage, params, iteration=0, **inputs):
        """Run one stage and remember its result."""
        given = {role: each for role, each in inputs.items() if each is not None}
        self.done.append(stage.run(self.job, params, given, iteration))
        return self.done[-1]


@dataclass
class Found:
    """What came of all flips."""

    counts: Counter = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    """Flips that were silently wrong, not named, a traceback, or cost a run its results."""


def run(folder, threshold):
    """Inpaint the clip of `folder` with a threshold; returns the bytes that were delivered."""
    config = load_config(settings=[*SETTINGS, f"propagate.max_consistency_error={threshold}"])
    root = Root.create(folder / "root")
    record = root.start_run("latest", "clip")
    runner = DirectRunner(Job(str(root.path), "clip", record=record))
    media = MediaInput.video(str(folder / "clip" / "frames")), MediaInput.mask(str(folder / "clip" / "masks"))
    output = folder / f"{threshold}.mkv"
    inpaint_and_deliver(runner, config, *media, output)
    record.finish({"output": str(output)})
    return output.read_bytes()


def prepare(folder):
    """Make a clip and run it with both thresholds; returns what each delivered."""
    panning_clip(folder / "clip", count=4, height=32, width=48)
    return {threshold: run(folder, threshold) for threshold in THRESHOLDS}


def flip(path, chance):
    """Turn one random bit of a file."""
    content = bytearray(path.read_bytes())
    bit = chance.randrange(8 * len(content))
    content[bit // 8] ^= 1 << bit % 8
    path.write_bytes(content)
    return bit


def check_flip(folder, expected, chance, found):
    """Flip one bit below `folder`, look at what verify and both runs say, repair, and look again."""
    files = sorted(path for path in (folder / "root").rglob("*") if path.is_file() and path.stat().st_size)
    path = chance.choice(files)
    name = path.relative_to(folder / "root")
    what = f"bit {flip(path, chance)} of {name}"
    counts = name.parts[0] not in CONTENT_FREE
    named = _outcome(
        found, what, lambda: any(str(path) == str(each.path) for each in verify(Root.open(folder / "root")))
    )
    if counts and named is False:
        found.wrong.append(f"verify does not name {what}")
    _check_gc(folder, what, found)
    forget_encoded(folder, chance.choice(THRESHOLDS))
    for threshold in THRESHOLDS:
        _compare(found, what, _outcome(found, what, lambda t=threshold: run(folder, t)), expected[threshold])
    if name.name == "dfvi-root.json":
        path.write_text('{"format": 1}')  # what its error says
    list(verify(Root.open(folder / "root"), repair=True))
    for threshold in THRESHOLDS:
        again = _outcome(found, what, lambda t=threshold: run(folder, t))
        if again != expected[threshold]:
            found.wrong.append(
                f"not mended by verify --repair: {what}: {again if isinstance(again, str) else 'pixels'}"
            )
    if damages := list(verify(Root.open(folder / "root"))):
        found.wrong.append(f"still damaged after --repair: {what}: {damages[0].path}")


def forget_encoded(folder, threshold):
    """Drop what the run of a threshold had encoded last, so that the next has to read what it was made from."""
    root = Root(folder / "root")
    for record in root.runs("clip"):
        if not record.damage and record.summary and record.summary["output"].endswith(f"{threshold}.mkv"):
            for each in record.reached:
                if each["stage"] in ("encode", "deflicker", "merge"):
                    (root.path / "clip" / each["stage"] / each["digest"]).remove()


def _check_gc(folder, what, found):
    offered = _outcome(found, what, lambda: [store.digest for store in unreached(Root.open(folder / "root"))])
    if isinstance(offered, list) and offered:
        found.wrong.append(f"gc offers {offered} after {what}")


def _compare(found, what, outcome, expected):
    if isinstance(outcome, bytes):
        found.counts["equal" if outcome == expected else "wrong pixels"] += 1
        if outcome != expected:
            found.wrong.append(f"silently wrong: {what}")


def _outcome(found, what, action):
    """What an action returns; the message of an error of ours; None for any other error."""
    try:
        return action()
    except (StoreError, InputError, OSError) as error:
        found.counts["one line"] += 1
        return str(error)
    except Exception:
        found.wrong.append(f"traceback: {what}\n{traceback.format_exc()}")
        return None


def soak(flips, seed, *, show=False):
    """Try `flips` random flips; returns what was found."""
    chance, found = random.Random(seed), Found()
    with tempfile.TemporaryDirectory(prefix="dfvi-flips-") as temporary:
        sound = Path(temporary) / "sound"
        expected = prepare(sound)
        for number in range(flips):
            work = shutil.copytree(sound, Path(temporary) / "work")
            check_flip(work, expected, chance, found)
            shutil.rmtree(work)
            if show and number % 100 == 99:
                print(f"{number + 1} flips, {dict(found.counts)}, {len(found.wrong)} wrong", flush=True)
    return found


def main():
    """Try flips, print what was found, and exit with 1 if anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--flips", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    report.header("single bit flips", seed=options.seed)
    found = soak(options.flips, options.seed, show=True)
    print(f"{options.flips} flips: {dict(found.counts)}; wrong: {len(found.wrong)}")
    print("\n".join(found.wrong))
    return 1 if found.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
