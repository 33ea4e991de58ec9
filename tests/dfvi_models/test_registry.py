import subprocess
import sys

import pytest

from dfvi_models import protocols
from dfvi_models.registry import PARTS, part_called, part_class
from dfvi_models.weights.store import NETWORKS

NAMES = [(kind, name) for kind, parts in PARTS.items() for name in parts]


@pytest.mark.parametrize(("kind", "name"), NAMES)
def test_every_part_can_be_imported_and_fulfils_its_protocol(kind: str, name: str) -> None:
    protocol = getattr(protocols, kind.capitalize())
    methods = [method for method in vars(protocol) if not method.startswith("_")]
    assert len(methods) == 1
    assert callable(getattr(part_class(kind, name), methods[0]))  # type: ignore[arg-type]


@pytest.mark.parametrize(("kind", "name"), NAMES)
def test_every_network_a_part_needs_is_known(kind: str, name: str) -> None:
    assert set(part_called(kind, name).networks) <= set(NETWORKS)  # type: ignore[arg-type]


def test_an_unknown_part_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(ValueError, match=r"no estimator 'pwc'; there are .*flownet2"):
        part_called("estimator", "pwc")


def test_looking_a_part_up_does_not_import_torch() -> None:
    code = "import sys, dfvi_models.registry as r; r.part_called('completer', 'dfc'); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
