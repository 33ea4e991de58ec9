import subprocess
import sys

import pytest

from dfvi_models import protocols
from dfvi_models.errors import MethodError
from dfvi_models.methods import Method, NetworkMethod, Resources
from dfvi_models.registry import find_method, methods_of, register
from dfvi_models.weights.catalogue import NETWORKS

KINDS = ("estimator", "completer", "sampling", "rule", "inpainter", "image_metric", "video_encoder")
METHODS = [method for kind in KINDS for method in methods_of(kind).values()]  # type: ignore[arg-type]


@pytest.mark.parametrize("method", METHODS)
def test_every_method_says_in_words_what_it_and_its_parameters_are(method: type[Method]) -> None:
    assert method.__doc__
    assert method.__doc__ not in [base.__doc__ for base in method.__mro__[1:]]
    assert [name for name, field in method.model_fields.items() if not field.description] == []


@pytest.mark.parametrize("method", METHODS)
def test_every_network_a_method_needs_is_known(method: type[Method]) -> None:
    assert set(method.networks) <= set(NETWORKS)
    assert bool(method.networks) >= issubclass(method, NetworkMethod)


@pytest.mark.parametrize(
    ("kind", "options", "protocol"),
    [
        ("estimator", {"working_size": (48, 64)}, protocols.FlowEstimator),
        ("completer", {"dilation": 2}, protocols.FlowCompleter),
        ("inpainter", {}, protocols.ImageInpainter),
    ],
)
def test_every_method_without_networks_is_built_as_its_kind_asks(kind, options, protocol) -> None:  # type: ignore[no-untyped-def]
    methods = [method for method in methods_of(kind).values() if not method.networks and method.name != "imported"]
    assert methods
    for method in methods:
        built = method().build(Resources(), **options)  # type: ignore[attr-defined]
        assert callable(getattr(built, next(name for name in vars(protocol) if not name.startswith("_"))))


def test_an_unknown_method_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(MethodError, match=r"no estimator 'pwc'; there are .*flownet2"):
        find_method("estimator", "pwc")


def test_the_name_of_a_method_that_ships_is_taken() -> None:
    class Dis(methods_of("estimator")["dis"]):  # type: ignore[misc]
        """Another one."""

        name = "dis"

    with pytest.raises(MethodError, match="ships with dfvi"):
        register(Dis)


def test_looking_a_method_up_does_not_import_torch() -> None:
    code = "import sys, dfvi_models.registry as r; r.find_method('completer', 'dfc'); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
