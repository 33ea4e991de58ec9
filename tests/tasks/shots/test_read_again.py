"""A decoded clip whose frames are not stored reads as one whose frames are."""

import random
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from storage.cache.root import Root
from storage.errors import InputError
from tasks.decode import DecodeParams, MediaInput, decode
from tasks.stage.cached_stage import Job
from tests.storage import media_files

COUNT = 80


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """The clip as it is stored, and as it is read again, with what was decoded."""
    folder = tmp_path_factory.mktemp("clip")
    frames = media_files.moving_frames(COUNT, 32, 48)
    media_files.encode(folder / "clip.mp4", frames, options={"g": "12", "sc_threshold": "0"})
    inputs = {"video": MediaInput.video(str(folder / "clip.mp4")), "mask": MediaInput.mask("4,5,6,7")}
    params = DecodeParams(start=3, dilation=1)

    def decoded(keep):
        job = Job(str(Root.create(folder / keep).path), "clip", 2, keep=keep)
        result = decode.run(job, params, inputs)
        return result, job

    return decoded("all"), decoded("result"), folder


def test_it_says_of_itself_what_a_stored_one_says(clips):
    (stored, _), (again, job), _ = clips
    assert again.attributes == stored.attributes
    assert again.digest == stored.digest
    store = Root.open(job.root).open_store("clip", "decode", again.digest)
    assert store.state == "dropped"
    assert len(store["frames"].missing()) == COUNT - 3


@pytest.mark.parametrize("order", ["forward", "shuffled", "from the middle", "backward", "by two threads"])
def test_every_frame_and_hole_is_the_stored_one_in_any_order(clips, order):
    (stored, job), (again, again_job), _ = clips
    expected, read = stored.open(job), again.open(again_job)
    assert read["frames"].shape == expected["frames"].shape
    numbers = list(range(COUNT - 3))
    if order == "shuffled":
        random.Random(2).shuffle(numbers)
    elif order == "from the middle":
        numbers = numbers[40:] + numbers[:4]
    elif order == "backward":
        numbers.reverse()
    with ThreadPoolExecutor(2 if "threads" in order else 1) as pool:
        frames = list(pool.map(lambda t: read["frames"][t], numbers))
    for t, frame in zip(numbers, frames, strict=True):
        np.testing.assert_array_equal(frame, expected["frames"][t], err_msg=str(t))
        np.testing.assert_array_equal(read["holes"][t], expected["holes"][t])


def test_holes_that_were_dropped_are_stored_again(clips):
    (stored, job), (again, again_job), _ = clips
    Root.open(again_job.root).open_store("clip", "decode", again.digest).remove_arrays()
    np.testing.assert_array_equal(again.open(again_job)["holes"][5], stored.open(job)["holes"][5])


def test_a_file_that_changes_while_it_is_read_again_is_refused(clips):
    _, (again, job), folder = clips
    again.open(job)
    again.check()
    with (folder / "clip.mp4").open("ab") as file:
        file.write(b"more")
    with pytest.raises(InputError, match=r"clip\.mp4 changed while"):
        again.check()
