import numpy as np
import pytest

from dfvi_models.errors import ShapeError
from dfvi_models.evaluation.frame_scores import COLUMNS, EXACT, FilledResult, TrueClip, mean_scores, score_frames
from dfvi_models.evaluation.metrics import psnr_in_hole, ssim, warping_error
from tests.clips import texture

COUNT, HEIGHT, WIDTH = 4, 40, 50


@pytest.fixture
def clip():
    """A still scene with flow 0 as the truth, and a hole in every frame but the last."""
    frames = [texture(HEIGHT, WIDTH)] * COUNT
    zero = [np.zeros((HEIGHT, WIDTH, 2), np.float32)] * (COUNT - 1)
    holes = np.zeros((COUNT, HEIGHT, WIDTH), bool)
    holes[:-1, 10:20, 10:30] = True
    return TrueClip(frames, zero, zero), list(holes)


def table(result, clip, **options):
    truth, holes = clip
    rows = dict(score_frames(result, truth, holes, **({"wanted": range(len(holes))} | options)))
    return {t: dict(zip(COLUMNS, row, strict=True)) for t, row in rows.items()}


def disturbed(clip, by=10):
    truth, holes = clip
    return [np.where(h[..., None], f ^ np.uint8(by), f) for f, h in zip(truth.frames, holes, strict=True)]


def test_a_perfect_result_has_the_best_scores_and_unknowns_are_nan(clip):
    scores = table(FilledResult(clip[0].frames), clip)
    assert scores[0]["psnr"] == scores[0]["hole_psnr"] == EXACT
    assert scores[0]["ssim"] == pytest.approx(1)
    assert scores[0]["warping_error"] == 0
    assert np.isnan([scores[0]["flow_epe"], scores[0]["propagated"]]).all()


def test_a_frame_without_hole_does_not_count(clip):
    scores = table(FilledResult(disturbed(clip)), clip)
    assert np.isnan(list(scores[3].values())).all()


def test_numbers_are_those_of_the_metrics(clip):
    truth, holes = clip
    frames = disturbed(clip)
    frames[1] = np.where(holes[1][..., None], np.uint8(0), frames[1])
    scores = table(FilledResult(frames), clip)
    assert scores[1]["hole_psnr"] == psnr_in_hole(frames[1], truth.frames[1], holes[1])
    assert scores[1]["ssim"] == ssim(frames[1], truth.frames[1])
    expected = warping_error(frames[0], frames[1], truth.flow_fw[0], truth.flow_bw[0], holes[0])
    assert scores[0]["warping_error"] == pytest.approx(1000 * expected)
    assert scores[0]["true_warping_error"] == 0
    assert expected > 0


def test_flow_is_scored_both_ways_on_the_grid_of_the_hole(clip):
    fw = [np.zeros((HEIGHT, WIDTH, 2), np.float32) for _ in range(COUNT - 1)]
    bw = [flow.copy() for flow in fw]
    fw[1][12, 15, 0] = 200 * 3  # one of 200 hole pixels
    bw[0][..., 1] = 1
    fw[0][0, 0] = 99  # outside the hole
    scores = table(FilledResult(clip[0].frames, flow_fw=fw, flow_bw=bw), clip)
    assert scores[0]["flow_epe"] == 0  # the first frame has a way forward only
    assert scores[1]["flow_epe"] == pytest.approx((3 + 1) / 2)
    assert scores[2]["flow_epe"] == 0


def test_flow_on_a_smaller_grid_is_brought_to_that_of_the_hole(clip):
    small = [np.full((HEIGHT // 2, WIDTH // 2, 2), [1.5, 0], np.float32)] * (COUNT - 1)
    scores = table(FilledResult(clip[0].frames, flow_fw=small, flow_bw=small), clip)
    assert scores[1]["flow_epe"] == pytest.approx(3)
    back = [-flow for flow in small]
    coarse_truth = TrueClip(clip[0].frames, small, back)
    scores = table(FilledResult(clip[0].frames, flow_fw=small, flow_bw=back), (coarse_truth, clip[1]))
    assert scores[1]["flow_epe"] == 0
    assert scores[1]["warping_error"] > 0


def test_the_share_propagated_counts_real_sources(clip):
    source = np.full((COUNT, HEIGHT, WIDTH), -1, np.int32)
    source[:, 10:20, 10:15], source[:, 10:20, 15:30] = 2, -2
    assert table(FilledResult(clip[0].frames, source), clip)[1]["propagated"] == 0.25


def test_threads_and_what_else_is_wanted_change_nothing(clip):
    result = FilledResult(disturbed(clip))
    assert table(result, clip, wanted=[2], threads=2)[2] == pytest.approx(table(result, clip)[2], nan_ok=True)


def test_one_frame_has_no_flow(clip):
    truth, holes = clip
    alone = TrueClip(truth.frames[:1], [], []), holes[:1]
    scores = table(FilledResult(truth.frames[:1], flow_fw=[], flow_bw=[]), alone)[0]
    assert np.isnan([scores["flow_epe"], scores["warping_error"]]).all()


def test_lengths_that_do_not_fit_are_refused(clip):
    truth, holes = clip
    with pytest.raises(ShapeError, match="4 true frames"):
        next(score_frames(FilledResult(truth.frames[:2]), truth, holes, wanted=[0]))


def test_means_leave_out_what_has_no_meaning():
    rows = np.full((3, len(COLUMNS)), np.nan)
    rows[1:, COLUMNS.index("psnr")] = 1, 3
    rows[2, COLUMNS.index("propagated")] = 1
    means = mean_scores(list(rows))
    assert {name: value for name, value in means.items() if value is not None} == {"psnr": 2, "propagated": 1}
    assert list(means) == list(COLUMNS)
