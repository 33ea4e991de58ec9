"""Which Prefect server is meant, for every thread of this process and every process that it starts.

Prefect keeps settings in a context variable, which threads do not inherit: one that logs or reports progress without
them would start a server of its own. So the address stands in the environment and in the settings of the process, and
no server is ever started by Prefect itself. Prefect is imported late: the command line prepares the environment first.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

NO_SERVER_OF_ITS_OWN = {"PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "false"}
"""For the environment: Prefect raises where it would start a server."""


_connected = 0
_used = False


def in_use() -> bool:
    """Return whether this process uses a server at the moment: a run is going on."""
    return _connected > 0


def was_used() -> bool:
    """Return whether this process has ever used a server: a run has begun."""
    return _used


@contextmanager
def everywhere(url: str, auth: str | None) -> Iterator[None]:
    """Make the whole process, and those it starts, use the server at this address for the length of a `with` block."""
    from prefect.context import refresh_global_settings_context

    environment = past_proxies(os.environ) | NO_SERVER_OF_ITS_OWN | {"PREFECT_API_URL": url}
    if auth:
        environment["PREFECT_API_AUTH_STRING"] = auth
    global _connected, _used
    before = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    refresh_global_settings_context()
    _connected, _used = _connected + 1, True
    try:
        yield
    finally:
        _connected -= 1
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        refresh_global_settings_context()


def past_proxies(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that keep requests to this machine from going through a proxy.

    >>> past_proxies({"NO_PROXY": "intern"})["no_proxy"]
    'intern,127.0.0.1,localhost'
    """
    given = environment.get("no_proxy") or environment.get("NO_PROXY") or ""
    names = [name.strip() for name in given.split(",") if name.strip()]
    if "*" not in names:
        names += [name for name in ("127.0.0.1", "localhost") if name not in names]
    return dict.fromkeys(("no_proxy", "NO_PROXY"), ",".join(names))
