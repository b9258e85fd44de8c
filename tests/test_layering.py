"""The house rules: which folder may import which, how long a page is, and what a module documents.

Every import counts, also one inside a function. A folder stands for the folders in it.
"""

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("dashboard", "gqa_core", "pages")
ENTRY_FILES = [ROOT / "app.py", ROOT / "serve.py"]
FILES = [*ENTRY_FILES, *(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))]
MODULES = sorted(path.relative_to(ROOT) for path in FILES)
LIBRARIES = {
    "torch",
    "pandas",
    "sqlalchemy",
    "streamlit",
    "plotly",
}  # those that few folders may import

FACTS = {"gqa_core", "gqa_core/catalog", "gqa_core/theory", "gqa_core/hf_config"}
FACTS |= {"gqa_core/engine_logs"}
FACTS |= {"gqa_core/model_files"}
RULES = {  # one per folder: the folders and libraries that it may import
    "gqa_core": set(),
    "gqa_core/limits": {"gqa_core"},
    "gqa_core/catalog": {"gqa_core"},
    "gqa_core/theory": {"gqa_core"},
    "gqa_core/hf_config": {"gqa_core", "gqa_core/theory"},
    "gqa_core/engine_logs": {"gqa_core", "gqa_core/theory", "gqa_core/catalog"},
    "gqa_core/model_files": {"gqa_core", "gqa_core/theory", "gqa_core/hf_config"},
    "gqa_core/engine": {"gqa_core", "torch"},
    "gqa_core/engine/sharded": {"gqa_core", "gqa_core/theory", "gqa_core/engine", "torch"},
    "gqa_core/records": {"gqa_core", "gqa_core/theory", "pandas", "sqlalchemy"},
    "gqa_core/advice": {"gqa_core", "gqa_core/theory", "gqa_core/catalog", "gqa_core/records"},
    "gqa_core/runner": {"gqa_core", "gqa_core/theory", "gqa_core/records", "gqa_core/limits"},
    "gqa_core/measure": {
        "gqa_core",
        "gqa_core/limits",
        "gqa_core/theory",
        "gqa_core/records",
        "gqa_core/engine",
    }
    | {"gqa_core/engine/sharded", "torch"},
    "gqa_core/quality": {
        *FACTS,
        "gqa_core/records",
        "gqa_core/engine",
        "gqa_core/measure",
        "torch",
    },
    "gqa_core/sample_runs": {"gqa_core", "gqa_core/theory", "gqa_core/records", "gqa_core/runner"},
    "gqa_core/commands": {*FACTS, "gqa_core/records", "gqa_core/runner", "gqa_core/measure"}
    | {"gqa_core/quality", "gqa_core/sample_runs", "gqa_core/advice", "gqa_core/limits"},
    "dashboard/settings": {*FACTS, "gqa_core/records"},
    "dashboard/data": {*FACTS, "gqa_core/records", "gqa_core/advice", "dashboard/settings"},
    "dashboard/report": {*FACTS, "gqa_core/records", "dashboard/settings", "dashboard/data"}
    | {"gqa_core/advice", "pandas"},
    "dashboard/figures": {*FACTS, "gqa_core/records", "dashboard/settings", "dashboard/data"}
    | {"gqa_core/advice", "plotly"},
    "dashboard/shell": {*FACTS, "gqa_core/records", "gqa_core/runner", "dashboard/settings"}
    | {"dashboard/data", "dashboard/report", "dashboard/figures", "streamlit", "plotly"}
    | {"gqa_core/sample_runs", "gqa_core/limits"},
    "dashboard/controls": {*FACTS, "gqa_core/records", "dashboard/settings", "dashboard/data"}
    | {"gqa_core/advice", "dashboard/report", "dashboard/shell", "streamlit", "gqa_core/limits"},
    "dashboard/server": {"gqa_core/limits", "streamlit"},
    "dashboard/views": {*FACTS, "gqa_core/records", "dashboard/settings", "dashboard/data"}
    | {"dashboard/report", "dashboard/figures", "dashboard/shell", "dashboard/controls"}
    | {"gqa_core/advice", "streamlit", "gqa_core/limits"},
    "pages": {*FACTS, "dashboard/settings", "dashboard/data", "dashboard/report"}
    | {"dashboard/figures", "dashboard/shell", "dashboard/controls", "dashboard/views"}
    | {"streamlit"},
}
ENTRIES = {
    "app.py": {"dashboard/shell"},
    "gqa_core/__main__.py": {"gqa_core/commands", "gqa_core/runner"},
    "serve.py": {"dashboard/server", "streamlit"},
}


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports, wherever in the file."""
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def module_file(name: str) -> Path | None:
    """The file of ours that an imported name stands for, or None."""
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        stem = Path(*parts[:end])
        for path in (stem.with_suffix(".py"), stem / "__init__.py"):
            if path in MODULE_SET:
                return path
    return None


MODULE_SET = set(MODULES)


def owning_folder(path: Path) -> str:
    """The folder whose rule holds for a file."""
    fitting = [name for name in RULES if Path(name) in path.parents]
    return max(fitting, key=len) if fitting else str(path)


@cache
def imported_files(path: Path) -> frozenset[Path]:
    """The files of ours that a file imports; its own package's __init__ is no import."""
    files = {file for name in imports(path) if (file := module_file(name))}
    return frozenset(files - {path})


def targets(path: Path) -> set[str]:
    """The folders of ours and the guarded libraries that a file imports, without its own folder."""
    libraries = {name.split(".")[0] for name in imports(path)} & LIBRARIES
    folders = {owning_folder(file) for file in imported_files(path)}
    return folders - {owning_folder(path)} | libraries


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_a_folder_imports_only_what_its_rule_allows(path):
    allowed = ENTRIES.get(str(path)) or RULES[owning_folder(path)]
    foreign = targets(path) - allowed
    assert not foreign, f"{path} may not import {foreign}"


def circles(graph: dict) -> list:
    """The members of `graph` (name -> names it points to) that can reach themselves."""
    in_circle = []
    for start in graph:
        reached, waiting = set(), list(graph[start])
        while waiting:
            name = waiting.pop()
            if name not in reached:
                reached.add(name)
                waiting += graph.get(name, ())
        if start in reached:
            in_circle.append(start)
    return in_circle


def test_the_rules_have_no_circle():
    assert not circles({name: allowed - LIBRARIES for name, allowed in RULES.items()})


def test_no_files_import_each_other_in_a_circle():
    assert not circles({path: imported_files(path) for path in MODULES})


@pytest.fixture
def planted(tmp_path, monkeypatch):
    """A function that makes a tree of these files (path -> text) the tree under test."""

    def plant(**files: str) -> None:
        for name, text in files.items():
            path = tmp_path / PLANTED[name]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        module = sys.modules[__name__]
        monkeypatch.setattr(module, "ROOT", tmp_path)
        monkeypatch.setattr(module, "MODULE_SET", {Path(PLANTED[name]) for name in files})
        imported_files.cache_clear()

    yield plant
    imported_files.cache_clear()


PLANTED = {
    "theory": "gqa_core/theory/planted.py",
    "measure": "gqa_core/measure/planted.py",
    "records": "gqa_core/records/planted.py",
}


@pytest.mark.parametrize("indent", ["", "def lazy():\n    "])
def test_a_planted_import_that_runs_up_is_seen(planted, indent):
    planted(theory=f"{indent}import gqa_core.measure.planted, torch", measure="")
    path = Path(PLANTED["theory"])
    assert targets(path) - RULES["gqa_core/theory"] == {"gqa_core/measure", "torch"}
    with pytest.raises(AssertionError, match="may not import"):
        test_a_folder_imports_only_what_its_rule_allows(path)


@pytest.mark.parametrize("indent", ["", "def lazy():\n    "])
def test_a_planted_circle_is_seen(planted, indent):
    planted(
        theory="from gqa_core.records import planted",
        records=f"{indent}from gqa_core.measure.planted import name",
        measure="import gqa_core.theory.planted",
    )
    paths = [Path(path) for path in PLANTED.values()]
    assert set(circles({path: imported_files(path) for path in paths})) == set(paths)


@pytest.mark.parametrize("folder", [*RULES, *ENTRIES])
def test_a_rule_is_about_something_that_exists(folder):
    assert (ROOT / folder).exists()


@pytest.mark.parametrize("path", sorted((ROOT / "pages").glob("*.py")), ids=lambda p: p.name)
def test_a_page_is_short_and_has_no_function_or_class(path):
    text = path.read_text()
    assert len(text.splitlines()) <= 100
    kinds = (ast.FunctionDef, ast.ClassDef, ast.AsyncFunctionDef)
    assert not [node for node in ast.walk(ast.parse(text)) if isinstance(node, kinds)]


def test_the_entry_is_short_and_no_room_is_for_odds_and_ends():
    assert len((ROOT / "app.py").read_text().splitlines()) <= 60
    assert not {path.name for path in MODULES} & {"utils.py", "helpers.py", "common.py", "misc.py"}
    assert not list((ROOT / "dashboard").glob("*.py")), "a file of dashboard/ belongs in a room"


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_every_module_and_public_name_has_a_docstring(path):
    tree = ast.parse((ROOT / path).read_text())
    if path.name == "__init__.py" and not tree.body:
        return
    assert ast.get_docstring(tree), f"{path} has no docstring"
    for node in ast.walk(tree):
        named = isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name[0] != "_"
        if named and node in tree.body:
            assert ast.get_docstring(node), f"{path}: {node.name} has no docstring"
