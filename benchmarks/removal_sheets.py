"""Contact sheets of real removals: what a viewer would see, and where it comes from.

    python -m benchmarks.removal_sheets CLIPS -o FOLDER [--frames 24] [--shown 3] [--preset default] [--set KEY=VALUE]

The clip's own object (<clip>/masks) is removed. A sheet has a line for each frame shown: the frame with its hole
outlined in yellow and what joined it in red; the result; and the result with registered pixels tinted blue, invented
ones red.
"""

import argparse
import sys
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.hidden_objects import Steps
from dfvi_models.types import INVENTED
from flows.configs.run_config import PRESETS, load_config
from flows.pipeline.stage_order import fill_clip
from storage.cache.root import Root
from storage.datasets.clean_clips import choose_clips, find_clips
from tasks.decode import MediaInput, decode
from tasks.register_frames import register_frames
from tasks.shots.filled_clip import FilledClip

MARGIN = 60  # pixels shown around the hole
WIDEST = 640  # pixels of a picture on the sheet
YELLOW, RED, BLUE = (255, 230, 0), (255, 40, 40), (60, 120, 255)


def arguments():
    """What is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path, help="folder of clips: <clip>/frames and <clip>/masks")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder for the sheets")
    parser.add_argument("--only", help="names of some of the clips, with commas between (all)")
    parser.add_argument("--frames", type=int, default=24, help="frames taken from the start of each clip (24)")
    parser.add_argument("--shown", type=int, default=3, help="frames on a sheet (3)")
    parser.add_argument("--preset", choices=PRESETS, default="default")
    parser.add_argument("--set", action="append", default=[], dest="settings", metavar="STAGE.PARAM=VALUE")
    parser.add_argument("--root", default=".dfvi", help="where results lie")
    return parser.parse_args()


class Remembering(Steps):
    """Remembers which pixels were registered."""

    registered = None

    def __call__(self, stage, params, iteration=0, **inputs):
        """Take one step."""
        result = super().__call__(stage, params, iteration, **inputs)
        if stage is register_frames:
            self.registered = result.open(self.job)["registered"]
        return result


def outlined(frame, hole, colour):
    """A frame with the outline of a hole drawn on it."""
    shown = frame.copy()
    outline, _ = cv2.findContours(hole.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    return cv2.drawContours(shown, outline, -1, colour, 1)


def tinted(frame, where, colour):
    """A frame with a third of a colour mixed in."""
    mixed = frame.astype(np.float32)
    mixed[where] += 0.35 * (np.array(colour, np.float32) - mixed[where])
    return mixed.astype(np.uint8)


def line(frame, hole, grown, result, source, registered):
    """One frame's three pictures side by side, cut out around its hole."""
    rows, columns = np.flatnonzero(grown.any(axis=1)), np.flatnonzero(grown.any(axis=0))
    box = tuple(slice(max(at[0] - MARGIN, 0), at[-1] + MARGIN) for at in (rows, columns))
    told = tinted(tinted(result, registered, BLUE), source == INVENTED, RED)
    pictures = [outlined(outlined(frame, grown, RED), hole, YELLOW), result, told]
    return np.concatenate([picture[box] for picture in pictures], axis=1)


def sheet(clip, asked, config, root):
    """All lines of one clip, RGB."""
    step = Remembering(root, clip.name)
    video, mask = MediaInput.video(str(clip.video)), MediaInput.mask(str(clip.masks))
    decoded = step(decode, config.decode, video=video, mask=mask)
    filled = fill_clip(step, config, decoded)
    clip_store = decoded.open(step.job)
    grown = filled.grown.open(step.job)["holes"] if filled.grown else clip_store["holes"]
    shown = FilledClip(filled.merged.open(step.job), filled.fill and filled.fill.open(step.job))
    lines = []
    for t in np.linspace(0, shown.count - 1, asked.shown).round().astype(int):
        if clip_store["holes"][t].any():
            none = np.zeros(clip_store["holes"][t].shape, np.bool_)
            registered = step.registered[t] if step.registered is not None else none
            frame, hole = clip_store["frames"][t], clip_store["holes"][t]
            lines.append(line(frame, hole, grown[t], shown.frames[t], shown.source[t], registered))
    wide = min(max(one.shape[1] for one in lines), 3 * WIDEST)
    scaled = [cv2.resize(one, (wide, round(one.shape[0] * wide / one.shape[1]))) for one in lines]
    return np.concatenate(scaled)


def main():
    """Remove, and write the sheets."""
    asked = arguments()
    asked.output.mkdir(parents=True, exist_ok=True)
    config = load_config(asked.preset, settings=[f"decode.stop={asked.frames}", *asked.settings])
    root = str(Root.create(asked.root).path)
    for clip in choose_clips(find_clips(asked.clips), asked.only.split(",") if asked.only else []):
        path = asked.output / f"{clip.name}.png"
        cv2.imwrite(str(path), cv2.cvtColor(sheet(clip, asked, config, root), cv2.COLOR_RGB2BGR))
        print(path, flush=True)


if __name__ == "__main__":
    main()
