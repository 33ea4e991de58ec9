"""Key-frame filling: invents what no frame of the clip shows. Store in, store out."""

from typing import Literal

from pydantic import SerializeAsAny

from dfvi_models.image_inpainting.key_frames import key_frames
from dfvi_models.image_inpainting.methods import Patch
from dfvi_models.methods import InpainterMethod
from storage.cache import array_layout
from storage.cache.stage_store import StageStore
from tasks.shots.composed_clip import only_hidden
from tasks.shots.filled_clip import FilledClip
from tasks.stage.cached_stage import Job, stage
from tasks.stage.method_params import MethodParams
from tasks.stage.write_behind import write_behind


class FillKeyFramesParams(MethodParams):
    """What fills the holes that propagation left."""

    kind = "inpainter"

    inpainter: SerializeAsAny[InpainterMethod] = Patch()
    """What fills single frames."""
    frames: Literal["key", "all"] = "key"
    """key: the first and last of each run of unfinished frames, and let propagation carry that on; all: every one."""


@stage(version=2)  # 2: frames are 0 where there was no hole left
def fill_key_frames(out: StageStore, *, merged: StageStore, params: FillKeyFramesParams, job: Job) -> None:
    """Write the whole remaining hole of the chosen frames, filled."""
    clip = FilledClip(merged)
    unfinished = merged.attributes["unfinished_frames"]
    is_unfinished = set(unfinished)
    flags = [t in is_unfinished for t in range(clip.count)]
    chosen = list(unfinished) if params.frames == "all" else key_frames(flags)
    row_of = {t: row for row, t in enumerate(chosen)}
    missing = out.create(frames=array_layout.frames(len(chosen), clip.height, clip.width))
    wanted = [chosen[row] for row in missing]
    inpainter = params.inpainter.build(params.resources(job, out.key, out.remember))
    with write_behind(out) as write:
        for t, frame in inpainter.inpaint(clip.frames, clip.holes, wanted=wanted, threads=job.threads):
            write(row_of[t], frames=only_hidden(frame, clip.holes[t]))
    out.attributes.update({"key_frames": chosen, "unfinished_frames": sorted(is_unfinished - set(chosen))})
