"""Frames painted by hand: taken as seen inside the hole, carried on, and an input of what follows alone."""

import json

import cv2
import numpy as np
import pytest

from flows.cli import main as cli
from flows.configs.run_config import load_config
from flows.datasets.dataset import Recipe, open_dataset
from flows.pipeline.plan import plan_video
from flows.pipeline.preflight import check_request
from flows.pipeline.stage_order import inpaint_clip
from storage.cache.root import Root
from storage.errors import InputError
from storage.media.images.folder import read_image
from tasks.decode import MediaInput
from tasks.services.plate_start import plate_start
from tasks.shots.filled_shots import ShownClip
from tasks.shots.shot_batches import DirectRunner
from tasks.stage.cached_stage import Job
from tests.clips import texture, write_images
from tests.dfvi_models.registration.scenes import panning

HEIGHT, WIDTH, FRAMES = 48, 64, 8
HOLE = np.zeros((HEIGHT, WIDTH), bool)
HOLE[16:30, 24:44] = True
FROM_PLATES = {"propagate", "merge", "register_frames", "fill_key_frames", "deflicker", "encode"}


@pytest.fixture
def scene(tmp_path):
    """Two takes of cameras that stand still, so that no frame shows what the box in the first one hides."""
    first, second = texture(HEIGHT, WIDTH, 3), 255 - texture(HEIGHT, WIDTH, 4)
    frames = np.stack([np.where(HOLE[..., None], np.uint8(0), first)] * FRAMES + [second] * 4)
    masks = np.stack([HOLE] * FRAMES + [np.zeros_like(HOLE)] * 4).astype(np.uint8) * 255
    masks[FRAMES, 4:8, 4:8] = masks[FRAMES + 1, 4:8, 4:8] = 255
    write_images(tmp_path / "frames", frames)
    write_images(tmp_path / "masks", masks)
    return first


def plate(path, image, alpha=None, compression=3):
    channels = image[..., ::-1] if alpha is None else np.dstack([image[..., ::-1], alpha])
    cv2.imwrite(str(path), channels, [cv2.IMWRITE_PNG_COMPRESSION, compression])
    return path


def config_of(plates, *settings):
    shots = f"find_shots.shots=[{FRAMES}]"
    plates = {frame: str(path) for frame, path in plates.items()}
    return load_config("fast", None, ["decode.dilation=0", "encode.container=png", shots, *settings], plates=plates)


def media(folder):
    return MediaInput.video(str(folder / "frames")), MediaInput.mask(str(folder / "masks"))


@pytest.fixture
def run(tmp_path, scene):
    def one(plates, *settings):
        runner = DirectRunner(Job(str(Root.create(tmp_path / "root").path), "clip"))
        results = inpaint_clip(runner, config_of(plates, *settings), *media(tmp_path))
        shown = ShownClip(results.clip.open(runner.job), results.filled.open(runner.job))
        return runner, results, np.stack([shown.frames[t] for t in range(shown.count)])

    return one


def error_in_hole(frame, truth):
    return np.abs(frame[HOLE].astype(int) - truth[HOLE]).mean()


def computed(runner):
    return {(result.stage, result.shot) for result in runner.done if result.action == "compute"}


def test_a_plate_is_taken_as_it_is_inside_the_hole_and_carried_to_the_other_frames(run, scene, tmp_path):
    _, _, invented = run({})
    anything_outside = np.where(HOLE[..., None], scene, np.uint8(99))
    _, results, shown = run({3: plate(tmp_path / "clean.png", anything_outside)})
    np.testing.assert_array_equal(shown[3], scene)
    assert min(error_in_hole(frame, scene) for frame in invented[:FRAMES]) > 10
    assert max(error_in_hole(frame, scene) for frame in shown[:FRAMES]) < 2
    assert results.filled.total("painted") == FRAMES * HOLE.sum()


def test_a_plate_recomputes_what_follows_from_it_in_its_shot_alone_and_the_plan_says_so(run, scene, tmp_path):
    run({})
    clean = plate(tmp_path / "clean.png", scene)
    planned = plan_video(tmp_path / "root", "clip", config_of({3: clean}), *media(tmp_path))
    assert {row.stage for row in planned if row.action == "compute"} <= FROM_PLATES
    assert {row.shot for row in planned if row.action == "compute"} == {"0-7", ""}
    runner, *_ = run({3: clean})
    assert {stage for stage, _ in computed(runner)} <= FROM_PLATES
    assert {shot for _, shot in computed(runner)} == {"0-7", ""}
    assert ("propagate", "0-7") in computed(runner)


def test_what_a_plate_shows_decides_not_its_file(run, scene, tmp_path):
    run({3: plate(tmp_path / "clean.png", scene)})
    runner, *_ = run({3: plate(tmp_path / "saved-again.png", scene, compression=9)})
    assert computed(runner) == set()
    runner, *_ = run({3: plate(tmp_path / "clean.png", 255 - scene)})
    assert ("propagate", "0-7") in computed(runner)


def test_where_a_plate_is_transparent_the_hole_stays(run, scene, tmp_path):
    alpha = np.full((HEIGHT, WIDTH), 255, np.uint8)
    alpha[:, 34:] = 0
    _, results, shown = run({3: plate(tmp_path / "half.png", scene, alpha)})
    np.testing.assert_array_equal(shown[3][:, :34], scene[:, :34])
    assert (shown[3][:, 34:] != scene[:, 34:]).any()
    assert results.filled.total("invented") > 0


def test_frames_are_counted_from_the_start_of_the_video(run, scene, tmp_path):
    _, _, shown = run({3: plate(tmp_path / "clean.png", scene)}, "decode.start=2")
    np.testing.assert_array_equal(shown[1], scene)


def test_every_frame_of_a_shot_may_be_painted(run, scene, tmp_path):
    clean = plate(tmp_path / "clean.png", scene)
    _, results, shown = run(dict.fromkeys(range(FRAMES), clean))
    np.testing.assert_array_equal(shown[:FRAMES], [scene] * FRAMES)
    assert results.filled.total("painted") == FRAMES * HOLE.sum()


@pytest.mark.parametrize(
    ("frame", "size", "message"),
    [
        (12, (HEIGHT, WIDTH), r"is said to be of frame 12; the run takes frames 0 to 11 of"),
        (3, (HEIGHT, WIDTH - 2), r"is 62x48, frame 3 of the video 64x48; paint on the frame that dfvi plate writes"),
        (10, (HEIGHT, WIDTH), r"the mask marks nothing in frame 10, so the plate .* would change nothing"),
    ],
)
def test_a_plate_that_cannot_be_meant_is_one_line_before_the_work_begins(tmp_path, scene, frame, size, message):
    config = config_of({frame: plate(tmp_path / "plate.png", np.zeros((*size, 3), np.uint8))})
    with pytest.raises(InputError, match=message):
        check_request(str(tmp_path / "frames"), str(tmp_path / "masks"), str(tmp_path / "out"), config)


def test_a_plate_that_is_missing_is_one_line(tmp_path, scene):
    config = config_of({3: tmp_path / "nowhere.png"})
    with pytest.raises(InputError, match=r"nowhere.png: the image cannot be read"):
        check_request(str(tmp_path / "frames"), str(tmp_path / "masks"), str(tmp_path / "out"), config)


def test_the_command_plate_writes_the_frame_that_was_invented_most_to_start_from(tmp_path, scene, run, capsys):
    command = [
        "plate",
        str(tmp_path / "frames"),
        "--mask",
        str(tmp_path / "masks"),
        "--preset",
        "fast",
        "--name",
        "clip",
    ]
    command += ["--root", str(tmp_path / "root"), "-o", str(tmp_path / "start.png"), "--set", "decode.dilation=0"]
    command += ["--set", f"find_shots.shots=[{FRAMES}]"]
    assert cli.main(command) == 2
    assert "clip is not filled with these parameters yet" in capsys.readouterr().err
    _, _, invented = run({})
    assert cli.main([*command, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["hole"], told["box"], told["invented"]) == (HOLE.sum(), [24, 16, 20, 14], HOLE.sum())
    np.testing.assert_array_equal(read_image(tmp_path / "start.png"), invented[told["frame"]])
    assert cli.main([*command, "--frame", "5"]) == 0
    assert f"--plate 5={tmp_path / 'start.png'}" in capsys.readouterr().out
    assert cli.main([*command, "--frame", "10"]) == 2
    assert "frame 10 has no hole" in capsys.readouterr().err
    with_plate = [*command, "--plate", f"3={plate(tmp_path / 'clean.png', scene)}", "--frame", "3"]
    assert cli.main(with_plate) == 2
    run({3: tmp_path / "clean.png"})
    assert cli.main(with_plate) == 0
    np.testing.assert_array_equal(read_image(tmp_path / "start.png"), scene)


def test_the_hole_to_paint_is_the_one_that_was_filled_also_where_it_has_grown(tmp_path):
    frames = panning(6, step=(8, 1))
    holes = np.zeros(frames.shape[:3], bool)
    holes[:, 45:66, 56:86] = True
    frames[:, 66:74, 56:86] //= 2  # the shadow below
    write_images(tmp_path / "frames", np.where(holes[..., None], np.uint8(0), frames))
    write_images(tmp_path / "masks", holes.astype(np.uint8) * 255)
    runner = DirectRunner(Job(str(Root.create(tmp_path / "root").path), "clip"))
    inputs = MediaInput.video(str(tmp_path / "frames")), MediaInput.mask(str(tmp_path / "masks"))
    config = load_config("fast", settings=["decode.dilation=0", "encode.container=png", "grow_holes.reach=0.1"])
    results = inpaint_clip(runner, config, *inputs)
    start = plate_start(runner.job, results.clip, results.filled, 3)
    assert start.hole > holes[3].sum()
    assert start.box[2] * start.box[3] >= start.hole


def test_a_manifest_names_plates_below_its_folder(tmp_path, scene):
    plate(tmp_path / "clean.png", scene)
    manifest = tmp_path / "set.yaml"
    manifest.write_text("videos:\n- {video: frames, mask: masks, plates: {3: clean.png}}\n")
    (video,) = open_dataset(manifest, Recipe()).videos
    assert video.config.plates == {3: str(tmp_path / "clean.png")}
    manifest.write_text("videos:\n- {video: frames, mask: masks, plates: {10: clean.png}}\n")
    with pytest.raises(InputError, match="the mask marks nothing in frame 10"):
        open_dataset(manifest, Recipe())
