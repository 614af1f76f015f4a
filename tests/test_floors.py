"""The architecture: who may import whom, what `import insula` costs, where torch may be."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import insula

ROOT = Path(insula.__file__).parent
FLOORS = {
    "core": 0, "registry": 0, "errors": 0,
    "media": 1, "zoo": 1, "outputs": 1,
    "channels": 2, "fusion": 2, "corpora": 2,
    "pipeline": 3, "people": 3, "config": 3, "explain": 3, "watch": 3,
    "learn": 4, "methods": 4,
    "apps": 5,
}  # fmt: skip
MODULES = sorted(path for path in ROOT.rglob("*.py") if path != ROOT / "__init__.py")


def place(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imports(path: Path) -> list[str]:
    """Dotted names of the modules that a file imports, anywhere in it."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found.append(node.module or "")
    return found


def test_every_folder_has_a_floor() -> None:
    assert {place(path) for path in MODULES} - {"testing"} <= set(FLOORS)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_imports_lower_floors_only(path: Path) -> None:
    here = place(path)
    if here == "testing":
        return
    for name in imports(path):
        parts = name.split(".")
        if parts[0] != "insula" or len(parts) == 1:
            continue
        there = parts[1]
        if here == "apps":
            assert there == "apps", f"{path} reaches past what insula exports: {name}"
        elif there != here:
            top = here in ("pipeline", "registry", "core", "learn", "methods")
            allowed = FLOORS[there] < FLOORS[here] or (top and FLOORS[there] == FLOORS[here])
            assert allowed, f"{path} (floor {FLOORS[here]}) imports {name}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_channels_do_not_know_each_other(path: Path) -> None:
    parts = path.relative_to(ROOT).parts
    if parts[0] != "channels" or len(parts) < 2:
        return
    own = parts[1].removesuffix(".py")
    for name in imports(path):
        if name.startswith("insula.channels."):
            assert name.split(".")[2] == own, f"{path} imports its sibling {name}"


def test_torch_lives_where_training_does() -> None:
    users = {
        place(path) for path in MODULES if {"torch"} & {i.split(".")[0] for i in imports(path)}
    }
    assert users <= {"learn", "methods"}


def modules_after(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in done.stdout.split()}


def test_import_insula_loads_nothing_heavy() -> None:
    extra = modules_after("import insula") - set(sys.stdlib_module_names) - {"insula"}
    # An editable install brings its own finder.
    assert {name for name in extra if not name.startswith(("_", "site"))} <= {"numpy"}


def test_the_pipeline_never_loads_torch() -> None:
    assert "torch" not in modules_after("import insula; insula.Pipeline.load('fast')")


def test_every_exported_name_exists() -> None:
    for name in insula.__all__:
        if name != "train":  # needs the extra "train"
            assert getattr(insula, name) is not None
