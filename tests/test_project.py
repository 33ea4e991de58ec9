"""What the project says about itself in several files agrees: versions, checks, Pythons, citation."""

import re
import tomllib

import pytest
import yaml

from tests.paths import REPOSITORY

PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
REQUIREMENTS = [*PROJECT["dependencies"], *(r for extra in PROJECT["optional-dependencies"].values() for r in extra)]
UNTESTED_WHEN_OLD = {"ruff", "mypy"}  # they check the code; it does not run with them


def pins(name):
    """Normalised package name -> version in a constraints file."""
    lines = (REPOSITORY / name).read_text().splitlines()
    return {normal(package): version for package, _, version in (line.partition("==") for line in lines) if version}


def normal(package):
    return re.sub(r"[-_.]+", "-", package).lower()


def floors():
    """Package -> the version after >= or == in pyproject.toml."""
    found = re.compile(r"([\w.-]+)(?:\[\w+\])?(?:>=|==)([\w.]+)")
    return [match.groups() for text in REQUIREMENTS if (match := found.match(text))]


def same_version(one, other):
    parts = [[int(part) for part in version.split(".")] for version in (one, other)]
    length = max(map(len, parts))
    return len({tuple(part + [0] * (length - len(part))) for part in parts}) == 1


@pytest.mark.parametrize(("package", "floor"), sorted(set(floors())))
def test_the_oldest_versions_tested_are_those_pyproject_allows(package, floor):
    if package not in UNTESTED_WHEN_OLD:
        assert same_version(pins("constraints-oldest.txt")[normal(package)], floor)


def test_every_requirement_has_a_tested_version():
    names = {normal(re.match(r"[\w.-]+", text).group()) for text in REQUIREMENTS}
    assert names - pins("constraints.txt").keys() <= {"torchvision"}  # of the extra `raft`, which brings its own torch


def test_commits_are_checked_as_make_lint_checks():
    makefile = (REPOSITORY / "Makefile").read_text()
    lint = re.search(r"^lint:.*\n((?:\t.*\n)+)", makefile, re.M).group(1)
    commands = {line.replace("$(BIN)", ".venv/bin").removesuffix(" .").strip() for line in lint.splitlines()}
    (repository,) = yaml.safe_load((REPOSITORY / ".pre-commit-config.yaml").read_text())["repos"]
    assert {hook["entry"] for hook in repository["hooks"]} == commands


def test_ci_runs_every_python_that_is_claimed():
    jobs = yaml.safe_load((REPOSITORY / ".github" / "workflows" / "ci.yml").read_text())["jobs"]
    claimed = {found for text in PROJECT["classifiers"] if (found := text.rpartition(" ")[2]).startswith("3.")}
    assert set(jobs["test"]["strategy"]["matrix"]["python"]) == claimed
    assert min(claimed, key=lambda version: int(version[2:])) == PROJECT["requires-python"].removeprefix(">=")


def test_version_and_date_are_the_same_everywhere():
    newest = re.search(r"^## (\S+) \((\S+)\)$", (REPOSITORY / "CHANGELOG.md").read_text(), re.M)
    citation = yaml.safe_load((REPOSITORY / "CITATION.cff").read_text())
    assert newest.group(1) == PROJECT["version"] == citation["version"]
    assert newest.group(2) == citation["date-released"]
    assert citation["license"] == PROJECT["license"]


def test_the_changelog_says_why_a_stage_has_a_later_version():
    entries = re.split(r"\n\n|\n(?=- )", (REPOSITORY / "CHANGELOG.md").read_text())
    for path in (REPOSITORY / "tasks").rglob("*.py"):
        for version, stage in re.findall(r"^@stage\(version=(\d+).*\ndef (\w+)", path.read_text(), re.M):
            told = " ".join(entry for entry in entries if re.search(rf"\b{stage}\b", entry) and "version" in entry)
            for number in range(2, int(version) + 1):
                assert re.search(rf"\b{number}\b", told), f"{stage}: nothing says what changed with version {number}"
