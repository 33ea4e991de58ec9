"""Datasets: how videos are found, and that every bad one is named before work starts."""

import json
import shutil

import pytest

from flows.datasets.dataset import BadDatasetError, Recipe, find_entries, open_dataset
from storage.errors import InputError
from tests.clips import panning_clip, write_images


@pytest.fixture
def folder(tmp_path):
    for name in ("goat", "bus"):
        panning_clip(tmp_path / "set" / name, count=3)
    return tmp_path / "set"


def davis(folder, below):
    for name in ("goat", "bus"):
        clip = panning_clip(folder / "made" / name, count=2)
        for source, tree in ((clip.video, "JPEGImages"), (clip.mask, "Annotations")):
            target = folder / "davis" / tree / below / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(source, target)
    return folder / "davis"


def problems(path, **options):
    with pytest.raises(BadDatasetError) as caught:
        open_dataset(path, Recipe(), **options)
    return {entry.name: entry.problem for entry in caught.value.bad}


def test_a_folder_a_video_is_found_by_name(folder):
    (folder / "notes").mkdir()
    (folder / "README.txt").write_text("no video")
    videos = open_dataset(folder, Recipe()).videos
    assert [(video.name, video.frames) for video in videos] == [("bus", 3), ("goat", 3)]
    assert videos[0].mask == str(folder / "bus" / "masks")


def test_a_video_file_may_stand_beside_one_mask_for_all_frames(folder):
    masks = folder / "goat" / "masks"
    shutil.move(masks / "00000.png", folder / "goat" / "mask.png")
    shutil.rmtree(masks)
    assert open_dataset(folder, Recipe()).videos[1].mask == str(folder / "goat" / "mask.png")


@pytest.mark.parametrize("below", ["", "480p"])
def test_davis_is_found_with_and_without_a_resolution(tmp_path, below):
    root = davis(tmp_path, below)
    assert [video.name for video in open_dataset(root, Recipe()).videos] == ["bus", "goat"]
    named = open_dataset(root / "JPEGImages" / below, Recipe()).videos
    assert named[1].mask == str(root / "Annotations" / below / "goat")


def test_several_resolutions_are_the_users_choice(tmp_path):
    root = davis(tmp_path, "480p")
    (root / "JPEGImages" / "1080p").mkdir()
    with pytest.raises(InputError, match="several resolutions: 1080p, 480p; name one"):
        open_dataset(root, Recipe())


def test_a_davis_video_without_annotation_is_bad(tmp_path):
    root = davis(tmp_path, "480p")
    shutil.rmtree(root / "Annotations" / "480p" / "bus")
    assert "has no annotation" in problems(root)["bus"]


@pytest.mark.parametrize("suffix", [".yaml", ".json"])
def test_a_manifest_names_videos_masks_and_overrides(folder, tmp_path, suffix):
    manifest = tmp_path / f"set{suffix}"
    entries = [
        {"video": "set/goat/frames", "mask": "set/goat/masks", "overrides": {"decode": {"dilation": 9}}},
        {"video": "set/bus/frames", "mask": "1,2,8,8", "name": "the bus", "overrides": {"max_iterations": 2}},
    ]
    manifest.write_text(json.dumps({"videos": entries}))
    goat, bus = open_dataset(manifest, Recipe(layers=({"decode": {"dilation": 1}},))).videos
    assert (goat.name, goat.config.decode.dilation) == ("goat", 9)
    assert (bus.name, bus.mask, bus.config.decode.dilation, bus.config.max_iterations) == ("the_bus", "1,2,8,8", 1, 2)
    top = open_dataset(manifest, Recipe(settings=("decode.dilation=3",))).videos[0]
    assert top.config.decode.dilation == 3


def test_every_bad_video_is_named_at_once_and_the_good_ones_can_go_on(folder):
    bad = folder / "broken"
    bad.mkdir()
    (bad / "clip.mp4").write_bytes(b"this is no video" * 99)
    shutil.copytree(folder / "bus" / "masks", bad / "masks")
    shutil.copytree(folder / "bus" / "frames", folder / "nomask" / "frames")
    shutil.copytree(folder / "bus", folder / "short")
    (folder / "short" / "masks" / "00002.png").unlink()
    shutil.copytree(folder / "bus", folder / "two")
    shutil.copy(bad / "clip.mp4", folder / "two" / "clip.mp4")
    found = problems(folder)
    assert set(found) == {"broken", "nomask", "short", "two"}
    assert "clip.mp4" in found["broken"]
    assert "found nothing" in found["nomask"]
    assert "the mask has 2 frames, the video 3" in found["short"]
    assert "found clip.mp4, frames" in found["two"]
    dataset = open_dataset(folder, Recipe(), skip_bad=True)
    assert [video.name for video in dataset.videos] == ["bus", "goat"]
    assert {entry.name for entry in dataset.bad} == set(found)


def test_masks_of_another_size_are_found_before_work(folder):
    shutil.rmtree(folder / "bus" / "masks")
    write_images(folder / "bus" / "masks", panning_clip(folder / ".other", 3, 24, 32).holes * 255)
    assert "32x24" in problems(folder)["bus"]


def test_the_same_video_twice_under_one_name_is_bad(folder, tmp_path):
    entry = {"video": str(folder / "bus" / "frames"), "mask": "1,1,5,5", "name": "a"}
    (tmp_path / "set.yaml").write_text(json.dumps({"videos": [entry, entry]}))
    assert "twice under this name" in problems(tmp_path / "set.yaml", skip_bad=True)["a"]


def names_in(folder, *entries):
    (folder / "set.yaml").write_text(json.dumps({"videos": [{"mask": "1,1,5,5", **entry} for entry in entries]}))
    return [video.name for video in open_dataset(folder / "set.yaml", Recipe()).videos]


def test_names_that_would_meet_are_told_apart_by_a_hash(folder):
    shutil.copytree(folder / "bus", folder / "other" / "goat")
    goats = {"video": "goat/frames"}, {"video": "other/goat/frames"}
    first, second = names_in(folder, *goats)
    assert first != second
    assert first.startswith("goat-")
    assert names_in(folder, *reversed(goats)) == [second, first]
    assert len(set(names_in(folder, *({"video": "bus/frames", "name": name} for name in ("a b", "a_b"))))) == 2


def test_names_of_all_scripts_are_kept(folder):
    for name in ("视频", "猫"):
        shutil.copytree(folder / "bus", folder / name)
    assert [video.name for video in open_dataset(folder, Recipe()).videos] == ["bus", "goat", "猫", "视频"]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"video": "x"}, "mask: field required; a video has video, mask, name, plates, overrides"),
        ({"video": "x", "mask": "1,1,2,2", "masc": 1}, "masc: extra inputs"),
        ({"video": "", "mask": "1,1,2,2"}, "video: string should have at least 1 character"),
        ("goat", "the entry: input should be a valid dictionary"),
    ],
)
def test_a_malformed_entry_of_a_manifest_is_named(tmp_path, entry, message):
    (tmp_path / "set.json").write_text(json.dumps({"videos": [entry]}))
    assert message in problems(tmp_path / "set.json")["entry 1"]


def test_impossible_overrides_are_named(folder, tmp_path):
    entry = {"video": str(folder / "bus" / "frames"), "mask": "1,1,5,5", "overrides": {"merge": {"rules": 1}}}
    (tmp_path / "set.json").write_text(json.dumps({"videos": [entry]}))
    assert "unknown key merge.rules; did you mean merge.rule?" in problems(tmp_path / "set.json")["bus"]


def test_a_bad_recipe_is_one_error_not_one_a_video(folder):
    with pytest.raises(InputError, match="unknown key nonsense") as caught:
        open_dataset(folder, Recipe(settings=("nonsense=1",)))
    assert not isinstance(caught.value, BadDatasetError)


@pytest.mark.parametrize(
    ("content", "message"),
    [("videos: []", "no video in it"), ("clips: []", "one list, `videos`; it holds clips"), ("a: [", "is not YAML")],
)
def test_a_manifest_without_videos_is_refused(tmp_path, content, message):
    (tmp_path / "set.yaml").write_text(content)
    with pytest.raises(InputError, match=message):
        find_entries(tmp_path / "set.yaml")


def test_zero_videos_and_no_folder_are_clear_errors(tmp_path):
    with pytest.raises(InputError, match="no video in it; expected <video>/frames"):
        find_entries(tmp_path)
    with pytest.raises(InputError, match="no such dataset"):
        find_entries(tmp_path / "none")


def test_several_masks_in_a_manifest_are_their_union(folder, tmp_path):
    entry = {"video": "goat/frames", "mask": ["goat/masks", "1,2,3,4"]}
    (folder / "list.json").write_text(json.dumps({"videos": [entry]}))
    (video,) = open_dataset(folder / "list.json", Recipe()).videos
    assert video.mask.splitlines() == [str(folder / "goat" / "masks"), "1,2,3,4"]
