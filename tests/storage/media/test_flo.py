"""Flow files: the benchmark's bytes exactly, and nothing hostile allocated."""

import struct

import numpy as np
import pytest

from storage.errors import InputError
from storage.media.flo import read_flo, write_flo
from tests.paths import GOLDEN

GOLDEN_FILE = GOLDEN / "flo_file.npz"  # a flow and its file, made with the paper's code


def test_golden_file_is_read_and_written_to_the_bit(tmp_path):
    golden = np.load(GOLDEN_FILE)
    path = tmp_path / "a.flo"
    path.write_bytes(golden["file_bytes"].tobytes())
    assert np.array_equal(read_flo(path), golden["flow"])
    write_flo(tmp_path / "b.flo", golden["flow"])
    assert (tmp_path / "b.flo").read_bytes() == path.read_bytes()
    assert len(list(tmp_path.iterdir())) == 2


def test_first_value_is_dx_of_the_upper_left_pixel_and_rows_come_one_by_one(tmp_path):
    flow = np.arange(2 * 3 * 2, dtype=np.float32).reshape(2, 3, 2)
    write_flo(tmp_path / "a.flo", flow)
    assert (tmp_path / "a.flo").read_bytes() == b"PIEH" + struct.pack("<ii12f", 3, 2, *range(12))


def test_what_was_read_may_be_changed(tmp_path):
    write_flo(tmp_path / "a.flo", np.zeros((2, 3, 2)))
    flow = read_flo(tmp_path / "a.flo")
    flow += 1
    assert flow.dtype == np.float32


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a .flo file: expected it to begin with PIEH, got b''"),
        (b"PIEH\1", "not a .flo file"),
        (b"HEIP" + struct.pack("<ii", 1, 1) + bytes(8), "expected it to begin with PIEH, got b'HEIP'"),
        (b"PIEH" + struct.pack("<ii", 2**31 - 1, 2**31 - 1), "the header says 2147483647x2147483647 pixels"),
        (b"PIEH" + struct.pack("<ii", -3, 2), "the header says -3x2 pixels"),
        (b"PIEH" + struct.pack("<ii", 0, 2), "gives no size"),
        (b"PIEH" + struct.pack("<ii", 2, 1) + bytes(15), "2x1 flow takes 28 bytes, the file has 27"),
        (b"PIEH" + struct.pack("<ii", 2, 1) + bytes(17), "2x1 flow takes 28 bytes, the file has 29"),
        (b"PIEH" + struct.pack("<ii", 16000, 16000), "16000x16000 flow takes 2048000012 bytes, the file has 12"),
    ],
)
def test_hostile_and_damaged_files_are_refused(tmp_path, content, message):
    (tmp_path / "a.flo").write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        read_flo(tmp_path / "a.flo")
    assert str(tmp_path / "a.flo") in str(caught.value)


def test_missing_files_and_folders_are_refused(tmp_path):
    for path in (tmp_path / "no.flo", tmp_path):
        with pytest.raises(InputError, match=r"no such file|cannot be read"):
            read_flo(path)


def test_flow_of_another_shape_is_refused_and_nothing_is_left(tmp_path):
    with pytest.raises(ValueError, match=r"flow must be \(H, W, 2\); got \(2, 3\)"):
        write_flo(tmp_path / "a.flo", np.zeros((2, 3)))
    assert not list(tmp_path.iterdir())
