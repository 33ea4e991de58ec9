import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from dfvi_models.errors import ShapeError
from dfvi_models.image_inpainting.deepfill import (
    DeepFillInpainter,
    hole_to_tensor,
    image_to_tensor,
    pad_to_multiple,
    tensor_to_grey_levels,
)
from dfvi_models.networks.runtime import Runtime
from tests.dfvi_models.networks.golden_networks import deepfill, golden

CPU = Runtime(device="cpu")


class Constant(nn.Module):
    """In place of a network: the same colour everywhere (blue, green, red in -1 .. 1)."""

    def __init__(self, blue: float, green: float, red: float) -> None:
        super().__init__()
        self.colour = torch.tensor([blue, green, red]).reshape(1, 3, 1, 1)

    def forward(self, picture: Tensor, hole: Tensor) -> tuple[Tensor, Tensor]:
        assert picture.shape[2] % 8 == picture.shape[3] % 8 == 0
        assert picture.shape[2:] == hole.shape[2:]
        self.seen = picture
        return picture, self.colour.expand(picture.shape)


def frame_and_hole(height: int, width: int) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    random = np.random.default_rng(0)
    hole = np.zeros((height, width), bool)
    hole[height // 3 :, width // 4 : width // 2 + 1] = True
    return random.integers(0, 256, (height, width, 3), dtype=np.uint8), hole


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (33, 47), (64, 40)])
def test_only_hole_pixels_change_at_any_size(size: tuple[int, int]) -> None:
    frame, hole = frame_and_hole(*size)
    filled = DeepFillInpainter(deepfill(), runtime=CPU).fill(frame, hole)
    assert filled.dtype == np.uint8
    np.testing.assert_array_equal(filled[~hole], frame[~hole])
    assert not np.array_equal(filled[hole], frame[hole])


def test_what_stands_in_the_hole_is_not_looked_at_even_when_resized() -> None:
    frame, hole = frame_and_hole(40, 56)
    other = frame.copy()
    other[hole] = 255 - other[hole]
    inpainter = DeepFillInpainter(deepfill(), working_size=(27, 35), runtime=CPU)
    np.testing.assert_array_equal(inpainter.fill(frame, hole), inpainter.fill(other, hole))


def test_colours_are_rounded_and_stay_in_their_channels() -> None:
    frame, hole = frame_and_hole(16, 16)
    network = Constant(blue=-1, green=10.4 / 127.5 - 1, red=10.6 / 127.5 - 1)
    filled = DeepFillInpainter(network, runtime=CPU).fill(frame, hole)
    assert (filled[hole] == [11, 10, 0]).all()


def test_a_working_size_is_used_and_brought_back() -> None:
    frame, hole = frame_and_hole(40, 60)
    network = Constant(0.5, 0.5, 0.5)
    filled = DeepFillInpainter(network, working_size=(20, 30), runtime=CPU).fill(frame, hole)
    assert network.seen.shape == (1, 3, 24, 32)
    np.testing.assert_array_equal(filled[~hole], frame[~hole])
    assert filled[20, 20].tolist() == [191, 191, 191]  # 1.5 * 127.5, inside the hole


def test_a_hole_at_the_edge_goes_on_in_the_padding() -> None:
    hole = torch.zeros(1, 1, 9, 8)
    hole[..., 8, 3] = 1
    assert pad_to_multiple(hole).shape == (1, 1, 16, 8)
    assert pad_to_multiple(hole)[..., 8:, 3].sum() == 8


def test_wanted_frames_come_in_order_and_those_without_hole_as_they_are() -> None:
    frame, hole = frame_and_hole(16, 24)
    frames, holes = [frame, frame // 2, frame // 3], [hole, np.zeros_like(hole), hole]
    inpainter = DeepFillInpainter(deepfill(), runtime=CPU)
    found = dict(inpainter.inpaint(frames, holes, wanted=[1, 2], threads=2))
    assert list(found) == [1, 2]
    np.testing.assert_array_equal(found[1], frames[1])
    np.testing.assert_array_equal(found[2], inpainter.fill(frames[2], hole))


def test_the_inpainted_picture_equals_the_papers_code() -> None:
    """The golden picture is of floats; rounded to grey levels, results may differ by one."""
    vectors = golden("deepfill")
    frame = np.rint(vectors["image_bgr"]).astype(np.uint8)[::-1].transpose(1, 2, 0)
    hole = vectors["mask"] > 0
    filled = DeepFillInpainter(deepfill(), runtime=CPU).fill(np.ascontiguousarray(frame), hole)
    expected = vectors["composed_bgr_255"][::-1].transpose(1, 2, 0)
    np.testing.assert_allclose(filled.astype(np.float32)[hole], expected[hole], rtol=0, atol=1)


def test_input_and_output_conversions_equal_the_papers_code() -> None:
    """Tolerance 1e-2 of 255: resizing of floats."""
    vectors = golden("preprocess")
    height, width = size = tuple(vectors["size_hw"].tolist())
    rgb = np.ascontiguousarray(vectors["image1_bgr"][..., ::-1])
    picture, hole = image_to_tensor(rgb, size), hole_to_tensor(vectors["mask"] > 0, size, nearest=True)
    np.testing.assert_allclose((picture * (1 - hole))[0], vectors["deepfill_x"], rtol=0, atol=1e-2)
    np.testing.assert_array_equal(hole[0], vectors["deepfill_mask"])
    np.testing.assert_array_equal(hole[0, :, ::8, ::8], vectors["deepfill_small_mask"])
    net = torch.from_numpy(vectors["deepfill_net"])
    composed = tensor_to_grey_levels(net * hole + picture * (1 - hole), (height, width))
    np.testing.assert_allclose(composed[..., ::-1], vectors["deepfill_composed"], rtol=0, atol=1e-2)


def test_frames_and_holes_that_do_not_fit_are_refused() -> None:
    frame, hole = frame_and_hole(16, 16)
    inpainter = DeepFillInpainter(deepfill(), runtime=CPU)
    with pytest.raises(ShapeError, match=r"\(16, 15\) bool"):
        inpainter.fill(frame, hole[:, 1:])
    with pytest.raises(ShapeError, match="float32"):
        inpainter.fill(frame.astype(np.float32), hole)  # type: ignore[arg-type]
