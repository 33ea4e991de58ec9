"""The one decorator for compiled loops: machine code is kept on disk where that is possible, and never required.

A compiled function cannot call another: numba does not know what this decorator makes. Loops that share a formula
write it out; numba would not notice either that a function changed which stands in another file.
"""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import numba

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def compiled(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Compile a loop over arrays; it releases the interpreter lock and keeps IEEE arithmetic as written (no fastmath).

    The function is compiled at its first call with each set of argument types, and read from numba's cache folder in
    later processes. Without a writable cache folder (read-only installation, full disk) it is compiled anew in each.
    """
    try:
        dispatcher = numba.njit(nogil=True, cache=True)(function)
    except RuntimeError:  # numba found no folder it may write to
        dispatcher = numba.njit(nogil=True)(function)

    @wraps(function)
    def call(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        try:
            return dispatcher(*args, **kwargs)
        except OSError:
            # The loops do no I/O: numba failed to store the machine code, which by then is loaded.
            return dispatcher(*args, **kwargs)

    return call
