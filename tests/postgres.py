"""A private PostgreSQL server on this machine, for a Prefect server to keep its runs in."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))
"""Where Debian and Ubuntu keep initdb and pg_ctl; empty without PostgreSQL."""


@contextmanager
def postgres() -> Iterator[str]:
    """A new, empty server on the loopback for the length of a block; its address as Prefect wants it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    user = {"user": "postgres"} if os.geteuid() == 0 else {}  # it refuses to run as root
    folder = Path(tempfile.mkdtemp(prefix="dfvi-postgres-"))
    if user:
        shutil.chown(folder, "postgres")
    control = [BINARIES[-1] / "pg_ctl", "-D", folder / "data", "-w", "-s"]
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c max_connections=200"
    try:
        initdb = [BINARIES[-1] / "initdb", "-D", folder / "data", "-U", "prefect", "-A", "trust", "-E", "UTF8"]
        subprocess.run(initdb, check=True, capture_output=True, cwd=folder, **user)
        start = [*control, "-l", folder / "log", "-o", options, "start"]
        subprocess.run(start, check=True, stdout=subprocess.DEVNULL, cwd=folder, **user)
        yield f"postgresql+asyncpg://prefect@127.0.0.1:{port}/postgres"
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], check=False, capture_output=True, cwd=folder, **user)
        shutil.rmtree(folder)
