"""The training loop on ChoiceNet with made examples: it learns, and a killed run ends as an undisturbed one."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import torch

from dfvi_models.errors import TrainingError, WeightsError
from dfvi_models.flow_completion.hypotheses import EVIDENCE, GUESSES, HOLE
from dfvi_models.training.choice import (
    ITEM_CHANNELS,
    SCORED,
    TRUTH,
    ChoiceSettings,
    ChoiceTraining,
    turn,
)
from dfvi_models.training.loop import CheckpointFile, Progress, Schedule, dump_state, train
from tests.paths import REPOSITORY
from tests.waiting import wait_until

STEPS = 12
SETTINGS = ChoiceSettings(batch=2, crop=24, average=0.5, validation_items=2)
SCHEDULE = Schedule(steps=STEPS, learning_rate=3e-3, warm_up=2, validate_every=5)


def made_items(count=4, side=32, seed=0):
    """The truth is always the smooth fill, so the network has something to find."""
    random = np.random.default_rng(seed)
    items = random.normal(0, 0.3, (count, ITEM_CHANNELS, side, side)).astype(np.float32)
    items[:, HOLE] = items[:, SCORED] = 0
    items[:, HOLE, 8:24, 8:24] = items[:, SCORED, 10:22, 10:22] = 1
    items[:, GUESSES[0]] += 1.5
    items[:, EVIDENCE] = random.uniform(0, 1, items[:, EVIDENCE].shape)
    items[:, TRUTH] = items[:, GUESSES[0]]
    return items.astype(np.float16)


def new_training():
    torch.set_num_threads(1)
    return ChoiceTraining([made_items()], {"kept": made_items(2, seed=1)}, SETTINGS, seed=3)


def weights_of(path):
    return torch.load(path, weights_only=True)["networks"]


def assert_equal(one, other):
    for network, tensors in one.items():
        for name, tensor in tensors.items():
            assert torch.equal(tensor, other[network][name]), (network, name)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    path = tmp_path_factory.mktemp("undisturbed") / "checkpoint.pt"
    return path, train(new_training(), SCHEDULE, CheckpointFile(path), seed=3)


def test_the_loss_falls_and_what_is_kept_back_gets_better(tmp_path):
    schedule = Schedule(steps=30, learning_rate=5e-3, warm_up=3, validate_every=10)
    curve = train(new_training(), schedule, CheckpointFile(tmp_path / "checkpoint.pt"), seed=0).curve
    assert curve[-1]["loss"] < 0.7 * curve[0]["loss"]
    assert curve[-1]["epe"] < 0.7 * curve[-1]["epe_before"]
    assert [row["step"] for row in curve] == [10, 20, 30]


def test_a_run_stopped_between_validations_goes_on_bit_for_bit(undisturbed, tmp_path):
    path = tmp_path / "checkpoint.pt"
    for until in (3, 7, STEPS):
        progress = train(new_training(), SCHEDULE, CheckpointFile(path), seed=3, until=until)
    assert progress == undisturbed[1]
    assert_equal(weights_of(path), weights_of(undisturbed[0]))


def test_what_is_drawn_ahead_on_threads_is_the_same(undisturbed, tmp_path):
    path = tmp_path / "checkpoint.pt"
    assert train(new_training(), SCHEDULE, CheckpointFile(path), seed=3, draw_threads=3) == undisturbed[1]
    assert_equal(weights_of(path), weights_of(undisturbed[0]))


def test_a_killed_run_goes_on_bit_for_bit(undisturbed, tmp_path):
    path = tmp_path / "checkpoint.pt"
    command = [sys.executable, "-c", f"import tests.dfvi_models.training.test_loop as t; t.train_slowly({str(path)!r})"]
    root = REPOSITORY
    process = subprocess.Popen(command, cwd=root, env=os.environ | {"PYTHONPATH": str(root)})
    wait_until(path.exists)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert torch.load(path, weights_only=True)["progress"]["done"] < STEPS
    assert train(new_training(), SCHEDULE, CheckpointFile(path), seed=3) == undisturbed[1]
    assert_equal(weights_of(path), weights_of(undisturbed[0]))


def train_slowly(path):
    """What the killed process does: a checkpoint after every step, and after the third it waits to be killed."""

    def wait_to_be_killed(done):
        if done == 3:
            threading.Event().wait()

    train(new_training(), SCHEDULE, CheckpointFile(Path(path)), seed=3, seconds=0, on_step=wait_to_be_killed)


def test_a_checkpoint_of_something_else_is_refused(tmp_path):
    path = tmp_path / "checkpoint.pt"
    path.write_bytes(b"nothing")
    with pytest.raises(WeightsError, match="not of this training"):
        train(new_training(), SCHEDULE, CheckpointFile(path), seed=0)


def test_a_loss_that_is_not_finite_stops_the_run_and_leaves_the_checkpoint(tmp_path):
    broken = ChoiceTraining([np.full_like(made_items(1), np.nan)], {}, SETTINGS, seed=0)
    path = tmp_path / "checkpoint.pt"
    path.write_bytes(dump_state(broken, Progress()))
    before = path.read_bytes()
    with pytest.raises(TrainingError, match="lower the learning rate"):
        train(broken, SCHEDULE, CheckpointFile(path), seed=0)
    assert path.read_bytes() == before


def test_the_rate_rises_then_falls():
    cosine = Schedule(steps=100, learning_rate=1.0, warm_up=10)
    assert cosine.rate(0) == pytest.approx(0.1)
    assert cosine.rate(50) == pytest.approx(0.5)
    assert cosine.rate(99) < 0.001
    steps = Schedule(steps=100, learning_rate=1.0, decay="steps", decay_steps=(30, 60))
    assert [steps.rate(k) for k in (29, 30, 60)] == pytest.approx([1.0, 0.1, 0.01])


@pytest.mark.parametrize("ways", [(True, False, False), (False, True, False), (False, False, True)])
def test_turning_an_item_twice_gives_it_back_and_vectors_turn_with_it(ways):
    item = made_items(1)[0].astype(np.float32)
    turned = turn(item, *ways)
    assert np.array_equal(turn(turned, *ways), item)
    across, down, transpose = ways
    dx, dy = item[TRUTH]
    expected = {across: (-dx[:, ::-1], dy[:, ::-1]), down: (dx[::-1], -dy[::-1]), transpose: (dy.T, dx.T)}[True]
    assert np.array_equal(turned[TRUTH], expected)
