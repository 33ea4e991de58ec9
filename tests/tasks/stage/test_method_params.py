"""Parameters of exchangeable methods: flat for the user, each method's own, and only these in the digest."""

import json
import pickle

import pytest
from prefect.utilities.schema_tools.validation import is_valid
from pydantic import BaseModel, ValidationError

from tasks.complete_flow import CompleteFlowParams, complete_flow
from tasks.estimate_flow import EstimateFlowParams, ImportedFlow, estimate_flow
from tasks.merge import MergeParams
from tasks.stage.cached_stage import Job


class Input:
    digest = "a"


def digest(**values):
    return estimate_flow.key(EstimateFlowParams.of(**values), {"clip": Input()}).digest


def test_flat_keys_are_written_as_they_were_read():
    flat = {"estimator": "raft", "precision": "float16", "scale": 0.5, "most_pixels": None, "working_size": [48, 64]}
    params = EstimateFlowParams.of(**flat)
    assert json.loads(params.model_dump_json()) == flat
    assert EstimateFlowParams.model_validate_json(params.model_dump_json()) == params
    assert pickle.loads(pickle.dumps(params)) == params


def test_a_parameter_of_another_method_is_no_part_of_what_is_digested():
    params = EstimateFlowParams.of(estimator="raft")
    assert set(params.identity()) == {"estimator", "precision", "scale", "most_pixels", "working_size"}
    assert set(EstimateFlowParams().identity()) == {
        "estimator",
        "preset",
        "finest_scale",
        "scale",
        "most_pixels",
        "working_size",
    }


def test_a_method_at_a_later_version_has_results_of_its_own(monkeypatch):
    before, other = digest(), MergeParams.of(rule="robust").identity()
    monkeypatch.setattr(type(EstimateFlowParams().method), "version", 2)
    assert digest() != before
    assert MergeParams.of(rule="robust").identity() == other
    assert MergeParams.of(rule="nearest").identity()["rule version"] == 2


def test_the_grid_of_imported_flow_is_its_own():
    assert digest(estimator="imported", imported="d", scale=0.25) == digest(estimator="imported", imported="d")
    assert digest(scale=0.25) != digest()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"estimator": "raft", "preset": "fast"}, "is a parameter of dis, not of raft, which takes precision, scale, "),
        ({"precision": "tf32"}, "is a parameter of flownet2 and raft and raft_small, not of dis, which takes preset, "),
        ({"estimator": "pwc"}, "there is no estimator 'pwc'; there are dis, flownet2, "),
        ({"estimator": None}, "there is no estimator 'None'"),
        ({"estimator": ["dis"]}, "there is no estimator"),
        ({"prset": "fast"}, "unknown key prset"),
        ({"preset": "slow"}, "Input should be 'ultrafast', 'fast' or 'medium'"),
        ({"estimator": "imported"}, "Field required"),
    ],
)
def test_what_does_not_fit_the_method_is_refused(values, message):
    with pytest.raises(ValidationError, match=message):
        EstimateFlowParams.of(**values)


def test_another_method_above_drops_what_only_the_one_below_takes():
    below = {"estimator": "dis", "preset": "fast", "scale": 0.5}
    assert EstimateFlowParams.lay(below, {"estimator": "flownet2"}) == {"estimator": "flownet2", "scale": 0.5}
    assert EstimateFlowParams.lay(below, {"estimator": "dis"}) == below
    assert EstimateFlowParams.lay(below, {"scale": 1}) == below | {"scale": 1}
    assert EstimateFlowParams.lay({"preset": "fast"}, {"estimator": "raft"}) == {"estimator": "raft"}


def test_what_both_methods_inherit_stays():
    below = {"completer": "temporal", "rounds": 3, "dilation": 2}
    assert CompleteFlowParams.lay(below, {"completer": "learned"}) == below | {"completer": "learned"}
    assert CompleteFlowParams.lay(below, {"completer": "smooth"}) == {"completer": "smooth", "dilation": 2}


def test_an_earlier_name_of_a_parameter_means_the_same():
    assert MergeParams.of(trust=2) == MergeParams.of(detail_bias=2)
    assert MergeParams.lay({"trust": 2}, {"detail_bias": 1}) == {"detail_bias": 1}
    assert MergeParams.lay({"rule": "robust", "detail_bias": 2}, {"trust": 1}) == {"rule": "robust", "detail_bias": 1}


class Holder(BaseModel):
    params: EstimateFlowParams = EstimateFlowParams()


@pytest.mark.parametrize(
    ("values", "fits"),
    [
        ({}, True),
        ({"scale": 0.5}, True),
        ({"preset": "medium"}, True),
        ({"estimator": "dis", "preset": "medium"}, True),
        ({"estimator": "raft", "precision": "tf32"}, True),
        ({"estimator": "imported", "imported": "digest"}, True),
        ({"estimator": "raft", "preset": "medium"}, False),
        ({"estimator": "pwc"}, False),
        ({"precision": "tf32"}, False),
    ],
)
def test_the_schema_that_deployments_check_against_allows_the_same(values, fits):
    assert is_valid({"params": values}, Holder.model_json_schema()) is fits


def test_imported_flow_that_is_not_there_is_said_to_be_missing():
    from dfvi_models.methods import Resources
    from storage.errors import InputError

    with pytest.raises(InputError, match="flow abc is not in this root"):
        ImportedFlow(imported="abc").build(Resources(), working_size=(1, 1))


def test_the_weights_that_entered_the_digest_are_loaded_whatever_was_added_since(tmp_path, monkeypatch):
    """The key of a queued stage may be hours old when its turn comes."""
    from dfvi_models.weights.store import StoredWeights, write_note

    def add(sha256, added):
        (tmp_path / f"{sha256}.safetensors").write_bytes(b"")
        write_note(StoredWeights("choice", sha256, "f", "s", "here", "bare", 1, 1, 1, added), tmp_path)

    monkeypatch.setenv("DFVI_WEIGHTS", str(tmp_path))
    params, job = CompleteFlowParams.of(completer="learned"), Job(str(tmp_path), "clip")
    add("aaaa", "2026-01-01")
    key = complete_flow.key(params, {})
    add("bbbb", "2026-01-02")
    assert params.weights() == {"choice": "bbbb"}
    assert [path.stem for path in params.resources(job, key).weights] == ["aaaa"]
