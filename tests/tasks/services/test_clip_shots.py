"""Shots of a clip are found without keeping anybody waiting."""

import numpy as np

from storage.media.reading import probe
from tasks.services.clip_shots import ClipShots
from tests.clips import write_images
from tests.dfvi_models.shots.made_up_shots import shot
from tests.waiting import wait_until


def test_a_cut_is_found_in_the_background(tmp_path):
    write_images(tmp_path / "clip", np.stack([*shot(1, 10), *shot(2, 14)]))
    shots = ClipShots(probe(tmp_path / "clip"))
    assert wait_until(lambda: shots.found) == [(0, 10), (10, 24)]
