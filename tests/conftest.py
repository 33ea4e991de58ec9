"""One Prefect server and one object store for all tests that need them, gone at the end."""

import logging
import os
import urllib.request

os.environ.setdefault("DO_NOT_TRACK", "1")
os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
os.environ.setdefault("PREFECT_LOGGING_LEVEL", "WARNING")

import pytest

SECONDS_ALLOWED = {"soak": 3 * 3600, "slow": 900}
"""Marker -> limit of one test with its fixtures; pyproject.toml has that of all others. It ends what hangs."""

KEY_ID, SECRET = "KEY-ID-NEVER-TO-BE-SEEN", "secret-never-to-be-seen"


def pytest_collection_modifyitems(items):
    """Give slow tests more time before they count as hanging."""
    for item in items:
        marked = next((name for name in SECONDS_ALLOWED if item.get_closest_marker(name)), None)
        if marked and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(SECONDS_ALLOWED[marked]))


def pytest_runtest_setup(item):
    """Tests marked gpu are skipped where there is none; `pytest -m gpu` runs just them."""
    if item.get_closest_marker("gpu"):
        import torch

        if not torch.cuda.is_available():
            pytest.skip("needs a CUDA device")


@pytest.fixture(scope="session", autouse=True)
def cache_of_the_tests(tmp_path_factory):
    """What is remembered between commands is not remembered in the user's cache; children inherit it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def prefect_server():
    """Prefect's own test harness; tests that run a flow or a task ask for it, all others call bodies."""
    from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings
    from prefect.testing.utilities import prefect_test_harness

    with (
        prefect_test_harness(server_startup_timeout=120),
        temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}),
    ):
        yield


@pytest.fixture(scope="session")
def bucket():
    """URL of a bucket of an S3 server on loopback, with the environment that reaches it; children inherit it."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    address = f"http://{host}:{port}"
    environment = {"AWS_ACCESS_KEY_ID": KEY_ID, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_ENDPOINT_URL": address}
    environment["NO_PROXY"] = host
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        urllib.request.urlopen(urllib.request.Request(f"{address}/dfvi-tests", method="PUT"))
        yield "s3://dfvi-tests"
    server.stop()
