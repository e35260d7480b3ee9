"""The house rules that no linter knows: sizes, docstrings, nothing swallowed, no leftovers."""

from __future__ import annotations

import ast
import functools
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "rollouts"
MODULES = sorted(PACKAGE.rglob("*.py"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

FILE_LINES_MAX = 500
FILE_LINES_AIM = 400
FUNCTION_LINES_MAX = 70

TEXT_SUFFIXES = {".py", ".md", ".yaml", ".yml", ".toml", ".json", ".mod", ".go", ".sh", ""}
FOREIGN_FOLDERS = {
    ".git", ".venv", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis", "__pycache__",
    ".import_linter_cache", "dist", "build",
}  # fmt: skip


def name_of(path):
    return str(path.relative_to(ROOT))


@functools.cache
def tree_of(path):
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def line_count(path):
    return len(path.read_text(encoding="utf-8").splitlines())


def own_files():
    """Every text file of the repository, what tools leave behind excepted."""
    for path in sorted(ROOT.rglob("*")):
        parts = path.relative_to(ROOT).parts
        is_foreign = any(part in FOREIGN_FOLDERS or part.endswith(".egg-info") for part in parts)
        if path.is_file() and not is_foreign and path.suffix in TEXT_SUFFIXES:
            yield path


def test_files_stay_small_enough_to_be_read_at_once():
    counts = {name_of(path): line_count(path) for path in MODULES}

    over = {name: count for name, count in counts.items() if count > FILE_LINES_AIM}
    assert max(counts.values()) <= FILE_LINES_MAX, f"longer than {FILE_LINES_AIM} lines: {over}"


def test_functions_fit_on_a_screen():
    long = [
        f"{name_of(path)}:{node.lineno} {node.name} has {node.end_lineno - node.lineno + 1} lines"
        for path in MODULES
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno - node.lineno >= FUNCTION_LINES_MAX
    ]

    assert long == []


def test_every_module_says_what_it_is_for():
    silent = [name_of(path) for path in MODULES if not ast.get_docstring(tree_of(path))]

    assert silent == []


def test_every_folder_of_modules_is_a_package():
    folders = {path.parent for path in MODULES}

    assert [name_of(each) for each in sorted(folders) if not (each / "__init__.py").exists()] == []


def test_no_error_is_swallowed_without_a_word():
    silent = [
        f"{name_of(path)}:{node.lineno}"
        for path in MODULES
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.ExceptHandler) and _is_silent(node, path)
    ]

    assert silent == []


def _is_silent(handler, path):
    """An empty handler has to name what it catches and to say why that may be dropped."""
    is_empty = all(isinstance(each, ast.Pass) or _is_constant(each) for each in handler.body)
    lines = path.read_text(encoding="utf-8").splitlines()[handler.lineno : handler.end_lineno]
    return is_empty and (handler.type is None or not any("#" in line for line in lines))


def _is_constant(statement):
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


@pytest.mark.parametrize(
    ("what", "pattern"),
    [
        ("work that was put off", r"\b(?:TODO|FIXME|HACK)\b|# TEMP\b"),
        ("a path of somebody's machine", r"(?<![\w.$}])/(?:work|home)/\w"),
    ],
)
def test_no_file_holds_leftovers(what, pattern):
    found = [
        f"{name_of(path)}:{number}: {line.strip()[:80]}"
        for path in own_files()
        if path != Path(__file__)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if re.search(pattern, line)
    ]

    assert found == [], what


def test_no_module_lies_about_that_nothing_uses():
    """A module that only tests import is no part of the product."""
    used = set()
    for path in MODULES:
        own = _dotted(path)
        used |= {name for name in _imports(tree_of(path)) if name != own}
    commands = {f"rollouts.cli.{path.stem}" for path in (PACKAGE / "cli").glob("*.py")}
    announced = PROJECT["entry-points"]["rollouts.metric_providers"].values()
    providers = {value.partition(":")[0] for value in announced}
    entry_points = {"rollouts.__main__", *commands, *providers}

    unused = [_dotted(path) for path in MODULES if path.name != "__init__.py"]
    assert [name for name in unused if name not in used | entry_points] == []


def _dotted(path):
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def _imports(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module
            yield from (f"{node.module}.{each.name}" for each in node.names)


def test_make_e2e_looks_wherever_a_test_needs_a_true_cluster_or_a_stock_program():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8").replace("\\\n", " ")
    [folders] = re.findall(r"^E2E\s*:=(.*)$", makefile, re.MULTILINE)
    mark = re.compile(r"\bmark\.(real|kubectl|helm|played)\b")
    marked = [path for path in (ROOT / "tests").rglob("test_*.py") if mark.search(path.read_text())]

    assert marked
    assert [
        name_of(path)
        for path in marked
        if not any(path.is_relative_to(ROOT / folder) for folder in folders.split())
    ] == []
