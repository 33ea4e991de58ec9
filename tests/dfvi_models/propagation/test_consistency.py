import subprocess
import sys

import numpy as np
import pytest

from dfvi_models.errors import ShapeError
from dfvi_models.numerics.resizing import resize_flow
from dfvi_models.propagation.consistency import NOWHERE, consistency_error, trace_to_neighbour
from tests.paths import GOLDEN, REPOSITORY


def constant_flow(dx, dy, shape=(5, 7)):
    return np.full((*shape, 2), (dx, dy), np.float32)


def trace_all(there, back, limit=1.0, **options):
    height, width = there.shape[:2]
    return trace_to_neighbour(np.arange(height * width, dtype=np.int32), there, back, limit, **options)


@pytest.mark.parametrize("case", range(8))
def test_labels_and_validity_equal_the_reference(case):
    with np.load(GOLDEN / "flow_warp.npz") as golden:
        flow_back, flow_there, label, limit, fill, expected, valid = (
            golden[f"warp_{case}_{name}"] for name in ("flow1", "flow2", "label", "th", "value", "out", "valid")
        )
    target = trace_all(flow_there, flow_back, float(limit)).target
    warped = label.reshape(-1, label.shape[-1])[target]
    warped[target == NOWHERE] = fill
    np.testing.assert_array_equal(target != NOWHERE, valid.ravel() > 0)
    np.testing.assert_array_equal(warped.reshape(expected.shape), expected)


def test_opposite_translations_lead_to_the_shifted_pixel_inside_the_frame():
    trace = trace_all(constant_flow(2, 1), constant_flow(-2, -1), reach_border=True)
    y, x = np.mgrid[:5, :7]
    inside = (x + 2 <= 6) & (y + 1 <= 4)
    expected = np.where(inside, (y + 1) * 7 + x + 2, NOWHERE)
    np.testing.assert_array_equal(trace.target.reshape(5, 7), expected)
    np.testing.assert_array_equal(np.isinf(trace.error).reshape(5, 7), ~inside)


def test_the_papers_rule_refuses_the_last_row_and_column():
    still = constant_flow(0, 0)
    paper = (trace_all(still, still).target != NOWHERE).reshape(5, 7)
    assert paper[:-1, :-1].all()
    assert not paper[-1].any()
    assert not paper[:, -1].any()
    assert (trace_all(still, still, reach_border=True).target != NOWHERE).all()


def test_the_largest_error_itself_is_refused():
    there, back = constant_flow(1, 0), constant_flow(-1, 3)
    assert (trace_all(there, back, 3.0).target == NOWHERE).all()
    assert (trace_all(there, back, 3.001).target != NOWHERE).any()


def test_the_disagreement_of_both_flows_is_split_between_them():
    # There says 3 right, back says 1 left: the pixel lies (3 + 1) / 2 = 2 to the right.
    trace = trace_all(constant_flow(3, 0), constant_flow(-1, 0), 5.0)
    assert trace.target[0] == 2
    assert trace.error[0] == 2.0


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e30])
def test_flow_that_is_no_position_leads_nowhere(bad):
    there = constant_flow(0, 0)
    there[1, 1] = bad
    trace = trace_all(there, constant_flow(0, 0))
    assert trace.target[8] == NOWHERE
    assert np.isinf(trace.error[8])


def test_flow_back_that_is_not_a_number_leads_nowhere():
    back = constant_flow(0, 0)
    back[1, 1] = np.nan
    assert trace_all(constant_flow(0, 0), back).target[8] == NOWHERE


def test_one_pixel_wide_frames_work_when_the_border_counts():
    still = constant_flow(0, 0, (4, 1))
    np.testing.assert_array_equal(trace_all(still, still, reach_border=True).target, np.arange(4))
    assert (trace_all(still, still).target == NOWHERE).all()


def test_consistency_error_is_zero_for_opposite_flows_and_infinite_outside():
    error = consistency_error(constant_flow(2, 0), constant_flow(-2, 0))
    np.testing.assert_array_equal(error[:, :5], 0)
    assert np.isinf(error[:, 5:]).all()


def test_flows_of_different_shape_are_refused():
    with pytest.raises(ShapeError, match=r"\(5, 7, 2\) and \(5, 8, 2\)"):
        consistency_error(constant_flow(0, 0), constant_flow(0, 0, (5, 8)))


@pytest.mark.parametrize("case", range(4))
def test_resized_flow_equals_the_reference(case):
    with np.load(GOLDEN / "flow_warp.npz") as golden:
        height, width = golden[f"flow_tf_{case}_size"].tolist()
        resized = resize_flow(golden["flow_tf_in"], height, width)
        np.testing.assert_allclose(resized, golden[f"flow_tf_{case}_out"], atol=1e-5)


def test_resizing_refuses_what_is_no_flow():
    with pytest.raises(ShapeError, match=r"\(4, 4, 3\)"):
        resize_flow(np.zeros((4, 4, 3), np.float32), 8, 8)


def test_compiled_loops_work_without_a_writable_cache_folder(tmp_path):
    blocker = tmp_path / "file"
    blocker.write_text("not a folder")
    # Only numba's user-wide folder is allowed, and it cannot be made: it would lie below a file.
    script = (
        "import numpy as np; from dfvi_models.propagation.consistency import consistency_error as e; "
        "f = np.zeros((3, 3, 2), np.float32); print(e(f, f).sum())"
    )
    environment = {"XDG_CACHE_HOME": str(blocker / "x"), "NUMBA_CACHE_LOCATOR_CLASSES": "UserWideCacheLocator"}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, cwd=REPOSITORY, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout.strip()) == (0, "0.0"), done.stderr


def test_compiled_loops_work_where_the_disk_is_full(tmp_path):
    script = (
        "import errno, numpy as np; from numba.core import caching\n"
        "def full(*_): raise OSError(errno.ENOSPC, 'No space left on device')\n"
        "caching.IndexDataCacheFile.save = full\n"
        "from dfvi_models.propagation.consistency import consistency_error as e\n"
        "f = np.zeros((3, 3, 2), np.float32); print(e(f, f).sum())"
    )
    environment = {"NUMBA_CACHE_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, cwd=REPOSITORY, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout.strip()) == (0, "0.0"), done.stderr
