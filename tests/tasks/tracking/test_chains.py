"""What is followed is kept in links: a correction recomputes what depends on it, and a killed run goes on."""

import cv2
import numpy as np
import pytest

from storage.cache.root import Root
from tasks.decode import MediaInput
from tasks.shots.shot_batches import DirectRunner
from tasks.stage.cached_stage import Job
from tasks.tracking import chains
from tasks.tracking.chains import follow_through
from tasks.tracking.follow_object import follow_object
from tasks.tracking.frame_span import FrameIndex
from tasks.tracking.index_frames import IndexFramesParams, index_frames, tracking_size
from tasks.tracking.outline_object import OutlineObjectParams, outline_object
from tasks.tracking.tracked_object import TrackedObject
from tests.clips import write_images
from tests.dfvi_models.segmentation.moving_object import moving_object

COUNT = 9


@pytest.fixture
def made(tmp_path, monkeypatch):
    """Tracks the object of a made clip, from the frames named; returns masks, and what was computed."""
    monkeypatch.setattr(chains, "LINK", 3)
    frames, masks = moving_object(COUNT)
    write_images(tmp_path / "clip", np.stack(frames))
    for t, mask in enumerate(masks):
        cv2.imwrite(str(tmp_path / f"{t}.png"), mask.astype(np.uint8) * 255)

    def track(given, root="root", threads=1, shots="none"):
        step = DirectRunner(Job(str(Root.create(tmp_path / root).path), "clip", threads))
        video = MediaInput.video(str(tmp_path / "clip"))
        index = FrameIndex(step.job, video, step(index_frames, IndexFramesParams(shots=shots), video=video))
        outlined = {}
        for t in given:
            mask = MediaInput.mask(str(tmp_path / f"{given[t]}.png"))
            frame = index.span(t, t + 1, index.reader())
            outlined[t] = step(outline_object, OutlineObjectParams(frame=t), frame=frame, mask=mask)
        followed = follow_through(step.job, index, outlined)
        found = list(TrackedObject(step.job, index, outlined, followed.chains))
        computed = [result.shot for result in followed.done if result.action == "compute"]
        return np.stack([each.share > 127 for each in found]), computed

    return track


def test_a_corrected_frame_recomputes_only_the_chains_that_begin_there(made):
    before, computed = made({0: 0})
    assert computed == ["0-3", "3-6", "6-8"]
    after, computed = made({0: 0, 4: 5})
    assert computed == ["1-4", "4-7", "7-8"]
    assert (after[5:] != before[5:]).any()
    again, computed = made({0: 0})
    assert computed == []
    assert np.array_equal(again, before)


def test_threads_change_nothing(made):
    one, _ = made({2: 2, 6: 6})
    two, computed = made({2: 2, 6: 6}, root="other", threads=4)
    assert len(computed) == 4
    assert np.array_equal(one, two)


def test_a_frame_of_a_shot_is_not_followed_into_the_next_one(made):
    found, computed = made({1: 1}, shots=(4,))
    assert computed == ["0-1", "1-3"]
    assert found[:4].any(axis=(1, 2)).all()
    assert not found[4:].any()


def test_a_link_that_was_killed_goes_on_with_the_next_frame(made, monkeypatch):
    whole, _ = made({0: 0}, root="whole")
    body, writes = follow_object.body, []

    def dies(out, **inputs):
        write = out.write

        def counted(t, **items):
            if len(writes) == 2:
                raise RuntimeError("killed")
            writes.append(t)
            write(t, **items)

        out.write = counted
        body(out, **inputs)

    monkeypatch.setattr(follow_object, "body", dies)
    with pytest.raises(RuntimeError, match="killed"):
        made({0: 0})
    monkeypatch.setattr(follow_object, "body", body)
    resumed, computed = made({0: 0})
    assert computed == ["3-6", "6-8"]
    assert np.array_equal(whole, resumed)


def test_large_frames_are_tracked_at_a_smaller_size_of_the_same_shape():
    assert tracking_size(480, 854, 864 * 480) == (480, 854)
    height, width = tracking_size(1080, 1920, 864 * 480)
    assert height * width <= 864 * 481
    assert width / height == pytest.approx(1920 / 1080, rel=0.01)
    assert tracking_size(1, 10**6, 64 * 64) == (1, 64000)
