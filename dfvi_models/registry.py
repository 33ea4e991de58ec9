"""Every method by its kind and name: those that ship, those of other packages, and those a script registers.

A package offers methods by entry points: one for each method, named as the method is, in the group of its kind.
"""

import logging
from collections import defaultdict
from functools import cache
from importlib.metadata import EntryPoint, entry_points

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
ENTRY_POINTS: dict[MethodKind, str] = {
    "estimator": "dfvi.estimators",
    "completer": "dfvi.completers",
    "inpainter": "dfvi.inpainters",
}
"""Kinds that other packages may add to -> group of their entry points."""

Methods = dict[str, type[Method]]
_registered: dict[MethodKind, Methods] = defaultdict(dict)


def find_method(kind: MethodKind, name: str) -> type[Method]:
    """Return the method of this kind and name; a plug-in is imported only when its method is asked for.

    Raises : MethodError with the names there are, or with the package whose method cannot be used.
    """
    known = _shipped(kind) | _registered[kind]
    if name in known:
        return known[name]
    if name in (offered := _offered(kind)):
        return _load(kind, offered[name])
    names = ", ".join(sorted({*known, *offered}))
    raise MethodError(f"there is no {kind.replace('_', ' ')} {name!r}; there are {names}")


def methods_of(kind: MethodKind) -> Methods:
    """Return every method of a kind by its name; those of broken packages are left out with a warning."""
    found = _shipped(kind) | _registered[kind]
    for name, entry in _offered(kind).items():
        try:
            found[name] = _load(kind, entry)
        except MethodError as error:
            _warn(str(error))
    return found


def register(method: type[Method]) -> type[Method]:
    """Add a method for the length of this process; usable as a decorator. Its code does not enter digests.

    Raises : MethodError if a method that ships has its name.
    """
    if method.name in _shipped(method.kind):
        raise MethodError(f"the {method.kind} {method.name!r} ships with dfvi; choose another name")
    _registered[method.kind][method.name] = method
    return method


def package_of(method: type[Method]) -> str | None:
    """Return name and version of the package that a method comes from, which digests tell apart; None for ours."""
    if method.name in _shipped(method.kind) or method.name in _registered[method.kind]:
        return None
    entry = _offered(method.kind).get(method.name)
    return _describe_package(entry) if entry else None


@cache
def _shipped(kind: MethodKind) -> Methods:
    classes = [each for room in ROOMS for each in vars(room).values() if isinstance(each, type)]
    methods = [each for each in classes if issubclass(each, Method) and "name" in vars(each)]
    return {method.name: method for method in methods if method.kind == kind}


@cache
def _offered(kind: MethodKind) -> dict[str, EntryPoint]:
    """Entry points of other packages by name, without those whose name is taken."""
    found: dict[str, EntryPoint] = {}
    for entry in entry_points(group=ENTRY_POINTS[kind]) if kind in ENTRY_POINTS else ():
        if entry.name in _shipped(kind):
            _warn(f"{_describe_package(entry)} offers the {kind} {entry.name!r}, which ships with dfvi; it is not used")
        elif entry.name in found and found[entry.name].value != entry.value:
            packages = f"{_describe_package(found[entry.name])} and {_describe_package(entry)}"
            _warn(f"{packages} both offer the {kind} {entry.name!r}; the first one is used")
        else:
            found[entry.name] = entry
    return found


@cache
def _load(kind: MethodKind, entry: EntryPoint) -> type[Method]:
    who = f"the {kind} {entry.name!r} of the package {_describe_package(entry)} cannot be used"
    try:
        method = entry.load()
    except Exception as error:  # whatever a stranger's module raises
        raise MethodError(f"{who}: {type(error).__name__}: {error}") from error
    if not (isinstance(method, type) and issubclass(method, Method) and getattr(method, "kind", None) == kind):
        raise MethodError(f"{who}: {entry.value} is no subclass of the base class for this kind of method")
    if getattr(method, "name", None) != entry.name:
        raise MethodError(
            f"{who}: its class is called {getattr(method, 'name', None)!r}, its entry point {entry.name!r}"
        )
    return method


def forget_packages() -> None:
    """Look for entry points afresh, after a package was installed while this process runs."""
    _offered.cache_clear()
    _load.cache_clear()
    _warn.cache_clear()


def _describe_package(entry: EntryPoint) -> str:
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist else entry.value


@cache  # once for each text
def _warn(text: str) -> None:
    logging.getLogger(__name__).warning("%s", text)
