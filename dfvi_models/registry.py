"""Every method by its kind and name: those that ship, those a script registers, and those of other packages."""

from collections import defaultdict
from functools import cache

from dfvi_models import plugins
from dfvi_models.errors import MethodError
from dfvi_models.evaluation import methods as evaluation
from dfvi_models.flow_completion import methods as flow_completion
from dfvi_models.flow_estimation import methods as flow_estimation
from dfvi_models.image_inpainting import methods as image_inpainting
from dfvi_models.merging import methods as merging
from dfvi_models.methods import Method, MethodKind
from dfvi_models.propagation import methods as propagation

ROOMS = (flow_estimation, flow_completion, propagation, merging, image_inpainting, evaluation)
"""Modules in which every class with a name of its own is a method that ships."""

Methods = dict[str, type[Method]]
_registered: dict[MethodKind, Methods] = defaultdict(dict)


def find_method(kind: MethodKind, name: str) -> type[Method]:
    """Return the method of this kind and name; a package is imported only when its method is asked for.

    Raises : MethodError with the names there are, or with the package whose method cannot be used.
    """
    known = _known(kind)
    if name in known:
        return known[name]
    if name in plugins.offered(kind):
        return plugins.load(kind, name)
    names = ", ".join(sorted({*known, *plugins.offered(kind)}))
    raise MethodError(f"there is no {kind.replace('_', ' ')} {name!r}; there are {names}")


def methods_of(kind: MethodKind) -> Methods:
    """Return every method of a kind by its name; what packages offer and cannot be used is left out with a warning."""
    known = _known(kind)
    found = dict(known)
    for name, entries in plugins.offered(kind).items():
        try:
            if name in known:
                packages = ", ".join(map(plugins.describe_package, entries))
                raise MethodError(
                    f"the {kind} {name!r} of the package {packages} is not used: dfvi has one of this name"
                )
            found[name] = plugins.load(kind, name)
        except MethodError as error:
            plugins.warn(str(error))
    return found


def register(method: type[Method]) -> type[Method]:
    """Add a method for the length of this process; usable as a decorator. Its code does not enter digests.

    Raises : MethodError if a method that ships has its name.
    """
    if method.name in _shipped(method.kind):
        raise MethodError(f"the {method.kind} {method.name!r} ships with dfvi; choose another name")
    _registered[method.kind][method.name] = method
    return method


def unregister(method: type[Method]) -> None:
    """Forget a method that was registered."""
    del _registered[method.kind][method.name]


def package_of(method: type[Method]) -> str | None:
    """Return name and version of the package that offers a method, which enter digests; None for other methods."""
    entries = plugins.offered(method.kind).get(method.name, ())
    return plugins.describe_package(entries[0]) if entries and method.name not in _known(method.kind) else None


def _known(kind: MethodKind) -> Methods:
    return _shipped(kind) | _registered[kind]


@cache
def _shipped(kind: MethodKind) -> Methods:
    classes = [each for room in ROOMS for each in vars(room).values() if isinstance(each, type)]
    methods = [each for each in classes if issubclass(each, Method) and "name" in vars(each)]
    return {method.name: method for method in methods if method.kind == kind}
