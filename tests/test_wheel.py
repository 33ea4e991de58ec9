"""The package as users get it: the wheel holds every file of the four packages, and works where no checkout is."""

import os
import shutil
import subprocess
import sys
from zipfile import ZipFile

import pytest

from tests.clips import panning_clip
from tests.paths import REPOSITORY

PACKAGES = ("flows", "tasks", "storage", "dfvi_models")
pytestmark = pytest.mark.slow


def pip(*arguments):
    command = [sys.executable, "-m", "pip", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built from a copy: setuptools leaves files beside what it builds, and packs what an old build left."""
    copy, built = tmp_path_factory.mktemp("copy"), tmp_path_factory.mktemp("built")
    for name in PACKAGES:
        shutil.copytree(REPOSITORY / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(REPOSITORY / name, copy)
    pip("wheel", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", built, copy)
    (path,) = built.glob("dfvi-*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """A folder that holds what the wheel brings, and nothing else."""
    folder = tmp_path_factory.mktemp("installed")
    pip("install", "--no-deps", "--no-index", "--target", folder, wheel)
    return folder


def test_the_wheel_holds_every_module_and_data_file(wheel):
    files = [path for name in PACKAGES for path in (REPOSITORY / name).rglob("*") if path.is_file()]
    expected = {str(path.relative_to(REPOSITORY)) for path in files if path.parent.name != "__pycache__"}
    found = {name for name in ZipFile(wheel).namelist() if not name.split("/")[0].endswith(".dist-info")}
    assert found == expected
    assert {"flows/cli/main.py", "flows/configs/presets/default.yaml", "storage/py.typed"} <= found


def test_the_wheel_says_what_it_is(wheel):
    with ZipFile(wheel) as archive:
        (metadata,) = (archive.read(name).decode() for name in archive.namelist() if name.endswith("/METADATA"))
        (scripts,) = (archive.read(name).decode() for name in archive.namelist() if name.endswith("/entry_points.txt"))
    assert "Classifier: Operating System :: POSIX :: Linux" in metadata
    assert "dfvi = flows.cli.main:run" in scripts


def test_a_video_is_inpainted_by_the_installed_package_alone(installed, tmp_path, prefect_server):
    from prefect.settings import PREFECT_API_URL

    panning_clip(tmp_path / "clip", count=4)
    folder = tmp_path / "empty"
    folder.mkdir()
    environment = os.environ | {"PYTHONPATH": str(installed), "PREFECT_API_URL": PREFECT_API_URL.value()}

    def python(*arguments):
        command = [sys.executable, *map(str, arguments)]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    where = python("-c", f"import {', '.join(PACKAGES)}; print({', '.join(f'{name}.__file__' for name in PACKAGES)})")
    assert where.split() == [str(installed / name / "__init__.py") for name in PACKAGES]
    dfvi = installed / "bin" / "dfvi"
    clip = (tmp_path / "clip" / "frames", "--mask", tmp_path / "clip" / "masks", "--preset", "paper-rule")
    said = python(dfvi, "inpaint", *clip, "-o", "clean.mkv", "--set", "encode.codec=ffv1")
    assert "output: clean.mkv" in said
    assert (folder / "clean.mkv").stat().st_size > 0
    assert "reuse" in python(dfvi, "plan", *clip, "--set", "encode.codec=ffv1", "--set", "encode.container=mkv")
