"""The layer rule: flows -> tasks -> {storage, dfvi_models}, and who may know which library."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
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
        f"{path.relative_to(ROOT) if path.is_relative_to(ROOT) else path}:{line}: {package} must not import {module}"
        for line, module in imported_modules(path)
        if module.split(".")[0] in FORBIDDEN[package] and module not in ERRORS_ALLOWED
    ]


@pytest.mark.parametrize("package", FORBIDDEN)
def test_each_layer_imports_only_what_lies_below(package):
    assert [line for path in sorted((ROOT / package).rglob("*.py")) for line in violations(package, path)] == []


def test_a_wrong_import_would_be_found(tmp_path):
    wrong = tmp_path / "wrong.py"
    wrong.write_text("import os\n\ndef f():\n    from tasks.stage import stage\n")
    assert violations("storage", wrong) == [f"{wrong}:4: storage must not import tasks.stage"]


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


@pytest.mark.parametrize("package", FORBIDDEN)
def test_no_module_imports_one_that_imports_it_not_even_late(package):
    graph = {f"{package}.{p.stem}": imports_at_run_time(p) for p in sorted((ROOT / package).glob("*.py"))}

    def follow(module, path):
        assert module not in path, " -> ".join([*path, module])
        for imported in sorted(graph[module] & graph.keys()):
            follow(imported, [*path, module])

    for module in graph:
        follow(module, [])


def test_stages_know_each_other_only_by_their_results():
    stages = {path.stem for path in (ROOT / "tasks").glob("*.py") if "@stage(" in path.read_text()}
    assert len(stages) >= 11
    for name in stages:
        modules = {module.removeprefix("tasks.") for _, module in imported_modules(ROOT / "tasks" / f"{name}.py")}
        assert not modules & stages, name
