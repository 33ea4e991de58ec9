"""A small root with one finished store in it."""

from uuid import uuid4

import numpy as np
import pytest

from storage.cache import array_layout
from storage.cache.root import Root
from storage.cache.stage_key import StageKey

KEY = StageKey("estimate_flow", 1, {"preset": "fast"}, {"clip": "0" * 32})


def flow_item(t, height=5, width=7):
    return np.random.default_rng(t).uniform(-9, 9, (height, width, 2)).astype(np.float32)


def fill_store(store, count=4, seal=True, only=None):
    store.begin()
    layout = array_layout.flow(count, 5, 7)
    for t in store.create(flow_fw=layout, flow_bw=layout):
        if only is None or t in only:
            store.write(t, flow_fw=flow_item(t), flow_bw=-flow_item(t))
    if seal:
        store.seal(made={"seconds": 1.0})
    return store


@pytest.fixture
def local_root(tmp_path):
    return Root.create(tmp_path / "root")


@pytest.fixture(params=["disk", "s3"])
def location(request, tmp_path):
    """Where a root may be made: the same tests hold for a folder and for an object store."""
    if request.param == "disk":
        return str(tmp_path / "root")
    return f"{request.getfixturevalue('bucket')}/{uuid4().hex}"


@pytest.fixture
def root(location):
    return Root.create(location)


@pytest.fixture
def store(root):
    return fill_store(root.store("goat", KEY))
