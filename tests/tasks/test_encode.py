"""What reaches the file: the bits and the alpha of the source, and warnings that stay with the result."""

import cv2
import numpy as np
import pytest

from storage.cache.root import Root
from storage.media.reading import probe
from storage.media.writing import write_images
from tasks.decode import DecodeParams, MediaInput, decode
from tasks.encode import EncodeParams, encode
from tasks.shots.filled_shots import FilledShot, FilledShots
from tasks.stage.cached_stage import Job
from tests.storage.media_files import add_audio, moving_frames
from tests.storage.media_files import encode as encode_video

H, W, T = 24, 32, 3


@pytest.fixture
def run(tmp_path):
    """Decode, and encode what was decoded as if it were the result; the hole holds what it held before."""
    Root.create(tmp_path / "root")
    job = Job(str(tmp_path / "root"), "clip")

    def decode_and_encode(video, mask, **params):
        media = MediaInput.video(str(video))
        clip = decode.run(job, DecodeParams(dilation=0), {"video": media, "mask": MediaInput.mask(mask)})
        inputs = {"clip": clip, "filled": FilledShots((FilledShot(0, clip),)), "video": media}
        return encode.run(job, EncodeParams(**params), inputs).open(job)

    return decode_and_encode


def images_of(store):
    return [cv2.imread(str(store.file(name)), cv2.IMREAD_UNCHANGED) for name in sorted(store.manifest.files)]


def test_sixteen_bits_outside_the_hole_reach_the_images(tmp_path, run):
    frames = list(np.random.default_rng(0).integers(0, 2**16, (T, H, W, 3), np.uint16))
    write_images(tmp_path / "frames", frames)
    store = run(tmp_path / "frames", "4,5,6,7", container="png")
    (warning,) = store.attributes["warnings"]
    assert warning == "frames: of 16 bits 16 are kept; what is filled in has steps of 8"
    hole = np.zeros((H, W), bool)
    hole[5:12, 4:10] = True
    for image, frame in zip(images_of(store), frames, strict=True):
        assert np.array_equal(image[..., ::-1][~hole], frame[~hole])
        assert np.array_equal(image[..., ::-1][hole], (frame[hole] >> 8) * 257)


@pytest.mark.parametrize("mask", ["alpha", "4,5,6,7"])
def test_alpha_goes_along_and_what_was_filled_for_being_transparent_is_opaque(tmp_path, run, mask):
    alpha = np.full((H, W), 200, np.uint8)
    alpha[5:12, 4:10] = 30
    write_images(tmp_path / "frames", [np.dstack([frame, alpha]) for frame in moving_frames(T, H, W)])
    store = run(tmp_path / "frames", mask, container="png")
    assert "warnings" not in store.attributes
    expected = alpha if mask != "alpha" else np.where(alpha == 30, np.uint8(255), alpha)
    assert all(np.array_equal(image[..., 3], expected) for image in images_of(store))
    lost = run(tmp_path / "frames", mask, container="mp4")
    assert "frames: the alpha channel is left out with codec h264" in lost.attributes["warnings"][0]


def test_audio_that_is_encoded_anew_is_told_with_the_result(tmp_path, run):
    picture = encode_video(tmp_path / "a.avi", moving_frames(5, H, W), codec="mpeg4")
    source = add_audio(picture, tmp_path / "b.avi", codec="adpcm_ms", seconds=0.2)
    store = run(source, "4,5,6,7")
    (warning,) = store.attributes["warnings"]
    assert "b.avi: audio track 1 (adpcm_ms) does not go into .mp4 files: encoded as AAC" in warning
    assert probe(store.file("video.mp4")).has_audio
    assert not probe(run(source, "4,5,6,7", audio=False).file("video.mp4")).has_audio
