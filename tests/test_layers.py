"""The layer rule: flows -> tasks -> {storage, dfvi_models}, and who may know which library."""

import ast
from pathlib import Path

import pytest

from tests.paths import REPOSITORY

FORBIDDEN = {
    "flows": {"zarr", "torch", "dfvi_models", "cv2", "numba", "tests"},
    "tasks": {"flows", "zarr", "torch", "tests"},
    "storage": {"flows", "tasks", "dfvi_models", "prefect", "torch", "tests"},
    "dfvi_models": {"flows", "tasks", "storage", "prefect", "zarr", "av", "tests"},
}
ERRORS_ALLOWED = {"dfvi_models.errors"}  # the command line turns every error of ours into one line


def imported_modules(path: Path) -> list[tuple[int, str]]:
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports are absolute here"
            found.append((node.lineno, node.module or ""))
    return found


def violations(package: str, path: Path) -> list[str]:
    return [
        f"{path}:{line}: {package} must not import {module}"
        for line, module in imported_modules(path)
        if module.split(".")[0] in FORBIDDEN[package] and module not in ERRORS_ALLOWED
    ]


@pytest.mark.parametrize("package", FORBIDDEN)
def test_each_layer_imports_only_what_lies_below(package):
    assert [line for path in sorted((REPOSITORY / package).rglob("*.py")) for line in violations(package, path)] == []


def test_a_wrong_import_would_be_found(tmp_path):
    wrong = tmp_path / "wrong.py"
    wrong.write_text("import os\n\ndef f():\n    from tasks.stage.cached_stage import stage\n")
    assert violations("storage", wrong) == [f"{wrong}:4: storage must not import tasks.stage.cached_stage"]


def imports_at_run_time(path: Path) -> set[str]:
    """Modules imported anywhere in a file, but for those only the type checker sees."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = [ast.Pass()]
    nodes = list(ast.walk(tree))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    froms = [node for node in nodes if isinstance(node, ast.ImportFrom)]
    names = {f"{node.module}.{alias.name}" for node in froms for alias in node.names}
    return plain | names | {str(node.module) for node in froms}


def dotted_name(path: Path, above: Path) -> str:
    """Name under which a file is imported; a folder's is that of its __init__.py."""
    return ".".join(path.relative_to(above).with_suffix("").parts).removesuffix(".__init__")


def circles(package: Path) -> list[str]:
    """Chains of imports, at the top of a file or inside a function, that lead back to where they began."""
    graph = {dotted_name(p, package.parent): imports_at_run_time(p) for p in sorted(package.rglob("*.py"))}
    found, harmless = [], set()

    def follow(module, path):
        if module in path:
            found.append(" -> ".join([*path[path.index(module) :], module]))
        elif module not in harmless:
            for imported in sorted(graph[module] & graph.keys()):
                follow(imported, [*path, module])
            harmless.add(module)

    for module in graph:
        follow(module, [])
    return found


@pytest.mark.parametrize("package", FORBIDDEN)
def test_no_module_imports_one_that_imports_it_not_even_late(package):
    assert circles(REPOSITORY / package) == []


def test_a_circle_between_rooms_would_be_found(tmp_path):
    for room, other in (("first", "second"), ("second", "first")):
        (tmp_path / "package" / room).mkdir(parents=True)
        (tmp_path / "package" / room / "module.py").write_text(f"def f():\n    from package.{other} import module\n")
    assert circles(tmp_path / "package") == ["package.first.module -> package.second.module -> package.first.module"]


def test_stages_know_each_other_only_by_their_results():
    files = [path for path in (REPOSITORY / "tasks").rglob("*.py") if "\n@stage(" in path.read_text()]
    stages = {dotted_name(path, REPOSITORY): path for path in files}
    assert len(stages) >= 11
    for name, path in stages.items():
        assert not {module for _, module in imported_modules(path)} & stages.keys(), name
