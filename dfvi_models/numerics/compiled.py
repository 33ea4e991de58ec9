"""The decorators for compiled loops: `compiled` for a loop that Python calls, `inlined` for a formula that loops share.

A compiled function cannot call another one, since numba does not know what `compiled` makes; it can call inlined ones.
Machine code is kept on disk where that is possible, and never required.
"""

import hashlib
import inspect
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import numba
from numba.extending import register_jitable

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

_INLINED = "__inlined_in_compiled_loops__"


def inlined(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Let compiled functions, of this file or of others, call a function; Python calls it as it is."""
    setattr(function, _INLINED, True)
    registered: Callable[Arguments, Result] = register_jitable(function)
    return registered


def compiled(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Compile a loop over arrays; it releases the interpreter lock and keeps IEEE arithmetic as written (no fastmath).

    The function is compiled at its first call with each set of argument types, and read from numba's cache folder in
    later processes. Without a writable cache folder (read-only installation, full disk) it is compiled anew in each.
    """
    dispatcher = _dispatcher(function)

    @wraps(function)
    def call(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        try:
            return dispatcher(*args, **kwargs)
        except OSError:
            # The loops do no I/O: numba failed to store the machine code, which by then is loaded.
            return dispatcher(*args, **kwargs)

    return call


def _dispatcher(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Return numba's compiler of a function, with a cache on disk if that can be written and told when it is stale."""
    plain: Callable[Arguments, Result] = numba.njit(nogil=True)(function)
    try:
        cached: Any = numba.njit(nogil=True, cache=True)(function)
    except RuntimeError:  # numba found no folder it may write to
        return plain
    sources = sorted(inspect.getsource(helper) for helper in _inlined_by(function))
    if not sources:
        return cached  # type: ignore[no-any-return]
    # Numba recompiles when the function's own file changed. Inlined formulas of other files count as well.
    index: Any = getattr(cached._cache, "_cache_file", None)
    if not hasattr(index, "_source_stamp"):
        return plain
    index._source_stamp = (index._source_stamp, hashlib.sha256("".join(sources).encode()).hexdigest())
    return cached  # type: ignore[no-any-return]


def _inlined_by(function: Callable[..., Any]) -> Iterator[Callable[..., Any]]:
    """Yield the inlined functions that a function calls by name, and those that these call."""
    for name in function.__code__.co_names:
        helper: Any = function.__globals__.get(name)
        if getattr(helper, _INLINED, False):
            yield helper
            yield from _inlined_by(helper)
