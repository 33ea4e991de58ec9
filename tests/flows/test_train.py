"""Trainings of seconds on made clips: the loss falls, what is left is complete, and bad recipes are refused."""

import json

import numpy as np
import pytest
from safetensors import safe_open

from flows.cli.main import main
from flows.configs.recipe_names import RECIPE_NAMES
from flows.configs.training_recipe import load_recipe
from flows.train import train_flow_completion, train_image_inpainting
from storage.cache.root import Root
from storage.errors import InputError
from tests.clips import panning_clip, write_images

FEW = ["clips.frames=6", "drafts=[{}]", "training.schedule.steps=6", "training.schedule.validate_every=3"]


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clips")
    for name, step in (("fast", 3), ("slow", 1), ("still", 2)):
        made = panning_clip(tmp_path_factory.mktemp("made") / name, count=8, step=step)
        write_images(folder / name / "frames", made.clean)
    return folder


@pytest.fixture(scope="module")
def trained(clips, tmp_path_factory, prefect_server):
    folder = tmp_path_factory.mktemp("trained")
    recipe = load_recipe("flow-completion", "smoke", FEW)
    report = train_flow_completion(str(clips), recipe, str(folder / "out"), root=str(folder / "root"), threads=1)
    return folder, recipe, report


def test_a_training_leaves_weights_card_curve_and_samples(trained):
    folder, recipe, report = trained
    assert {"choice.safetensors", "card.json", "curve.csv", "curve.jsonl", "samples.png"} <= set(report.files)
    card = json.loads((folder / "out" / "card.json").read_text())
    assert card["parameters"] == recipe.training.model_dump(mode="json")
    assert len(card["data"]["taught"]) == 1
    assert len(card["data"]["kept_back"]) == 2
    assert card["figures"]["step"] == 6
    with safe_open(folder / "out" / "choice.safetensors", "np") as file:
        assert json.loads(file.metadata()["figures"]) == card["figures"]
        assert {file.get_tensor(key).dtype for key in file.keys()} == {np.dtype("float16")}  # noqa: SIM118


def test_the_same_training_again_is_reused(trained, clips):
    folder, recipe, report = trained
    again = train_flow_completion(str(clips), recipe, str(folder / "again"), root=str(folder / "root"), threads=1)
    assert again.figures == report.figures
    assert again.files == report.files
    assert len(list(Root.open(folder / "root").folders("flow-completion", "train_choice"))) == 1


@pytest.fixture(scope="module")
def stages(clips, tmp_path_factory, prefect_server):
    folder = tmp_path_factory.mktemp("stages")
    schedule = {"steps": 2, "learning_rate": 0.001, "validate_every": 2}
    stage = {"schedule": schedule, "batch": 1, "validation_items": 1}
    recipe = {
        "network": "dfc",
        "clips": {"frames": 5, "kept_back": 0.3},
        "true_flow": {"scale": 1},
        "stages": [{**stage, "size": [16, 24]}, {**stage, "size": [24, 32], "hard_weight": 1.0}],
    }
    (folder / "two.yaml").write_text(json.dumps(recipe))
    loaded = load_recipe("flow-completion", str(folder / "two.yaml"))
    return folder, train_flow_completion(str(clips), loaded, str(folder / "out"), root=str(folder / "root"), threads=1)


def test_stages_of_dfc_net_are_trained_one_on_top_of_the_other(stages):
    folder, report = stages
    assert {"dfc_compact_stage1.safetensors", "dfc_compact_stage2.safetensors", "stage1-card.json"} <= set(report.files)
    card = json.loads((folder / "out" / "card.json").read_text())
    assert card["stage"] == "train_dfc"
    assert {"epe", "epe_before"} <= set(card["figures"])


def test_image_inpainting_is_trained_on_a_folder_of_photos(tmp_path, prefect_server):
    write_images(tmp_path / "photos", np.random.default_rng(0).integers(0, 255, (5, 40, 52, 3), dtype=np.uint8))
    settings = ["training.schedule.steps=2", "training.schedule.validate_every=2"]
    recipe = load_recipe("image-inpainting", "deepfill-smoke", settings)
    out = tmp_path / "out"
    report = train_image_inpainting(str(tmp_path / "photos"), recipe, str(out), root=str(tmp_path / "root"), threads=1)
    assert {"deepfill_trained.safetensors", "card.json", "curve.csv", "samples.png"} <= set(report.files)
    assert {"hole_psnr", "hole_psnr_smooth", "distance", "penalty"} <= report.figures.keys()


def test_trained_stages_are_recognised_as_weights_and_complete_flow(stages, tmp_path, monkeypatch):
    folder, _ = stages
    monkeypatch.setenv("DFVI_WEIGHTS", str(tmp_path))
    for stage in (1, 2):
        assert main(["weights", "add", str(folder / "out" / f"dfc_compact_stage{stage}.safetensors")]) == 0
    assert main(["weights", "show", "dfc_compact_stage2"]) == 0


def test_shipped_recipes_are_possible():
    for command, names in RECIPE_NAMES.items():
        for name in names:
            load_recipe(command, name)


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("training.schedule.stps=3", "unknown key training.schedule.stps; did you mean training.schedule.steps?"),
        ("training.batch=0", "training.batch = 0 is not possible: input should be greater than or equal to 1"),
        ("network=gan", "network = 'gan' is not possible: `dfvi train flow-completion` trains choice, dfc"),
        ("clips=3", "clips = 3 is not possible"),
        ("training.schedule.decay=linear", "training.schedule.decay = 'linear' is not possible"),
    ],
)
def test_a_bad_recipe_is_one_clear_line(setting, said):
    with pytest.raises(InputError, match=r"^[^\n]*$") as raised:
        load_recipe("flow-completion", None, [setting])
    assert said in str(raised.value)


def test_a_recipe_that_does_not_exist_names_those_that_do(tmp_path, capsys):
    assert main(["train", "flow-completion", "--clips", str(tmp_path), "--recipe", "best"]) == 2
    assert (
        "there is no recipe 'best'; choose from choice, dfc, dfc-compact, dfc-small, smoke" in capsys.readouterr().err
    )


def test_what_can_be_known_to_be_wrong_is_said_before_anything_starts(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("DFVI_WEIGHTS", str(tmp_path / "weights"))
    write_images(tmp_path / "clips" / "one", np.zeros((2, 32, 32, 3), np.uint8))
    clips = ["train", "flow-completion", "--clips", str(tmp_path / "clips")]
    for arguments, said in (
        (["train", "flow-completion", "--clips", str(tmp_path / "none")], "none"),
        (["train", "image-inpainting", "--photos", str(tmp_path / "clips")], "no image in the folder"),
        ([*clips, "--recipe", "dfc"], "no weights for flownet2"),
        ([*clips, "-o", "/dev/null/x"], "cannot be made"),
    ):
        assert main(arguments) == 2
        assert said in capsys.readouterr().err


def test_resnet101_in_several_stages_and_a_window_beyond_the_picture_are_refused(tmp_path):
    stage = {"backbone": "resnet101", "schedule": {"steps": 1, "learning_rate": 0.1}}
    (tmp_path / "two.yaml").write_text(json.dumps({"network": "dfc", "stages": [stage, stage]}))
    with pytest.raises(InputError, match="resnet101 is a single stage"):
        load_recipe("flow-completion", str(tmp_path / "two.yaml"))
    with pytest.raises(InputError, match="window, 512, is at most side, 256"):
        load_recipe("image-inpainting", None, ["training.window=512"])


def test_show_prints_a_recipe_that_can_be_used_again(tmp_path, capsys):
    arguments = ["train", "flow-completion", "--clips", "none", "--set", "training.batch=3"]
    assert main([*arguments, "--show"]) == 0
    (tmp_path / "own.yaml").write_text(capsys.readouterr().out)
    own = load_recipe("flow-completion", str(tmp_path / "own.yaml"))
    assert own == load_recipe("flow-completion", None, ["training.batch=3"])
