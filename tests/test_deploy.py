"""What is shipped to run a cluster is true: deployments name flows and parameters that exist, examples parse."""

import inspect
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from prefect.flows import load_flow_from_entrypoint

from flows.cli import main as cli
from flows.prefect_server.work_pools import POOLS
from tests.paths import REPOSITORY

DEPLOY = REPOSITORY / "docs" / "deploy"
DEPLOYMENTS = yaml.safe_load((REPOSITORY / "prefect.yaml").read_text())["deployments"]


@pytest.mark.parametrize("deployment", [pytest.param(each, id=each["name"]) for each in DEPLOYMENTS])
def test_deployments_name_flows_parameters_and_pools_that_exist(deployment):
    flow = load_flow_from_entrypoint(str(REPOSITORY / deployment["entrypoint"]))
    given = deployment.get("parameters", {})
    wanted = inspect.signature(flow.fn).parameters
    assert set(given) <= set(wanted)
    missing = {name: "x" for name, each in wanted.items() if each.default is each.empty and name not in given}
    missing |= {"vary": ["merge.rule=nearest"]} if "vary" in missing else {}
    flow.validate_parameters({**given, **missing})
    assert deployment["work_pool"]["name"] in POOLS


@pytest.mark.parametrize("path", sorted(DEPLOY.glob("*.yaml")), ids=lambda path: path.name)
def test_examples_are_yaml_and_their_commands_parse(path):
    documents = list(yaml.safe_load_all(path.read_text()))
    assert all(isinstance(document, dict) for document in documents)
    for command in commands_in(documents):
        cli._parser().parse_args(command[1:])


def commands_in(part):
    if isinstance(part, list) and part[:1] == ["dfvi"]:
        yield part
    elif isinstance(part, dict | list):
        for below in part.values() if isinstance(part, dict) else part:
            yield from commands_in(below)


@pytest.mark.parametrize("path", sorted(DEPLOY.glob("*.service")), ids=lambda path: path.name)
def test_systemd_units_are_valid_and_their_commands_parse(path, tmp_path):
    (command,) = re.findall(r"^ExecStart=(.*)$", path.read_text(), re.M)
    program, *arguments = shlex.split(command.replace("%i", "0").replace("%H", "host"))
    if Path(program).name == "dfvi":
        cli._parser().parse_args(arguments)
    if shutil.which("systemd-analyze"):
        unit = tmp_path / path.name.replace("@", "@0")
        shutil.copy(path, unit)
        said = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False).stderr
        assert [line for line in said.splitlines() if path.stem[:8] in line and "is not executable" not in line] == []
