"""A camera pans over a scene; a box goes its own way over it, with a shadow beneath it."""

import cv2
import numpy as np
import pytest

from dfvi_models.errors import ShapeError
from dfvi_models.rims import growth
from dfvi_models.rims.differences import differing
from dfvi_models.rims.growth import grow_holes
from tests.dfvi_models.registration.scenes import HEIGHT, WIDTH, panning

COUNT = 9
SHADED = (slice(66, 74), slice(56, 86))  # beneath the box


@pytest.fixture(scope="module")
def clean():
    return panning(COUNT, step=(6, 1))


@pytest.fixture(scope="module")
def holes():
    holes = np.zeros((COUNT, HEIGHT, WIDTH), bool)
    holes[:, 45:66, 56:86] = True
    return holes


def shaded(clean, strength=0.5):
    frames = clean.copy()
    rows, columns = SHADED
    frames[:, rows, columns] = frames[:, rows, columns] * (1 - strength)
    return frames


def grown(frames, holes, **settings):
    return np.stack([hole for _, hole in grow_holes(frames, holes, wanted=range(len(frames)), **settings)])


def test_a_shadow_that_goes_with_the_hole_joins_it(clean, holes):
    added = grown(shaded(clean), holes) & ~holes
    rows, columns = SHADED
    assert added[:, rows, columns].mean() > 0.9
    assert added[:, :40].sum() == 0


def test_a_clean_rim_stays(clean, holes):
    assert (grown(clean, holes) & ~holes).mean() < 0.001


def test_a_clean_shot_is_judged_by_some_of_its_frames(clean, holes, monkeypatch):
    looked_at = []
    monkeypatch.setattr(growth, "differing", lambda *given: looked_at.append(1) or differing(*given))
    grown(clean, holes)
    assert 0 < len(looked_at) < COUNT / 2
    looked_at.clear()
    grown(shaded(clean), holes)
    assert len(looked_at) == COUNT


def test_no_hole_reaches_farther_than_asked(clean, holes):
    found = grown(shaded(clean), holes, reach=0.04)
    far = cv2.distanceTransform((~holes[0]).view(np.uint8), cv2.DIST_L2, 5) > 0.04 * HEIGHT + 0.5
    assert (found & ~holes).any()
    assert not (found & far).any()
    np.testing.assert_array_equal(grown(shaded(clean), holes, reach=0), holes)


def test_a_hole_grows_by_no_more_than_its_own_size(clean, holes):
    small = np.zeros_like(holes)
    small[:, 63:66, 68:74] = True
    found = grown(shaded(clean), small)
    assert (found[4] & ~small[4]).any()
    assert found[4].sum() <= 2 * small[4].sum()


def test_what_joins_in_some_frames_only_stays_out(clean, holes):
    frames = clean.copy()
    frames[:3] = shaded(clean)[:3]  # as a bystander would for a while
    assert not (grown(frames, holes) & ~holes).any()


def test_a_speck_stays_out(clean, holes):
    frames = clean.copy()
    frames[:, 66:69, 70:73] = frames[:, 66:69, 70:73] // 2
    assert not (grown(frames, holes) & ~holes).any()


def test_a_blurred_edge_joins_where_there_is_a_shadow_too(clean, holes):
    edge = (slice(45, 66), slice(86, 90))

    def coloured(frames):
        frames = frames.copy()
        frames[:, *edge] = (200, 30, 30)
        return frames

    assert not (grown(coloured(clean), holes) & ~holes).any()
    assert grown(coloured(shaded(clean)), holes)[:, *edge].mean() > 0.6


def test_a_bystander_beside_the_hole_stays(clean, holes):
    frames = clean.copy()
    frames[4, 40:80, 92:104] = (200, 30, 30)  # nobody else shows it, and it has no texture of what it hides
    assert not (grown(frames, holes)[4] & ~holes[4])[:, 96:104].any()


def test_where_nothing_moves_apart_nothing_is_known(clean, holes):
    still = np.repeat(shaded(clean)[:1], COUNT, axis=0)
    np.testing.assert_array_equal(grown(still, holes), holes)


def test_frames_without_hole_and_single_frames_stay(clean, holes):
    some = holes.copy()
    some[2] = False
    found = grown(shaded(clean), some)
    assert not found[2].any()
    assert (found[3] & ~some[3]).any()
    np.testing.assert_array_equal(grown(clean[:1], holes[:1]), holes[:1])


def test_the_result_depends_neither_on_threads_nor_on_what_else_was_asked(clean, holes):
    frames = shaded(clean)
    (_, alone), *_ = grow_holes(frames, holes, wanted=[5])
    np.testing.assert_array_equal(alone, grown(frames, holes, threads=2)[5])


def test_what_does_not_belong_together_is_refused(clean, holes):
    with pytest.raises(ShapeError):
        grow_holes(clean, holes[:3], wanted=[0])
    with pytest.raises(ValueError, match="reach"):
        grow_holes(clean, holes, wanted=[0], reach=2)


def test_what_stands_in_holes_is_never_read(clean, holes):
    frames = shaded(clean)
    noise = np.random.default_rng(0).integers(0, 255, frames.shape).astype(np.uint8)
    black, noisy = (np.where(holes[..., None], inside, frames) for inside in (np.uint8(0), noise))
    np.testing.assert_array_equal(grown(black, holes), grown(noisy, holes))
    rows, columns = SHADED
    assert (grown(black, holes) & ~holes)[:, rows, columns].mean() > 0.9
    assert (grown(np.where(holes[..., None], np.uint8(0), clean), holes) & ~holes).mean() < 0.001


def test_on_a_larger_grid_no_line_stays_between_the_hole_and_what_joins_it(clean, holes):
    frames, larger = (np.repeat(np.repeat(planes, 4, axis=1), 4, axis=2) for planes in (shaded(clean), holes))
    # an odd last row: the working grid, of half the size, takes the row below it for hole too
    larger[:, 263] = False
    ((_, found),) = grow_holes(frames, larger, wanted=[4])
    both = found[262] & found[266]
    assert both.sum() > 60
    assert found[263][both].all()
