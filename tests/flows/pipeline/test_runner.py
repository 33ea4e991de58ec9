"""Warnings of stages reach the user, of those too that are reused."""

import logging

import numpy as np

from flows.pipeline.runner import Runner
from storage.cache.root import Root
from tasks.decode import DecodeParams, MediaInput, decode
from tasks.stage.cached_stage import Job
from tests.clips import panning_clip


def test_a_mask_that_covers_nearly_everything_warns_when_computed_and_when_reused(tmp_path, caplog):
    clip = panning_clip(tmp_path / "clip", count=3)
    Root.create(tmp_path / "root")
    inputs = {"video": MediaInput.video(str(clip.video)), "mask": MediaInput.mask(str(clip.mask))}
    job = Job(str(tmp_path / "root"), "clip")
    actions = []

    def without_prefect(job, *, params, iteration, **inputs):
        result = decode.run(job, params, inputs, iteration)
        actions.append(result.action)
        return result

    for _ in range(2):
        runner = Runner(job)
        with caplog.at_level(logging.WARNING):
            runner(without_prefect, DecodeParams(invert_mask=True), **inputs)
            runner(without_prefect, DecodeParams(invert_mask=True), **inputs)
        (warning,) = runner.warnings
        assert "of all frames; if it marks what is kept set decode.invert_mask" in warning
        assert "decode.mask_threshold" in warning
        assert [record.getMessage() for record in caplog.records] == [f"clip: {warning}"]
        caplog.clear()
    assert actions == ["compute", "reuse", "reuse", "reuse"]
    fine = Runner(job)
    fine(without_prefect, DecodeParams(), **inputs)
    assert fine.warnings == []
    assert np.mean(clip.holes) < 0.2
