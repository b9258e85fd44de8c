"""The rules of the house: who may import what, how long a page may be, and what is not found."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("dashboard", "gqa_core", "pages")
FILES = [ROOT / "app.py", *(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))]
MODULES = sorted(path.relative_to(ROOT) for path in FILES)
HEAVY = {"torch", "pandas", "streamlit", "plotly"}
LIGHT = ("app.py", "pages", "dashboard", "gqa_core/theory", "gqa_core/configs.py")

ALLOWED = {  # the longest folder that fits a file holds: what it may import of this list
    "app.py": {"dashboard"},
    "pages": {"streamlit", "dashboard", "gqa_core"},
    "dashboard": {"streamlit", "plotly", "pandas", "dashboard", "gqa_core"},
    "dashboard/cache/sentences.py": {"dashboard", "gqa_core"},
    "dashboard/cache/tables.py": {"pandas", "dashboard", "gqa_core"},
    "dashboard/capacity/planning.py": {"pandas", "dashboard", "gqa_core"},
    "dashboard/capacity/sentences.py": {"dashboard", "gqa_core"},
    "dashboard/controls/options.py": {"dashboard", "gqa_core"},
    "dashboard/figures": {"plotly", "dashboard", "gqa_core"},
    "dashboard/frame/jobs.py": {"gqa_core"},
    "dashboard/measured/crossover.py": {"pandas", "dashboard", "gqa_core"},
    "dashboard/measured/generation.py": {"pandas", "dashboard", "gqa_core"},
    "dashboard/measured/predictions.py": {"dashboard", "gqa_core"},
    "dashboard/measured/roofline.py": {"pandas", "dashboard", "gqa_core"},
    "dashboard/measured/sentences.py": {"dashboard", "gqa_core"},
    "dashboard/measured/tables.py": {"pandas", "dashboard", "gqa_core"},
    "dashboard/model/choices.py": {"dashboard", "gqa_core"},
    "dashboard/model/layout_sentences.py": {"dashboard", "gqa_core"},
    "dashboard/model/layouts.py": {"gqa_core"},
    "dashboard/model/presets.py": {"dashboard", "gqa_core"},
    "dashboard/model/variants.py": {"gqa_core"},
    "dashboard/quality/rows.py": {"pandas", "dashboard", "gqa_core"},
    "dashboard/quality/sentences.py": {"dashboard", "gqa_core"},
    "dashboard/quality/tradeoff.py": {"pandas", "dashboard", "gqa_core"},
    "dashboard/runs/other_rows.py": {"pandas", "dashboard", "gqa_core"},
    "dashboard/runs/selection.py": {"pandas", "dashboard", "gqa_core"},
    "gqa_core": {"gqa_core"},
    "gqa_core/catalog": {"gqa_core"},
    "gqa_core/theory": {"gqa_core"},
    "gqa_core/engine": {"torch", "gqa_core"},
    "gqa_core/measure": {"gqa_core"},
    "gqa_core/quality": {"gqa_core"},
    "gqa_core/quality/convert.py": {"torch", "gqa_core"},
    "gqa_core/quality/diversity.py": {"torch", "gqa_core"},
    "gqa_core/quality/measure.py": {"torch", "gqa_core"},
    "gqa_core/quality/model.py": {"torch", "gqa_core"},
    "gqa_core/quality/checkpoint.py": {"torch", "gqa_core"},
    "gqa_core/quality/ship.py": {"torch", "gqa_core"},
    "gqa_core/quality/train.py": {"torch", "gqa_core"},
    "gqa_core/measure/check.py": {"torch", "gqa_core"},
    "gqa_core/measure/decode.py": {"torch", "gqa_core"},
    "gqa_core/measure/device.py": {"torch", "gqa_core"},
    "gqa_core/measure/generate.py": {"torch", "gqa_core"},
    "gqa_core/measure/growth.py": {"torch", "gqa_core"},
    "gqa_core/measure/meter.py": {"torch", "gqa_core"},
    "gqa_core/measure/prepare.py": {"torch", "gqa_core"},
    "gqa_core/measure/probe.py": {"torch", "gqa_core"},
    "gqa_core/measure/timing.py": {"torch", "gqa_core"},
}
WITHIN = {  # inside the core: which of its rooms a room may use
    "gqa_core/catalog": {"catalog", "configs", "units"},
    "gqa_core/hf_config": {"configs", "hf_config", "json_object", "theory"},
    "gqa_core/quality": {"configs", "theory", "engine", "measure", "quality"},
    "gqa_core/theory": {"configs", "theory", "units"},
    "gqa_core/engine": {"configs", "engine"},
    "gqa_core/measure": {"configs", "theory", "engine", "json_object", "measure", "units"},
    "gqa_core/configs.py": set(),
    "gqa_core/json_object.py": set(),
    "gqa_core/units.py": set(),
}


def imports(path, *, lazy=True):
    """Modules a file imports; without `lazy` ones only those at its top level."""
    tree = ast.parse((ROOT / path).read_text())
    nodes = ast.walk(tree) if lazy else tree.body
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def rule(rules, path):
    fitting = [key for key in rules if path == Path(key) or Path(key) in path.parents]
    return rules[max(fitting, key=len)] if fitting else None


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_imports_run_one_way(path):
    ours = {"dashboard", "gqa_core", "pages", "app"}
    lazy_too = str(path).startswith(LIGHT)
    found = imports(path, lazy=lazy_too)
    top = {name.split(".")[0] for name in found} & (HEAVY | ours)
    assert top <= rule(ALLOWED, path), f"{path} may not import {top - rule(ALLOWED, path)}"
    rooms = {name.split(".")[1] for name in imports(path) if name.startswith("gqa_core.")}
    allowed = rule(WITHIN, path)
    assert allowed is None or rooms <= allowed, f"{path} may not use {rooms - allowed}"


def test_the_engine_is_reached_from_measure_and_quality_and_nowhere_else():
    rooms = ("gqa_core/engine", "gqa_core/measure", "gqa_core/quality")
    for path in MODULES:
        if not str(path).startswith(rooms):
            assert not any(name.startswith("gqa_core.engine") for name in imports(path)), path


@pytest.mark.parametrize(
    "folder",
    [
        "gqa_core",
        "gqa_core/catalog",
        "gqa_core/commands",
        "gqa_core/hf_config",
        "gqa_core/measure",
        "gqa_core/quality",
        "gqa_core/theory",
    ],
)
def test_package_files_are_empty(folder):
    assert (ROOT / folder / "__init__.py").read_text() == ""


@pytest.mark.parametrize("room", ["catalog", "hf_config", "theory"])
def test_formulas_and_facts_need_neither_torch_nor_pandas(room):
    for path in (ROOT / "gqa_core" / room).glob("*.py"):
        tops = {name.split(".")[0] for name in imports(path.relative_to(ROOT))}
        assert not tops & HEAVY, path


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


@pytest.mark.parametrize("path", [*ALLOWED, *WITHIN])
def test_a_rule_is_about_something_that_is_there(path):
    assert (ROOT / path).exists()


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_every_module_and_public_name_says_what_it_is(path):
    tree = ast.parse((ROOT / path).read_text())
    if path.name == "__init__.py" and not tree.body:
        return
    assert ast.get_docstring(tree), f"{path} has no docstring"
    for node in ast.walk(tree):
        named = isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name[0] != "_"
        if named and node in tree.body:
            assert ast.get_docstring(node), f"{path}: {node.name} has no docstring"
