"""DeepFill v1 trained on made pictures."""

import numpy as np
import pytest
import torch

from dfvi_models.errors import ShapeError
from dfvi_models.networks.deepfill_critics import Critics
from dfvi_models.networks.runtime import Runtime
from dfvi_models.training.deepfill import Batch, DeepFillSettings, DeepFillTraining, discount, reconstruction_error
from dfvi_models.training.loop import CheckpointFile, Schedule, train

SETTINGS = DeepFillSettings(side=32, window=16, batch=2, critic_steps=1, kept_back=2)


def photos(count=6, side=36):
    """Each of one colour."""
    colours = np.random.default_rng(0).integers(0, 255, (count, 1, 1, 3), dtype=np.uint8)
    return list(np.broadcast_to(colours, (count, side, side, 3)).copy())


def new_training(**changes):
    torch.set_num_threads(1)
    return DeepFillTraining(photos(), DeepFillSettings(**{**vars(SETTINGS), **changes}), runtime=Runtime("cpu"))


def test_the_loss_falls(tmp_path):
    schedule = Schedule(steps=24, learning_rate=3e-4, warm_up=2, decay="none", validate_every=8)
    curve = train(new_training(adversarial=0.0), schedule, CheckpointFile(tmp_path / "checkpoint.pt"), seed=0).curve
    assert curve[-1]["loss"] < 0.9 * curve[0]["loss"]
    assert {"hole_psnr", "hole_psnr_smooth"} <= curve[-1].keys()


def test_a_stopped_run_goes_on_bit_for_bit_critics_included(tmp_path):
    schedule = Schedule(steps=3, learning_rate=1e-3, decay="none", validate_every=3)
    whole, parts = tmp_path / "whole.pt", tmp_path / "parts.pt"
    expected = train(new_training(), schedule, CheckpointFile(whole), seed=1)
    train(new_training(), schedule, CheckpointFile(parts), seed=1, until=1)
    assert train(new_training(), schedule, CheckpointFile(parts), seed=1) == expected
    one, other = (torch.load(path, weights_only=True)["networks"] for path in (whole, parts))
    assert all(torch.equal(tensor, other[part][key]) for part in one for key, tensor in one[part].items())


def test_critics_learn_and_are_not_moved_by_the_networks_step():
    training = new_training()
    before = [parameter.clone() for parameter in training.critics.parameters()]
    for optimiser in training.optimisers.values():
        optimiser.param_groups[0]["lr"] = 1e-3
    batch = training._draw(np.random.default_rng(0))
    made = training.network(batch.real, batch.hole)[1]
    training._improve("network", -training.critics(made, batch.windows(made, 16)).mean())
    assert all(torch.equal(*pair) for pair in zip(before, training.critics.parameters(), strict=True))
    training._train_critics(batch)
    assert not all(torch.equal(*pair) for pair in zip(before, training.critics.parameters(), strict=True))


def test_the_window_of_a_hole_holds_all_of_it():
    training = new_training()
    for seed in range(5):
        batch = training._draw(np.random.default_rng(seed))
        assert batch.windows(batch.hole, 16).sum() == batch.hole.sum() > 0


def test_slopes_count_inside_the_hole_only():
    torch.manual_seed(0)
    critics = Critics(32, 16)
    pictures, windows = torch.rand(1, 3, 32, 32), torch.rand(1, 3, 16, 16)
    nowhere = (torch.zeros(1, 1, 32, 32), torch.zeros(1, 1, 16, 16))
    penalty = critics.penalty((pictures, windows), (pictures, windows), nowhere)
    assert float(penalty.detach()) == pytest.approx(2.0)  # slope 0 misses 1 by 1, for each critic


def test_errors_far_inside_a_hole_count_less():
    hole = np.zeros((32, 32), bool)
    hole[4:20, 4:20] = True
    weight = discount(hole)
    assert weight[hole].max() == pytest.approx(0.99, abs=1e-3)
    assert weight[12, 12] < weight[5, 12] < 1
    assert (weight[~hole] == 0).all()
    real, mask = torch.zeros(1, 3, 32, 32), torch.from_numpy(hole)[None, None].float()
    batch = Batch(real, mask, torch.from_numpy(weight)[None, None], [(4, 4)])
    assert float(reconstruction_error(real, real, batch)) == 0
    rim, middle = real.clone(), real.clone()
    rim[..., 4, 4], middle[..., 12, 12] = 1, 1
    assert reconstruction_error(rim, real, batch) > reconstruction_error(middle, real, batch) > 0


def test_impossible_sizes_and_too_few_photos_are_refused():
    with pytest.raises(ShapeError, match="multiples of 16"):
        new_training(window=24)
    with pytest.raises(ShapeError, match="at least 64 x 64"):
        new_training(side=64)
    with pytest.raises(ShapeError, match="none is left"):
        new_training(kept_back=6)
