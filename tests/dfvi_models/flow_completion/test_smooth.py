import numpy as np
import pytest

from dfvi_models.errors import ShapeError
from dfvi_models.flow_completion.smooth import SmoothCompleter
from dfvi_models.numerics.holes import dilate_by_disc
from dfvi_models.numerics.laplace import fill_smooth


def clip(count=4, shape=(40, 50), seed=0):
    rng = np.random.default_rng(seed)
    flows = [rng.standard_normal((*shape, 2)).astype(np.float32) for _ in range(2 * (count - 1))]
    holes = [np.zeros(shape, bool) for _ in range(count)]
    for t, hole in enumerate(holes):
        hole[10 : 20 + t, 15:25] = True
    return flows[: count - 1], flows[count - 1 :], holes


def complete(flow_fw, flow_bw, holes, dilation=3, **options):
    options = {"wanted": range(len(holes) - 1)} | options
    return dict(SmoothCompleter(dilation).complete(flow_fw, flow_bw, holes, **options))


def test_each_direction_is_filled_in_the_hole_of_the_frame_it_starts_from():
    flow_fw, flow_bw, holes = clip()
    for t, flow in complete(flow_fw, flow_bw, holes).items():
        np.testing.assert_array_equal(flow.fw, fill_smooth(flow_fw[t], dilate_by_disc(holes[t], 3)))
        np.testing.assert_array_equal(flow.bw, fill_smooth(flow_bw[t], dilate_by_disc(holes[t + 1], 3)))


def test_flow_outside_the_dilated_hole_is_untouched_and_inside_is_not_read():
    flow_fw, flow_bw, holes = clip()
    grown = dilate_by_disc(holes[0], 3)
    flow_fw[0][grown] = np.nan
    flow = complete(flow_fw, flow_bw, holes, wanted=[0])[0].fw
    np.testing.assert_array_equal(flow[~grown], flow_fw[0][~grown])
    assert np.isfinite(flow).all()


def test_the_result_is_the_same_for_every_number_of_threads_and_every_choice_of_pairs():
    whole = complete(*clip())
    for threads, wanted in ((2, [0, 1, 2]), (3, [1, 2]), (1, [2])):
        flows = complete(*clip(), wanted=wanted, threads=threads)
        assert list(flows) == wanted
        for t in wanted:
            np.testing.assert_array_equal(flows[t].fw, whole[t].fw)
            np.testing.assert_array_equal(flows[t].bw, whole[t].bw)


def test_a_hole_over_the_whole_frame_gives_flow_zero():
    flow_fw, flow_bw, holes = clip()
    holes[1][:] = True
    np.testing.assert_array_equal(complete(flow_fw, flow_bw, holes)[1].fw, 0)


def test_where_dilation_would_swallow_the_picture_the_hole_alone_is_filled():
    flow_fw, flow_bw, holes = clip(2, (9, 9))
    holes[0][:] = False
    holes[0][4, 4] = True
    flow = complete(flow_fw, flow_bw, holes, dilation=20)[0].fw
    np.testing.assert_array_equal(flow, fill_smooth(flow_fw[0], holes[0]))


def test_holes_are_brought_to_the_grid_of_a_smaller_flow():
    flow_fw, flow_bw, _ = clip(2, (20, 25))
    hole = np.zeros((40, 50), bool)
    hole[7, 9] = True  # lies in the flow pixel (3, 4)
    flow = complete(flow_fw, flow_bw, [hole, hole], dilation=0)[0].fw
    changed = (flow != flow_fw[0]).any(axis=-1)
    np.testing.assert_array_equal(np.argwhere(changed), [[3, 4]])


def test_one_frame_has_no_pairs():
    assert complete([], [], [np.zeros((4, 4), bool)]) == {}


def test_inputs_that_do_not_belong_together_are_refused():
    flow_fw, flow_bw, holes = clip()
    with pytest.raises(ShapeError, match="4 frames need 3 flows each way; got 2 and 3"):
        complete(flow_fw[:2], flow_bw, holes)
    with pytest.raises(ValueError, match=r"0\.\.2; got 3\.\.3"):
        complete(flow_fw, flow_bw, holes, wanted=[3])
    with pytest.raises(ValueError, match="0 px or more; got -1"):
        SmoothCompleter(-1)
