"""README and docs: their links lead somewhere, their examples run, their numbers are the code's."""

import re
import shlex
from pathlib import Path

import pytest

from dashboard.shell.page import SECTIONS, START
from gqa_core import engine
from gqa_core.catalog.models import models
from gqa_core.commands.cli import group
from gqa_core.quality.pretrained import training_record
from gqa_core.records.decode_row import BOUND_TOLERANCE
from gqa_core.records.noise import (
    MAX_INTERVAL_RATIO,
    MAX_MEDIAN_RATIO,
    MIN_BANDWIDTH_RATIO,
    MIN_USABLE_RATIO,
)

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
METHODOLOGY = (ROOT / "docs" / "methodology.md").read_text()
API = (ROOT / "docs" / "api.md").read_text()
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
COMMANDS = re.findall(r"^\.venv/bin/python -m gqa_core (.+)$", README + METHODOLOGY, re.M)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_relative_link_leads_to_a_file(document):
    targets = re.findall(r"\]\(([^)#]+)[^)]*\)", document.read_text())
    local = [target for target in targets if "://" not in target]
    assert all((document.parent / target).exists() for target in local), local


@pytest.mark.parametrize("example", re.findall(r"```python\n(.*?)```", README + API, re.S))
def test_the_python_examples_run(example):
    exec(compile(example, "example", "exec"), {})


@pytest.mark.parametrize("line", COMMANDS)
def test_the_command_lines_are_accepted(line):
    name, *arguments = shlex.split(line)
    group.commands[name].make_context(name, arguments)


def test_every_subcommand_and_page_is_in_the_readme():
    rows = re.findall(r"^\| `([a-z-]+)` \|", README, re.M)
    assert rows == list(group.commands)
    links = re.findall(r"^(?:\* )?\[(.+)\]\(pages/(\w+)\.py\)", README, re.M)
    entries = (START, *(entry for section in SECTIONS.values() for entry in section))
    assert links == [(entry.title, entry.name) for entry in entries]


def test_every_public_name_of_the_engine_has_an_example():
    examples = "\n".join(re.findall(r"```python\n(.*?)```", API, re.S))
    assert [name for name in engine.__all__ if name not in examples] == []


def test_numbers_in_prose_are_those_of_the_code():
    assert f"from {len(models())} published ones" in README
    n_params = training_record().n_params
    assert f"{n_params / 1e6:.2f} million parameters" in README
    assert f"{n_params / 1e6:.2f} million parameters" in METHODOLOGY
    options = {option.name: option for option in group.commands["bench"].params}
    assert f"at least {options['samples'].default} samples" in METHODOLOGY
    ratios = MIN_BANDWIDTH_RATIO, MIN_USABLE_RATIO, MAX_INTERVAL_RATIO, BOUND_TOLERANCE
    bandwidth, usable, interval, tolerance = (f"{ratio:.0%}" for ratio in ratios)
    prose = " ".join(METHODOLOGY.split())
    assert f"bandwidth probe is below {bandwidth} of the best one" in prose
    assert f"the median pass is below {usable} of the best one" in prose
    assert f"is above {MAX_MEDIAN_RATIO} times its 5th percentile" in prose
    assert f"attend is wider than {interval} of it" in prose
    assert f"more than {tolerance} below its bound" in prose
