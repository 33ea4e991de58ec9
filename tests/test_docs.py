"""The documentation is true: its Python runs, its commands parse, every command and parameter has a meaning."""

import argparse
import re
import shlex
import textwrap

import pytest
import yaml

from flows.cli import main as cli
from tests.paths import REPOSITORY

DOCS = REPOSITORY / "docs"
MADE = ("_build", "reference", "pictures")
"""Folders of the site that are made while it is built."""
PAGES = [
    REPOSITORY / "README.md",
    REPOSITORY / "CONTRIBUTING.md",
    *sorted(page for page in DOCS.rglob("*.md") if page.relative_to(DOCS).parts[0] not in MADE),
]


def blocks_of(page, language):
    found = re.findall(rf"^( *)```{language}\n(.*?)^ *```", page.read_text(), re.M | re.S)
    return [textwrap.dedent(block) for _, block in found]


def blocks(language):
    return [
        pytest.param(block, id=f"{page.name}-{i}")
        for page in PAGES
        for i, block in enumerate(blocks_of(page, language))
    ]


def documented_commands():
    lines = [line for block in blocks("sh") for line in block.values[0].splitlines()]
    return sorted({line.split("#")[0].strip() for line in lines if line.startswith("dfvi ")})


def parsers(parser, name="dfvi"):
    yield name, parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for word, below in action.choices.items():
                yield from parsers(below, f"{name} {word}")


ALL_PARSERS = dict(parsers(cli._parser()))


@pytest.mark.parametrize("block", blocks("python"))
def test_python_examples_run(block):
    exec(compile(block, "example", "exec"), {})


@pytest.mark.parametrize("line", documented_commands())
def test_commands_in_the_documentation_parse(line):
    cli._parser().parse_args(shlex.split(line)[1:])


@pytest.mark.parametrize("block", blocks("yaml"))
def test_configurations_in_the_documentation_are_valid(block, tmp_path):
    from flows.configs.run_config import load_config
    from flows.datasets.dataset import ManifestEntry

    content = yaml.safe_load(block)
    assert isinstance(content, dict)
    if "videos" in content:
        assert [ManifestEntry.model_validate(entry) for entry in content["videos"]]
        return
    (tmp_path / "run.yaml").write_text(block)
    load_config(file=tmp_path / "run.yaml")


@pytest.mark.parametrize("name", ALL_PARSERS)
def test_every_argument_of_every_command_has_help(name):
    unexplained = [
        action.dest
        for action in ALL_PARSERS[name]._actions
        if not action.help and not isinstance(action, argparse._SubParsersAction)
    ]
    assert unexplained == []


def test_every_command_is_named_in_the_readme():
    text = (REPOSITORY / "README.md").read_text()
    leaves = [name for name in ALL_PARSERS if not any(other.startswith(name + " ") for other in ALL_PARSERS)]
    assert [name for name in leaves if not re.search(rf"\b{name}\b", re.sub(r"\s+", " ", text))] == []


def test_links_between_pages_lead_somewhere():
    for page in PAGES:
        for target in re.findall(r"\]\((?!http)([^)#]+)", page.read_text()):
            is_made = (page.parent / target).resolve().relative_to(REPOSITORY).parts[1:2] in [(name,) for name in MADE]
            assert is_made or (page.parent / target).exists(), f"{page.name}: {target}"


def test_files_that_pages_name_exist():
    shape = re.compile(r"`((?:flows|tasks|storage|dfvi_models|tests|docs|benchmarks|\.ci|\.github)/[\w./-]+)`")
    for page in PAGES:
        for name in shape.findall(page.read_text()):
            assert (REPOSITORY / name).exists(), f"{page.name}: {name}"


def test_what_the_architecture_page_points_at_is_there():
    rows = re.findall(r"^\| .+ \| `(\S+)` \| `(\w+)` \|$", (REPOSITORY / "docs" / "architecture.md").read_text(), re.M)
    assert len(rows) >= 10
    for file, name in rows:
        assert re.search(rf"^(class|def) {name}\b", (REPOSITORY / file).read_text(), re.M), f"{file}: {name}"
