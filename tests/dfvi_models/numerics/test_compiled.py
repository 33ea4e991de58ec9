import importlib
import linecache
import sys

import numpy as np
import pytest

HELPER = """
from dfvi_models.numerics.compiled import inlined

@inlined
def scaled(value):
    return {factor} * value
"""
LOOP = """
from dfvi_models.numerics.compiled import compiled
from helper_of_a_loop import scaled

@compiled
def total(values):
    result = 0.0
    for n in range(len(values)):
        result += scaled(values[n])
    return result
"""


@pytest.fixture
def import_loop(tmp_path, monkeypatch):
    """Write and import a compiled loop and the file of its inlined helper, as a new process would."""
    (tmp_path / "loop.py").write_text(LOOP)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def load(factor):
        (tmp_path / "helper_of_a_loop.py").write_text(HELPER.format(factor=factor))
        for name in ("helper_of_a_loop", "loop"):
            sys.modules.pop(name, None)
        importlib.invalidate_caches()
        linecache.clearcache()
        return importlib.import_module("loop")

    yield load
    for name in ("helper_of_a_loop", "loop"):
        sys.modules.pop(name, None)


def test_machine_code_on_disk_is_not_used_when_an_inlined_formula_of_another_file_has_changed(import_loop, tmp_path):
    assert import_loop("2.0").total(np.array([1.0, 2.0])) == 6
    assert list(tmp_path.rglob("loop.total*.nbi")), "numba keeps machine code on disk"
    assert import_loop("5.0").total(np.array([1.0, 2.0])) == 15
