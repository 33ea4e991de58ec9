"""The run configuration: layers, and errors that name the key, the value and what is allowed."""

import pytest
import yaml

from flows.configs.run_config import RunConfig, explain_keys, load_config
from storage.errors import InputError


def test_layers_lie_over_one_another(tmp_path):
    file = tmp_path / "run.yaml"
    file.write_text("propagate: {max_consistency_error: 7}\ndecode: {dilation: 2, start: 3}\n")
    config = load_config(file=file, settings=["decode.start=4", "propagate.max_consistency_error=1e1"])
    assert config.propagate.max_consistency_error == 10
    assert (config.decode.dilation, config.decode.start) == (2, 4)
    assert load_config(settings=["decode.stop=null"]).decode.stop is None


def test_the_printed_configuration_reads_back_as_itself(tmp_path):
    file = tmp_path / "run.yaml"
    config = load_config(settings=["encode.crf=23"])
    file.write_text(yaml.safe_dump(config.model_dump(mode="json")))
    assert load_config(file=file) == config


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("propagate.max_consistency_eror=3", "unknown key propagate.max_consistency_eror; did you mean propagate.max_"),
        ("propogate.x=3", "unknown key propogate; did you mean propagate?"),
        ("merge.zzz=3", "unknown key merge.zzz; allowed: rule"),
        ("propagate.max_consistency_error=-1", r"max_consistency_error = -1 is not possible: .* greater than 0"),
        ("propagate.max_consistency_error=big", r"max_consistency_error = 'big' is not possible: .* valid number"),
        ("propagate.max_consistency_error=.nan", r"max_consistency_error = nan is not possible"),
        ("propagate.max_consistency_error=.inf", r"max_consistency_error = inf is not possible"),
        ("merge.rule=best", "merge.rule = 'best' is not possible: there is no rule 'best'; there are nearest, robust"),
        ("decode.frame_rate=fast", "decode.frame_rate = 'fast' is not possible: .* fraction such as 30000/1001"),
        ("decode.frame_rate=1/0", "decode.frame_rate = '1/0' is not possible: frames a second are a number"),
        ("decode=3", "decode = 3 is not possible"),
        (
            "drafts=[{merge: {detial_bias: 1}}]",
            "unknown key drafts.0.merge.detial_bias; did you mean drafts.0.merge.detail_bias?",
        ),
        ("decode.start", "--set takes stage.param=value; got 'decode.start'"),
        ("=3", "--set takes stage.param=value"),
        ("decode.start=[", "'\\[' is not a YAML value"),
    ],
)
def test_bad_settings_are_named(setting, message):
    with pytest.raises(InputError, match=message) as caught:
        load_config(settings=[setting])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [("- 1\n", "must hold keys and values; got a list"), ("a: [", "is not YAML"), ("a: 1", "unknown key a")],
)
def test_bad_files_are_named(tmp_path, content, message):
    file = tmp_path / "run.yaml"
    file.write_text(content)
    with pytest.raises(InputError, match=message):
        load_config(file=file)
    with pytest.raises(InputError, match=r"none\.yaml cannot be read: No such file"):
        load_config(file=tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            ["estimate_flow.estimator=flownet2", "estimate_flow.preset=fast"],
            "estimate_flow.preset is a parameter of dis, not of flownet2, which takes precision",
        ),
        (["drafts=[{merge: {seam_blending: 1}}]"], "drafts.0.merge.seam_blending is a parameter of nearest, not of"),
        (["complete_flow.completer=smoth"], "complete_flow.completer = 'smoth' is not possible: there is no completer"),
    ],
)
def test_a_parameter_of_another_method_is_said_to_be(settings, message):
    with pytest.raises(InputError, match=message):
        load_config(settings=settings)


def test_a_layer_that_chooses_another_method_drops_the_parameters_of_the_one_below(tmp_path):
    file = tmp_path / "run.yaml"
    file.write_text("estimate_flow: {estimator: dis, preset: medium, scale: 0.5}\nmerge: {trust: 2}\n")
    config = load_config(file=file, settings=["estimate_flow.estimator=flownet2", "merge.rule=nearest"])
    assert (config.estimate_flow.estimator.name, config.estimate_flow.scale) == ("flownet2", 0.5)
    assert config.merge.model_dump() == {"rule": "nearest", "seam_blending": 8.0}
    assert load_config(file=file).merge.rule.detail_bias == 2


def test_the_explanation_names_the_other_methods_and_what_they_take():
    meanings = {key: meaning for key, _, meaning in explain_keys(load_config("paper"))}
    assert "estimate_flow.preset" not in meanings
    assert "authors" in meanings["estimate_flow.estimator"]
    assert "- dis: Dense inverse search (OpenCV); needs no weights. Takes preset, finest_scale." in (
        meanings["estimate_flow.estimator"].splitlines()
    )


def test_an_unknown_preset_is_named():
    with pytest.raises(InputError, match="no preset 'best'; choose from default, fast, quality, paper"):
        load_config("best")


def test_the_default_preset_states_what_the_models_default_to():
    assert load_config("default") == RunConfig()


def test_drafts_are_explained_by_what_differs_from_their_defaults():
    values = {key: value for key, value, _ in explain_keys(RunConfig())}
    assert values["drafts"] == '[{}, {"complete_flow": {"dilation": 2}}]'


def test_every_key_has_a_meaning():
    assert [key for key, _, meaning in explain_keys(RunConfig()) if not meaning] == []


def test_shots_out_of_a_file_without_end_are_refused():
    """It took all memory, and the command was killed."""
    with pytest.raises(InputError, match="/dev/zero has more than 10000000 letters"):
        load_config(settings=["find_shots.shots=/dev/zero"])
