"""Times: masks that count for a while, and a range that is worked on; the rest of the video stays as it is."""

from fractions import Fraction

import av
import cv2
import numpy as np
import pytest

from flows.cli import main as cli
from flows.cli.arguments import configuration
from flows.configs.run_config import load_config
from flows.pipeline.plan import plan_video
from flows.pipeline.preflight import check_request
from flows.pipeline.stage_order import inpaint_clip
from flows.pipeline.summary import describe, summarise
from storage.cache.root import Root
from storage.errors import InputError
from storage.media.reading import probe, read_frames
from tasks import decode as decoding
from tasks.decode import DecodeParams, MediaInput, decode, stored_frames, taken_frames, worked_frames
from tasks.shots.shot_batches import DirectRunner
from tasks.stage.cached_stage import Job
from tests.clips import write_images
from tests.dfvi_models.shots.made_up_shots import shot
from tests.storage.media_files import add_audio
from tests.storage.media_files import encode as encode_video

BOX = "60,30,20,14"
SETTINGS = ("decode.dilation=1", "decode.frame_rate=10", "encode.container=png")


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    """Two shots of eight frames, ten frames a second."""
    folder = tmp_path_factory.mktemp("video") / "frames"
    write_images(folder, np.stack([*shot(1, 8, 2), *shot(2, 8, 2)]))
    return folder


def images_of(folder):
    return [cv2.imread(str(path)) for path in sorted(folder.iterdir()) if path.suffix == ".png"]


@pytest.fixture
def run(video, tmp_path):
    """Inpaints the video; returns what was done, and the images that came out."""

    def inpaint(mask, *settings, root="root"):
        config = load_config("fast", settings=[*SETTINGS, *settings])
        inputs = MediaInput.video(str(video)), MediaInput.mask(mask)
        runner = DirectRunner(Job(str(Root.create(tmp_path / root).path), "clip"))
        results = inpaint_clip(runner, config, *inputs)
        store = results.encoded.open(runner.job)
        images = [cv2.imread(str(store.file(name))) for name in sorted(store.manifest.files)]
        assert {row.action for row in plan_video(tmp_path / root, "clip", config, *inputs)} == {"reuse"}
        return {(done.stage, done.shot): done.action for done in runner.done}, images

    return inpaint


def changed(images, video):
    return [t for t, (image, was) in enumerate(zip(images, images_of(video), strict=True)) if (image != was).any()]


def test_a_timed_mask_changes_its_frames_alone_and_recomputes_the_shots_it_touches_alone(run, video):
    done, images = run(f"{BOX}@0:00.2-0:00.5")
    assert changed(images, video) == [2, 3, 4]
    assert {name for _, name in done} == {"", "0-7"}
    done, images = run(f"{BOX}@f2-f5\n{BOX}@1.2s-1.4s")
    assert changed(images, video) == [2, 3, 4, 12, 13]
    first = {action for (_, name), action in done.items() if name == "0-7"}
    second = {action for (_, name), action in done.items() if name == "8-15"}
    assert (first, second) == ({"reuse"}, {"compute"})


def test_a_range_is_worked_on_and_the_rest_is_kept_as_it_is(run, video):
    done, images = run(BOX, "decode.start=1s", "decode.stop=1.3s", "decode.rest=keep")
    assert changed(images, video) == [10, 11, 12]
    assert {name for _, name in done} == {"", "8-15"}  # what lies beside it helps, and is put back as it was


def test_frames_far_from_the_time_of_every_mask_are_not_stored_and_come_out_as_they_were(run, video, monkeypatch):
    _, near = run(f"{BOX}@f10-f12", root="whole")
    monkeypatch.setattr(decoding, "BESIDE", 2)
    clip = probe(video)
    assert stored_frames(clip, f"{BOX}@f10-f12", DecodeParams()) == (8, 14)
    assert stored_frames(clip, f"{BOX}@f10-f12\n{BOX}", DecodeParams()) == (0, 16)
    assert stored_frames(clip, f"{BOX}@f10-f12", DecodeParams(start=9, stop=11)) == (9, 11)
    assert stored_frames(clip, f"{BOX}@f10-f12", DecodeParams(start=9, stop=11, rest="keep")) == (8, 14)
    assert worked_frames(clip, f"{BOX}@f10-f12", DecodeParams(start=9, stop=11, rest="keep")) == (9, 11)
    _, images = run(f"{BOX}@f10-f12", root="part")
    assert changed(images, video) == [10, 11]
    assert len(images) == len(near) == 16


def test_a_mask_whose_time_lies_outside_the_range_is_one_line(video):
    with pytest.raises(InputError, match=r"mask box .*@f2-f5 counts for no frame from 8 to 15, which are all that is"):
        stored_frames(probe(video), f"{BOX}@f2-f5", DecodeParams(start=8))


def test_frames_are_taken_by_number_or_time_and_a_frame_has_one_digest_however_it_is_written(video):
    clip = probe(video)
    assert taken_frames(clip, DecodeParams(start="f3", stop="0:00.5")) == (3, 12)
    assert DecodeParams(start="f3") == DecodeParams(start=3)
    assert "rest" not in decode.key(DecodeParams(), {}).params
    assert decode.key(DecodeParams(rest="keep"), {}).params["rest"] == "keep"
    assert load_config(settings=["decode.start=0:10", "decode.stop=12.5"]).decode.stop == "0:12.5"
    assert load_config(settings=["decode.start=1:00"]).decode.start == "1:00"
    for wrong, said in (("-1", "from 0 on"), ("'12'", "may be seconds or a frame"), ("later", "is no time")):
        with pytest.raises(InputError, match=f"decode.start = .* is not possible: .*{said}"):
            load_config(settings=[f"decode.start={wrong}"])


def test_times_are_checked_before_a_run_begins(video, tmp_path):
    for mask, settings, said in (
        (f"{BOX}@1:00-", [], r"begins at 1:00, and .*frames has 16 frames and lasts 0:00.667"),
        (BOX, ["decode.stop=f17"], r"the part to take .* ends at f17, and .*frames has 16 frames"),
        (BOX, ["decode.start=16"], r"the part to take .* begins at f16, and .*frames has 16 frames"),
        (BOX, ["decode.start=2", "decode.stop=2"], r"the part to take .* holds no frame from f2 to f2; its end is not"),
    ):
        with pytest.raises(InputError, match=said):
            check_request(str(video), mask, str(tmp_path / "o.mp4"), load_config(settings=settings))


def test_the_command_line_keeps_sound_and_every_frame_outside_the_range(tmp_path, video, capsys):
    frames = [image[..., ::-1] for image in images_of(video)]
    picture = encode_video(tmp_path / "picture.mkv", frames, codec="ffv1", pixel_format="bgr0", rate=Fraction(10))
    clip = add_audio(picture, tmp_path / "clip.mkv", codec="flac", seconds=1.6)
    line = ["plan", str(clip), "--mask", BOX, "-o", "out.mkv", "--preset", "fast", "--set", "encode.codec=ffv1"]
    config = configuration(cli._parser().parse_args([*line, "--from", "0:01", "--to", "f13"]))
    runner = DirectRunner(Job(str(Root.create(tmp_path / "root").path), "clip"))
    results = inpaint_clip(runner, config, MediaInput.video(str(clip)), MediaInput.mask(BOX))
    written = results.encoded.open(runner.job).file("video.mkv")
    same = [np.array_equal(*pair) for pair in zip(read_frames(written), frames, strict=True)]
    assert [t for t, is_same in enumerate(same) if not is_same] == [10, 11, 12]
    np.testing.assert_array_equal(samples(written), samples(clip))
    summary = summarise(runner.job, results, runner.done, tmp_path / "out.mkv", 1.0)
    assert "13 frames of the output are those of the video, as they were" in describe(summary)
    with pytest.raises(SystemExit):
        cli._parser().parse_args([*line, "--from", "10"])
    assert "argument --from: '10' may be seconds or a frame; write 0:10" in capsys.readouterr().err


def samples(path):
    with av.open(str(path)) as container:
        return np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])
