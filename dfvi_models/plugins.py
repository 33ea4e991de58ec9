"""Methods of other packages, found by entry points: one for each method, called as the method is."""

import logging
from functools import cache
from importlib.metadata import EntryPoint, entry_points

from dfvi_models.errors import MethodError
from dfvi_models.methods import CompleterMethod, EstimatorMethod, InpainterMethod, Method, MethodKind

ENTRY_POINTS: dict[MethodKind, tuple[str, type[Method]]] = {
    "estimator": ("dfvi.estimators", EstimatorMethod),
    "completer": ("dfvi.completers", CompleterMethod),
    "inpainter": ("dfvi.inpainters", InpainterMethod),
}
"""Kinds that other packages may add to -> group of their entry points, and what their classes must derive from."""


@cache
def offered(kind: MethodKind) -> dict[str, tuple[EntryPoint, ...]]:
    """Return what other packages offer of a kind, by the method's name; nothing is imported for it."""
    found: dict[str, tuple[EntryPoint, ...]] = {}
    for entry in entry_points(group=ENTRY_POINTS[kind][0]) if kind in ENTRY_POINTS else ():
        found[entry.name] = (*found.get(entry.name, ()), entry)
    return found


def load(kind: MethodKind, name: str) -> type[Method]:
    """Import a method that a package offers.

    Raises : MethodError, one line that names the package, if that fails or two packages offer the name.
    """
    entry, *others = offered(kind)[name]
    if others:
        packages = " and ".join(sorted(map(describe_package, (entry, *others))))
        raise MethodError(f"{packages} both offer the {kind} {name!r}; uninstall one of them")
    who = f"the {kind} {name!r} of the package {describe_package(entry)} cannot be used"
    try:
        method = entry.load()
    except (Exception, SystemExit) as error:  # whatever a stranger's module raises
        raise MethodError(f"{who}: {type(error).__name__}: {' '.join(str(error).split())}") from error
    base = ENTRY_POINTS[kind][1]
    if not (isinstance(method, type) and issubclass(method, base)):
        raise MethodError(f"{who}: {entry.value} is no subclass of {base.__name__}")
    called = getattr(method, "name", None)
    if called != name:
        raise MethodError(f"{who}: its class is called {called!r}, its entry point {name!r}; both must agree")
    return method


def describe_package(entry: EntryPoint) -> str:
    """Name and version of the package that an entry point is of."""
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist else entry.value


def forget_packages() -> None:
    """Look for entry points afresh, after a package was installed while this process runs."""
    offered.cache_clear()
    warn.cache_clear()


@cache
def warn(text: str) -> None:
    """Warn, once for each text, of what is not used."""
    logging.getLogger(__name__).warning("%s", text)
