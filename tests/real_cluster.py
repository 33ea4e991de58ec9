"""A whole cluster of real processes on this machine: Prefect server, workers, deployments; to be killed at will."""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from uuid import UUID

from httpx import HTTPError
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import StateType
from prefect.exceptions import PrefectHTTPStatusError
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.prefect_server.work_pools import init_cluster
from tests.paths import REPOSITORY

START_SECONDS = 180  # a first start makes a database; the machine may be busy


class Cluster:
    """Server and workers, each in a process group of its own; what is left of them ends with the block."""

    def __init__(self, folder: Path, *, deploy: bool = True, **settings: str) -> None:
        """Keep the server's home and the logs in `folder`; `settings` are Prefect's, for the server."""
        self.deploy = deploy
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.folder, self.settings = folder, settings
        self.url = f"http://127.0.0.1:{self.port}/api"
        self.processes: dict[str, subprocess.Popen] = {}
        self.workers: dict[str, tuple[str, int]] = {}
        folder.mkdir(parents=True, exist_ok=True)

    def __enter__(self):
        self.start_server()
        if self.deploy:
            self.make_deployments()
        return self

    def make_deployments(self):
        """Make the pools, and the deployments of prefect.yaml."""
        with temporary_settings({PREFECT_API_URL: self.url}):
            list(init_cluster())
        deploying = self._start("deploy", "prefect", "--no-prompt", "deploy", "--all")
        assert deploying.wait(START_SECONDS) == 0, self.log("deploy")

    def __exit__(self, *error):
        for name in list(self.processes):
            self.kill(name)
        for pid in self.flow_runs():
            os.kill(pid, signal.SIGKILL)

    def start_server(self):
        """Start the server, and wait until it answers."""
        command = ("prefect", "server", "start", "--host", "127.0.0.1", "--port", str(self.port))
        server = self._start("server", *command, "--log-level", "WARNING", **self.settings)
        deadline = time.monotonic() + START_SECONDS
        while True:
            assert server.poll() is None, self.log("server")
            assert time.monotonic() < deadline, self.log("server")
            with suppress(HTTPError, PrefectHTTPStatusError), self.client() as client:
                client.hello()
                return
            time.sleep(0.2)

    def start_worker(self, name, pool, limit=1):
        """Start `dfvi worker`."""
        self.workers[name] = pool, limit
        options = ("--pool", pool, "--limit", str(limit), "--name", name)
        return self._start(name, "flows.cli.main", "worker", *options, PREFECT_WORKER_QUERY_SECONDS="1")

    def mend(self):
        """Start workers again that are gone, as systemd does."""
        for name, options in self.workers.items():
            if name not in self.processes or self.processes[name].poll() is not None:
                self.start_worker(name, *options)

    def kill(self, name):
        """Kill -9 a process and what it started in its own group: a server's uvicorn, but no flow runs."""
        process = self.processes.pop(name)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def flow_runs(self):
        """Processes of flow runs of this cluster: pid -> id of the run."""
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                given = (folder / "environ").read_bytes().split(b"\0")
                run = [each.partition(b"=")[2].decode() for each in given if each.startswith(b"PREFECT__FLOW_RUN_ID=")]
                if run and f"PREFECT_API_URL={self.url}".encode() in given:
                    found[int(folder.name)] = UUID(run[0])
        return found

    def client(self):
        """A client of this server."""
        with temporary_settings({PREFECT_API_URL: self.url}):
            return get_client(sync_client=True)

    def submit(self, deployment, **parameters):
        """Schedule a run of a deployment; return its id."""
        with self.client() as client:
            found = client.read_deployment_by_name(deployment)
            return client.create_flow_run_from_deployment(found.id, parameters=parameters).id

    def state(self, run):
        """State of a run; None while the server is away."""
        with suppress(HTTPError, PrefectHTTPStatusError), self.client() as client:
            return client.read_flow_run(run).state

    def wait(self, run, seconds):
        """Wait for the end of a run; a crash is none, for it comes back."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.mend()
            state = self.state(run)
            if state is not None and state.is_final() and state.type is not StateType.CRASHED:
                return state
            time.sleep(0.5)
        raise AssertionError(f"run {run} has not ended: {self.state(run)}")

    def log(self, name):
        """What a process said."""
        return (self.folder / f"{name}.log").read_text()

    def _start(self, name, *module, **environment):
        clean = {key: value for key, value in os.environ.items() if not key.startswith("PREFECT_")}
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", *module],
                cwd=REPOSITORY,
                env=clean
                | {"PREFECT_HOME": str(self.folder / "home"), "PREFECT_API_URL": self.url}
                | {"PREFECT_SERVER_ANALYTICS_ENABLED": "false", "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"}
                | environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.processes[name] = process
        return process
