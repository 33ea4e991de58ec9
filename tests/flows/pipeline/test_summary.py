"""What a summary warns of."""

import pytest

from flows.pipeline.stage_order import ClipResults
from flows.pipeline.summary import Summary, describe, warn_of_invention
from tasks.shots.filled_shots import FilledShot, FilledShots
from tasks.stage.cached_stage import StageResult


@pytest.mark.parametrize(("frames", "propagated", "warns"), [(8, 0, True), (8, 1, False), (1, 0, False)])
def test_a_clip_in_which_everything_was_invented_warns_unless_it_has_one_frame(frames, propagated, warns):
    clip = StageResult("goat", "decode", "0", attributes={"frames": frames})
    merged = StageResult("goat", "merge", "0", attributes={"propagated": propagated})
    lines = warn_of_invention(ClipResults(clip, FilledShots((FilledShot(0, merged),)), clip))
    assert len(lines) == warns
    assert all("decode.invert_mask" in line and "decode.mask_threshold" in line for line in lines)


@pytest.mark.parametrize(("invented", "hints"), [(0.5, True), (0.1, False)])
def test_a_run_in_which_much_was_invented_says_that_a_frame_can_be_painted(invented, hints):
    shares = {"propagated": 1 - invented, "invented": invented}
    summary = Summary(video="v", output="o", root="r", seconds=1, frames=2, hole_pixels=9, stages=[], **shares)
    assert ("dfvi plate" in describe(summary)) == hints
