import numpy as np
import pytest
import torch

from dfvi_models.errors import ShapeError
from dfvi_models.flow_completion.hypotheses import CHANNELS, EVIDENCE, GUESSES, HOLE, RELATIVE, make_hypotheses
from dfvi_models.flow_completion.smooth import SmoothCompleter
from dfvi_models.flow_completion.temporal import TemporalCompleter
from dfvi_models.networks.choice_net import CAMERA, CHOICES, ChoiceNet
from tests.dfvi_models.flow_completion.test_temporal import erase, moving_object_clip


def stack(height=20, width=28, seed=0):
    made = np.random.default_rng(seed).normal(0, 1, (1, CHANNELS, height, width)).astype(np.float32)
    made[:, HOLE] = 0
    made[:, HOLE, 5:15, 6:20] = 1
    made[:, EVIDENCE] = np.abs(made[:, EVIDENCE]) % 1
    return torch.from_numpy(made)


def with_head_saying(channel, value):
    network = ChoiceNet()
    with torch.no_grad():
        network.head.bias[4 * channel : 4 * channel + 4] = value
    return network


def test_the_known_flow_is_never_corrected_and_any_size_is_taken():
    given = stack()
    correction = with_head_saying(CHOICES, 1.0)(given)
    assert correction.shape == (1, 2, 20, 28)
    assert (correction[:, :, given[0, HOLE] == 0] == 0).all()
    assert (correction[:, :, given[0, HOLE] == 1] != 0).any()


@pytest.mark.parametrize("guess", range(len(GUESSES)))
def test_trust_in_one_guess_gives_that_guess(guess):
    given = stack()
    given[:, (9, 11)] = 1
    correction = with_head_saying(guess + 1, 50.0)(given)
    hole = given[0, HOLE] == 1
    assert torch.allclose(correction[:, :, hole], given[:, GUESSES[guess]][:, :, hole], atol=1e-4)


def test_trust_in_the_camera_leaves_no_motion_relative_to_it():
    given = stack()
    moved = given[:, RELATIVE] + with_head_saying(CAMERA, 50.0)(given)
    assert moved[:, :, given[0, HOLE] == 1].abs().max() < 1e-4


def test_motion_that_was_not_carried_is_not_chosen():
    given = stack()
    given[:, (9, 11)] = 0
    given[:, GUESSES[1]] = given[:, GUESSES[2]] = 1000.0
    assert ChoiceNet()(given).abs().max() < 5


def test_a_stack_of_other_channels_is_refused():
    with pytest.raises(ShapeError, match="stack must be"):
        ChoiceNet()(torch.zeros(1, 3, 16, 16))


def test_hypotheses_hold_what_the_completers_say():
    flow_fw, flow_bw, holes = moving_object_clip(6)
    erased, back = erase(flow_fw, holes[:-1]), erase(flow_bw, holes[1:])
    temporal, smooth = TemporalCompleter(1), SmoothCompleter(1)
    wanted = [1, 4]
    expected = dict(temporal.complete(erased, back, holes, wanted=wanted))
    filled = dict(smooth.complete(erased, back, holes, wanted=wanted))
    for t, guess in make_hypotheses(temporal, erased, back, holes, wanted=wanted):
        assert np.array_equal(guess.completed.fw, expected[t].fw)
        assert np.array_equal(guess.completed.bw, expected[t].bw)
        for way, name in enumerate(("fw", "bw")):
            given, hole = guess.stacks[way], holes[t + way]
            difference = getattr(filled[t], name) - getattr(expected[t], name)
            assert np.allclose(given[GUESSES[0]].transpose(1, 2, 0), difference, atol=1e-5)
            assert (given[HOLE][hole] == 1).all()
            assert (given[GUESSES[1]][:, given[HOLE] == 0] == 0).all()
            assert ((given[EVIDENCE] >= 0) & (given[EVIDENCE] <= 4)).all()


def test_motion_seen_on_both_sides_is_among_the_guesses():
    flow_fw, flow_bw, holes = moving_object_clip(8)
    erased, back = erase(flow_fw, holes[:-1]), erase(flow_bw, holes[1:])
    completer = TemporalCompleter(1)
    ((t, guess),) = make_hypotheses(completer, erased, back, holes, wanted=[3])
    hole = holes[t]
    errors = []
    for part in (*GUESSES[1:], None):
        flow = guess.completed.fw + (0 if part is None else guess.stacks[0][part].transpose(1, 2, 0))
        errors.append(np.linalg.norm(flow - flow_fw[t], axis=-1)[hole])
    assert np.min(errors, axis=0).mean() < errors[-1].mean()
