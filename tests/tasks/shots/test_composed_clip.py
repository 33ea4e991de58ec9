"""What was filled is stored without what lies around it, and read with it."""

import numpy as np
import pytest

from storage.cache import array_layout
from storage.cache.root import Root
from storage.cache.stage_key import StageKey
from tasks.shots.composed_clip import ComposedView, hidden_pixels, only_hidden

SIZE = (12, 16)


@pytest.fixture
def filled(tmp_path):
    """A store of two frames, 200 in the left half, 0 elsewhere, a column of the left half still a hole."""
    root = Root.create(str(tmp_path))
    with root.writing("clip", StageKey("merge", 1, {}, {}), on_wait=lambda _: None) as out:
        out.begin()
        out.create(frames=array_layout.frames(2, *SIZE), holes=array_layout.holes(2, *SIZE))
        for t in range(2):
            out.write(t, frames=only_hidden(np.full((*SIZE, 3), 200, np.uint8), hidden()), holes=column())
        return out


def hidden():
    hole = np.zeros(SIZE, np.bool_)
    hole[:, :8] = True
    return hole


def column():
    hole = np.zeros(SIZE, np.bool_)
    hole[:, 3] = True
    return hole


def clip(**more):
    rng = np.random.default_rng(0)
    return {"frames": rng.integers(0, 256, (2, *SIZE, 3), dtype=np.uint8), "holes": np.stack([hidden()] * 2), **more}


def test_frames_are_whole_and_holes_are_those_left(filled):
    below = clip()
    view = ComposedView(below, filled)
    for t in range(2):
        np.testing.assert_array_equal(view["frames"][t][:, 8:], below["frames"][t][:, 8:])
        assert (view["frames"][t][:, :8] == 200).all()
        np.testing.assert_array_equal(view["holes"][t], column())
    assert view["frames"].shape == (2, *SIZE, 3)
    assert "source" not in view


def test_what_is_hidden_does_not_shrink_by_filling_or_by_plates(filled):
    painted = clip(hidden=np.stack([hidden()] * 2), holes=np.stack([column()] * 2))
    for below in (clip(), painted):
        np.testing.assert_array_equal(hidden_pixels(ComposedView(ComposedView(below, filled), filled))[1], hidden())


def test_nothing_is_stored_where_nothing_is_hidden(filled):
    assert not filled["frames"][0][:, 8:].any()
