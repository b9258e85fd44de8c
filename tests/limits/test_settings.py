"""One object of limits: both defaults, the environment before them, and one sentence for errors."""

import re
import subprocess
from pathlib import Path

import pytest

from gqa_core.commands.cli import main
from gqa_core.limits.refusal import LimitError, limit_error
from gqa_core.limits.settings import OTHER_NAMES, Limits, limits, variable
from gqa_core.limits.table import limit_rows

ROOT = Path(__file__).parents[2]


def test_home_is_generous_and_a_host_strict(set_limits):
    home, host = limits(), set_limits(hosted="1")
    assert (home.allow_training, host.allow_training) == (True, False)
    assert (home.visible_records, host.visible_records) == ("shared", "session")
    numbers = [name for name, value in home if isinstance(value, int) and name != "threads"]
    stricter = {"memory_margin_percent", "hosted"}  # larger is stricter
    for name in set(numbers) - stricter:
        assert getattr(host, name) <= getattr(home, name), name


def test_the_environment_comes_before_the_strict_default(set_limits):
    chosen = set_limits(hosted="yes", run_seconds="900", run_bytes="3GB")
    assert (chosen.run_seconds, chosen.run_bytes, chosen.run_points) == (900, 3 * 10**9, 60)


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("GQA_RUN_SECONDS", "soon", "GQA_RUN_SECONDS must be a valid integer"),
        ("GQA_RUN_SECONDS", "0", "greater than or equal to 1: got '0'"),
        ("GQA_RUN_BYTES", "much", "GQA_RUN_BYTES"),
        ("GQA_RUN_BYTES", "10", "GQA_RUN_BYTES"),
        ("GQA_HOSTED", "perhaps", "GQA_HOSTED must be a valid boolean"),
        ("GQA_VISIBLE_RECORDS", "mine", "'shared', 'session' or 'shipped'"),
        ("GQA_RUN_SECOND", "3", "GQA_RUN_SECOND in the environment is no setting of GQA Lab; GQA_"),
    ],
)
def test_a_wrong_setting_stops_the_start_with_one_sentence(
    set_limits, monkeypatch, capsys, name, value, sentence
):
    monkeypatch.setenv(name, value)
    assert main(["dashboard"]) == 2
    error = capsys.readouterr().err
    assert sentence in error
    assert error.count("\n") == 1


def test_every_limit_says_what_it_is_and_a_refusal_names_value_and_variable(set_limits):
    set_limits(hosted="1")
    for name, field in Limits.model_fields.items():
        assert (field.description or "").endswith(".")
        if field.json_schema_extra and field.json_schema_extra["rule"]:
            error = limit_error(name, "got more")
            assert isinstance(error, LimitError)
            assert variable(name) in str(error)
            assert "{" not in str(error)
    assert str(limit_error("run_seconds", "this one would take about 1,210 s")) == (
        "a run may take at most 300 s here: this one would take about 1,210 s; on your own "
        "machine, GQA_RUN_SECONDS lifts this limit"
    )
    assert "at most 8 MiB here" in str(limit_error("upload_bytes"))
    assert "at most 2 GB of memory" in str(limit_error("run_bytes"))
    assert "GQA_ALLOW_TRAINING=1 lifts" in str(limit_error("allow_training"))


def test_the_command_prints_a_row_per_limit(set_limits, capsys):
    set_limits(run_seconds="7")  # the table has defaults, whatever is set
    assert main(["limits"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(Limits.model_fields) + 2
    assert "| `GQA_RUN_SECONDS` | 14,400 | 300 |" in "\n".join(lines)
    assert next(row.variable for row in limit_rows(limits())) == "GQA_HOSTED"


def test_every_variable_of_ours_in_the_repository_is_known():
    known = OTHER_NAMES | {variable(name) for name in Limits.model_fields}
    listed = subprocess.run(
        ["git", "grep", "-ohE", r"(environ.*[\"']|\$\{?|export )GQA_[A-Z_]+", "--", ":!tests"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    named = set(re.findall("GQA_[A-Z_]+", listed.stdout))
    assert {"GQA_RUN_LOG", "GQA_CLEAN_ROOT", "GQA_PORT"} <= named
    assert named - known == set()
