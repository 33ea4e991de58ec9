"""Which results a run may give up."""

import pytest

from storage.cache.root import Root
from tasks.estimate_flow import EstimateFlowParams, ImportedFlow, estimate_flow
from tasks.stage.cached_stage import Job, StageResult
from tasks.stage.keeping import drop_when_delivered
from tasks.stage.recipe import Recipe
from tests.storage.conftest import fill_store

IMPORTED = EstimateFlowParams(estimator=ImportedFlow(imported="ab" * 32))


@pytest.mark.parametrize(
    ("params", "keep", "iteration", "state"),
    [
        (EstimateFlowParams(), "result", 0, "dropped"),
        (EstimateFlowParams(), "tune", -1, "dropped"),
        (EstimateFlowParams(), "tune", 0, "complete"),
        (EstimateFlowParams(), "all", -1, "complete"),
        (IMPORTED, "result", 0, "complete"),  # nobody could make it again
    ],
)
def test_a_result_is_dropped_where_it_is_not_kept_and_can_be_made_again(tmp_path, params, keep, iteration, state):
    root, clip = Root.create(tmp_path / "root"), StageResult("goat", "decode", "0" * 32)
    key = estimate_flow.key(params, {"clip": clip})
    fill_store(root.store("goat", key))
    recipe = Recipe(estimate_flow, params, {"clip": clip}, iteration)
    result = StageResult("goat", "estimate_flow", key.digest, iteration, recipe=recipe)
    drop_when_delivered(Job(str(root.path), "goat", keep=keep), [result])
    assert root.store("goat", key).state == state


def test_what_was_only_looked_up_is_not_dropped(tmp_path):
    root, clip = Root.create(tmp_path / "root"), StageResult("goat", "decode", "0" * 32)
    key = estimate_flow.key(EstimateFlowParams(), {"clip": clip})
    fill_store(root.store("goat", key))
    drop_when_delivered(Job(str(root.path), "goat", keep="result"), [StageResult("goat", "estimate_flow", key.digest)])
    assert root.store("goat", key).state == "complete"
