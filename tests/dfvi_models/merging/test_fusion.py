import numpy as np
import pytest

from dfvi_models.errors import ShapeError
from dfvi_models.merging.fusion import ConfidenceModel, fuse
from dfvi_models.merging.robust import merge_robust
from dfvi_models.types import INVENTED, KNOWN, NO_SOURCE, Candidates


def candidates(colours, sources, errors=None, invented=None):
    """One pixel's candidates as K rows of a grey level, a source and an error; or many pixels, (K, N)."""
    colours, sources = np.atleast_2d(np.array(colours)), np.atleast_2d(np.array(sources, np.int32))
    if colours.shape[0] == 1 and sources.shape[0] == 1 and colours.shape[1] <= 2:
        colours, sources = colours.T, sources.T
    errors = np.zeros(sources.shape) if errors is None else np.array(errors).reshape(sources.shape)
    invented = np.zeros(sources.shape) if invented is None else np.array(invented).reshape(sources.shape)
    return Candidates(
        colour=np.repeat(colours[..., None], 3, axis=2).astype(np.uint8),
        source=sources,
        error=errors.astype(np.float32),
        invented=invented.astype(bool),
    )


ONE, GREY = np.ones((1, 1), bool), np.full((1, 1, 3), 99, np.uint8)
NONE = candidates([0, 0], [NO_SOURCE, NO_SOURCE])


def test_candidates_that_agree_give_their_colour_and_a_high_confidence():
    fused = fuse(GREY, ONE, 5, candidates([120, 120], [4, 3]), candidates([120, 120], [6, 7]))
    np.testing.assert_allclose(fused.colour, [[120] * 3])
    assert fused.confidence[0] > 0.95
    assert fused.source[0] in (4, 6)


def test_one_wrong_colour_among_three_is_left_out():
    fused = fuse(GREY, ONE, 5, candidates([100, 104], [4, 3]), candidates([250, 0], [6, NO_SOURCE]))
    assert 99 < fused.colour[0, 0] < 106


def test_of_two_that_contradict_the_one_with_the_smaller_error_wins_and_both_are_doubted():
    contradicting = fuse(GREY, ONE, 5, candidates([50], [4], [0.1]), candidates([200], [6], [2.0]))
    agreeing = fuse(GREY, ONE, 5, candidates([50], [4], [0.1]), candidates([50], [6], [2.0]))
    assert contradicting.colour[0, 0] < 60
    assert contradicting.source[0] == 4
    assert contradicting.confidence[0] < 0.8 < 0.95 < agreeing.confidence[0]


def test_confidence_is_the_stated_logistic_function_of_error_and_lag():
    doubt = ConfidenceModel(offset=0.25, error=-1.5, lag=-0.5)
    fused = fuse(GREY, ONE, 7, candidates([90], [3], [0.95]), NONE, model=doubt)
    expected = 1 / (1 + np.exp(-(0.25 - 1.5 * np.log(1.0) - 0.5 * np.log(4))))
    np.testing.assert_allclose(fused.confidence, [expected], rtol=1e-6)


def test_the_detail_of_invented_colours_is_kept_rather_than_doubted():
    seen, made = (fuse(GREY, ONE, 5, candidates([90], [2], [1.0], [flag]), NONE).confidence[0] for flag in (0, 1))
    odds = [np.log(confidence / (1 - confidence)) for confidence in (seen, made)]
    np.testing.assert_allclose(odds[1] - odds[0], ConfidenceModel().invented, rtol=1e-4)


def test_a_jump_at_the_rim_lowers_confidence():
    frame, hole = np.full((3, 9, 3), 50, np.uint8), np.zeros((3, 9), bool)
    hole[:, 4:6] = True
    meeting, jumping = (
        fuse(frame, hole, 5, candidates([[grey] * 6], [[4] * 6]), candidates([[0] * 6], [[NO_SOURCE] * 6]))
        for grey in (50, 90)
    )
    assert (jumping.confidence < meeting.confidence - 0.05).all()


def test_agreement_is_judged_by_what_stands_around_too():
    hole = np.ones((1, 5), bool)
    forward = candidates([[100, 100, 100, 100, 100]], [[0] * 5])
    mixed = candidates([[10, 10, 100, 10, 10]], [[2] * 5])
    alone = fuse(GREY, ONE, 1, candidates([100], [0]), candidates([100], [2])).confidence[0]
    assert fuse(np.zeros((1, 5, 3), np.uint8), hole, 1, forward, mixed).confidence[2] < alone


def test_a_pixel_without_candidates_has_no_confidence_and_no_source():
    fused = fuse(GREY, ONE, 5, NONE, NONE)
    assert fused.confidence.tolist() == [0]
    assert fused.source.tolist() == [NO_SOURCE]


def test_an_invented_colour_is_labelled():
    assert fuse(GREY, ONE, 5, candidates([9], [4], invented=[True]), NONE).source.tolist() == [INVENTED]


def test_candidates_of_another_hole_are_refused():
    with pytest.raises(ShapeError, match="trace this hole again"):
        fuse(np.zeros((1, 2, 3), np.uint8), np.ones((1, 2), bool), 5, NONE, NONE)


@pytest.mark.parametrize("blending", [True, False])
def test_merging_labels_every_pixel_and_touches_nothing_outside(blending):
    frame = np.random.default_rng(0).integers(0, 256, (6, 7, 3)).astype(np.uint8)
    hole = np.zeros((6, 7), bool)
    hole[2:4, 2:5] = True
    forward = candidates([[90] * 6], [[1, 1, 1, NO_SOURCE, NO_SOURCE, NO_SOURCE]])
    backward = candidates([[90] * 6], [[NO_SOURCE] * 4 + [4, NO_SOURCE]])
    merged = merge_robust(frame, hole, 2, forward, backward, blending=blending)
    assert merged.source[hole].tolist() == [1, 1, 1, KNOWN, 4, KNOWN]
    assert merged.hole[hole].tolist() == [False, False, False, True, False, True]
    assert not merged.hole[~hole].any()
    assert (merged.source[~hole] == KNOWN).all()
    np.testing.assert_array_equal(merged.frame[~hole], frame[~hole])
    assert (merged.frame[merged.hole] == 0).all()
    if not blending:
        assert (merged.frame[hole & ~merged.hole] == 90).all()
