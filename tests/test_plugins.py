"""A package of somebody else: the example of docs/plugins.md is found, used, told apart, and may be broken."""

import re
import shutil
import sys
import tomllib

import numpy as np
import pytest

from dfvi_models import plugins, registry
from dfvi_models.errors import MethodError
from flows.configs.run_config import explain_keys, load_config
from flows.pipeline.plan import plan_video
from storage.cache.root import Root
from storage.errors import InputError
from tasks.decode import MediaInput, decode
from tasks.estimate_flow import EstimateFlowParams, estimate_flow
from tasks.find_shots import find_shots
from tasks.shots.shot import shots_with_holes
from tasks.stage.cached_stage import Job
from tests.clips import panning_clip
from tests.paths import REPOSITORY

PAGE = (REPOSITORY / "docs" / "plugins.md").read_text()
PROJECT = tomllib.loads(re.search(r"^```toml\n(.*?)^```", PAGE, re.M | re.S)[1])
MODULE = re.search(r"^```python\n(.*?)^```", PAGE, re.M | re.S)[1]
SETTINGS = ["estimate_flow.estimator=pan", "estimate_flow.largest_shift=20"]


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Lay a package on the path as pip would: its module, and what its project file says as metadata."""

    def put(module=MODULE, version=PROJECT["project"]["version"], name=PROJECT["project"]["name"], points=None):
        folder = tmp_path / f"site-{name}"
        shutil.rmtree(folder, ignore_errors=True)
        (info := folder / f"{name.replace('-', '_')}-{version}.dist-info").mkdir(parents=True)
        (folder / "dfvi_pan.py").write_text(module)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        groups = PROJECT["project"]["entry-points"] if points is None else points
        lines = [f"[{group}]\n" + "".join(f"{k} = {v}\n" for k, v in each.items()) for group, each in groups.items()]
        (info / "entry_points.txt").write_text("\n".join(lines))
        monkeypatch.syspath_prepend(str(folder))
        sys.modules.pop("dfvi_pan", None)
        plugins.forget_packages()

    yield put
    monkeypatch.undo()
    sys.modules.pop("dfvi_pan", None)
    plugins.forget_packages()


def test_the_example_goes_through_configuration_digest_stage_and_plan(install, tmp_path):
    install()
    config = load_config(settings=[*SETTINGS, "estimate_flow.scale=0.5", "grow_holes.reach=0"])
    clip, root = panning_clip(tmp_path / "clip", count=4, step=2), Root.create(tmp_path / "root")
    video, mask = MediaInput.video(str(clip.video)), MediaInput.mask(str(clip.mask))
    job = Job(str(root.path), "clip")
    decoded = decode.run(job, config.decode, {"video": video, "mask": mask})
    found = find_shots.run(job, config.find_shots, {"clip": decoded})
    (shot,) = shots_with_holes(decoded, found)
    flow = estimate_flow.run(job, config.estimate_flow, {"clip": shot}).open(job)
    np.testing.assert_allclose(flow["flow_fw"][1], np.broadcast_to((-1, 0), (24, 32, 2)), atol=0.2)
    key = estimate_flow.key(config.estimate_flow, {"clip": shot})
    assert key.params["largest_shift"] == 20
    assert key.params["estimator package"] == "dfvi-pan 1.0"
    alone = config.model_copy(update={"drafts": ()})
    planned = {each.stage: each.action for each in plan_video(root.path, "clip", alone, video, mask)}
    assert (planned["decode"], planned["estimate_flow"], planned["merge"]) == ("reuse", "reuse", "compute")


def test_another_version_of_the_package_is_another_result(install):
    class Input:
        digest = "a"

    install(version="1.0")
    first = estimate_flow.key(load_config(settings=SETTINGS).estimate_flow, {"clip": Input()})
    install(version="1.1")
    second = estimate_flow.key(load_config(settings=SETTINGS).estimate_flow, {"clip": Input()})
    assert second.differences(first) == ['estimator package: "dfvi-pan 1.0" -> "dfvi-pan 1.1"']


def test_its_parameters_are_explained_and_checked_like_any_other(install):
    install()
    meanings = {key: meaning for key, _, meaning in explain_keys(load_config())}
    line = "- pan: One shift for the whole frame, by phase correlation (OpenCV). Takes largest_shift."
    assert line in meanings["estimate_flow.estimator"].splitlines()
    with pytest.raises(InputError, match="largest_shift = -1 is not possible"):
        load_config(settings=[SETTINGS[0], "estimate_flow.largest_shift=-1"])
    with pytest.raises(InputError, match="largest_shift is a parameter of pan, not of dis"):
        load_config(settings=["estimate_flow.largest_shift=3"])


@pytest.mark.parametrize(
    ("module", "points", "problem"),
    [
        ("import no_such_module", None, "ModuleNotFoundError: No module named 'no_such_module'"),
        ("raise SystemExit(3)", None, "SystemExit: 3"),
        ("Pan = 3", None, "dfvi_pan:Pan is no subclass of EstimatorMethod"),
        (MODULE, {"dfvi.estimators": {"tilt": "dfvi_pan:Pan"}}, "its class is called 'pan', its entry point 'tilt'"),
        (MODULE, {"dfvi.inpainters": {"pan": "dfvi_pan:Pan"}}, "dfvi_pan:Pan is no subclass of InpainterMethod"),
    ],
)
def test_a_broken_package_is_one_line_that_names_it_and_harms_nothing_else(install, caplog, module, points, problem):
    install(module, points=points)
    group, entry = next(iter((points or PROJECT["project"]["entry-points"]).items()))
    kind = {group: kind for kind, (group, _) in plugins.ENTRY_POINTS.items()}[group]
    with pytest.raises(MethodError) as caught:
        registry.find_method(kind, next(iter(entry)))
    assert "of the package dfvi-pan 1.0 cannot be used: " in str(caught.value)
    assert problem in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "dis" in EstimateFlowParams.methods()
    registry.methods_of(kind)
    registry.methods_of(kind)
    assert [record.message for record in caplog.records] == [str(caught.value)]
    assert load_config().estimate_flow == EstimateFlowParams()


def test_a_name_that_ships_is_not_taken_over(install, caplog):
    install(points={"dfvi.estimators": {"dis": "dfvi_pan:Pan"}})
    assert registry.find_method("estimator", "dis").__module__ == "dfvi_models.flow_estimation.methods"
    registry.methods_of("estimator")
    assert ["'dis' of the package dfvi-pan 1.0 is not used" in r.message for r in caplog.records] == [True]


def test_two_packages_with_one_name_are_both_named(install, caplog):
    install()
    install(name="dfvi-other", points={"dfvi.estimators": {"pan": "dfvi_pan:PanEstimator"}})
    with pytest.raises(MethodError, match=r"dfvi-other 1\.0 and dfvi-pan 1\.0 both offer the estimator 'pan'"):
        registry.find_method("estimator", "pan")
