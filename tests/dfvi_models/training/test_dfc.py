"""DFC-Net trained on made clips: two planes that move apart."""

import numpy as np
import pytest
import torch

from dfvi_models.errors import ShapeError
from dfvi_models.evaluation.metrics import motion_boundary
from dfvi_models.networks.runtime import Runtime
from dfvi_models.training.dfc import DfcSettings, DfcTraining, _mirrored, network_name
from dfvi_models.training.holes import draw_box, draw_holes, draw_strokes
from dfvi_models.training.loop import CheckpointFile, Schedule, train

HEIGHT, WIDTH = 32, 48
SETTINGS = DfcSettings(size=(32, 48), batch=2, validation_items=2, average=0.5)


def two_planes(frames, speed):
    fw = np.zeros((frames - 1, HEIGHT, WIDTH, 2), np.float32)
    fw[:, :, WIDTH // 2 :, 0] = speed
    return list(fw), list(-fw)


def bowl(frames, speed):
    """Motion that grows with the square of the distance from the middle: a harmonic fill is too slow everywhere."""
    fw = np.zeros((frames - 1, HEIGHT, WIDTH, 2), np.float32)
    fw[..., 0] = speed * (np.linspace(-1, 1, WIDTH) ** 2 + np.linspace(-1, 1, HEIGHT)[:, None] ** 2)
    return list(fw), list(-fw)


def new_training(made=two_planes, **options):
    torch.set_num_threads(1)
    clips = [made(8, speed) for speed in (2.0, 3.0)]
    return DfcTraining(clips, {"kept": made(8, 2.5)}, SETTINGS, runtime=Runtime("cpu"), **options)


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    training = new_training(bowl)
    schedule = Schedule(steps=60, learning_rate=1e-3, warm_up=2, validate_every=20)
    return training, train(
        training, schedule, CheckpointFile(tmp_path_factory.mktemp("first") / "checkpoint.pt"), seed=0
    )


def test_the_first_stage_learns_what_the_first_guess_gets_wrong(first):
    last = first[1].curve[-1]
    assert last["epe"] < 0.8 * last["epe_before"]


def test_untrained_a_stage_leaves_the_flow_as_it_was():
    numbers = new_training().validate()
    assert numbers["epe"] == pytest.approx(numbers["epe_before"], rel=1e-3)
    assert numbers["boundary_epe_before"] > numbers["epe_before"]


def test_the_second_stage_starts_from_what_the_first_made(first):
    earlier = first[0].average.network
    training = new_training(earlier=[earlier], earlier_sizes=[SETTINGS.size])
    ((clip, random),) = training._places()[:1]
    sample = training._draw(clip, random)
    assert [tuple(part.shape[:1]) for part in (sample.stack, sample.target, sample.hole, sample.start)] == [
        (66,),
        (4,),
        (2,),
        (4,),
    ]
    hole = sample.hole.repeat_interleave(2, dim=0) > 0
    assert torch.allclose(sample.start[~hole], sample.target[~hole], atol=1e-5)
    numbers = training.step(training.draw(np.random.default_rng(0)))
    assert numbers["loss"] > 0


def test_without_mining_the_papers_loss_is_the_mean_error():
    settings = DfcSettings("resnet50", size=(16, 24), batch=1, hard_weight=0.0)
    training = DfcTraining([two_planes(8, 2.0)], {}, settings, runtime=Runtime("cpu"))
    numbers = training.step(training.draw(np.random.default_rng(1)))
    assert numbers["loss"] == pytest.approx(numbers["l1"])
    assert training.validate() == {}
    assert training.preview() is None


def test_a_clip_that_is_too_short_is_refused():
    with pytest.raises(ShapeError, match="at least 3 frames"):
        DfcTraining([two_planes(2, 1.0)], {}, SETTINGS)


def test_a_mirrored_clip_moves_the_other_way():
    flow = np.arange(2 * 3 * 2, dtype=np.float32).reshape(2, 3, 2)
    turned = _mirrored(flow, across=True, down=False)
    assert np.array_equal(turned[..., 0], -flow[:, ::-1, 0])
    assert np.array_equal(turned[..., 1], flow[:, ::-1, 1])
    assert np.array_equal(_mirrored(turned, across=True, down=True), _mirrored(flow, across=False, down=True))


def test_motion_boundaries_are_where_motions_meet():
    boundary = motion_boundary(two_planes(2, 3.0)[0][0])
    assert np.array_equal(np.flatnonzero(boundary.any(axis=0)), [22, 23, 24, 25])


def test_resnet101_has_one_stage():
    assert [network_name("compact", 2), network_name("resnet50", 1)] == ["dfc_compact_stage2", "dfc_stage1"]
    with pytest.raises(ValueError, match="single stage"):
        network_name("resnet101", 2)


@pytest.mark.parametrize("seed", range(12))
def test_drawn_holes_are_neither_empty_nor_everything_and_are_the_same_each_time(seed):
    holes = draw_holes(np.random.default_rng(seed), 11, 60, 108)
    again = draw_holes(np.random.default_rng(seed), 11, 60, 108)
    assert all(0 < hole.sum() < hole.size and hole.shape == (60, 108) for hole in holes)
    assert all(np.array_equal(*pair) for pair in zip(holes, again, strict=True))


def test_boxes_and_strokes_fit_tiny_pictures():
    for draw in (draw_box, draw_strokes):
        for seed in range(5):
            assert draw(np.random.default_rng(seed), 8, 8).any()
