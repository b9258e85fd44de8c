"""The scripts of docs/sweeps.md, run with stand-ins for ssh, Slurm, torchrun and Python."""

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from gqa_core.commands.cli import group

DOCUMENT = (Path(__file__).parents[1] / "docs" / "sweeps.md").read_text()
BLOCKS = dict(re.findall(r"\n## ([^\n]+)\n.*?```sh\n(.*?)```", DOCUMENT, re.S))
SCRIPTS = re.findall(r"```sh\n(#!.*?)```", DOCUMENT, re.S)
SWEEP = re.search(r"```text\n(.*?)```", DOCUMENT, re.S).group(1)
STAND_INS = {
    "ssh": 'shift; exec bash -c "$*"',
    "srun": 'exec "$@"',
    "scontrol": "printf 'node1\\nnode2\\n'",
    ".venv/bin/python": 'printf "%s|%s\\n" "$GQA_RUN_LOG" "$*" >>"$CALLS"; cat >/dev/null',
    ".venv/bin/torchrun": 'printf "%s|%s\\n" "$GQA_RUN_LOG" "$*" >>"$CALLS"',
}


@pytest.fixture
def run(tmp_path):
    """Runs a script in a folder with the list of commands; returns what was called, and the log."""
    (tmp_path / "gqa-lab").symlink_to(".")
    (tmp_path / "sweep.txt").write_text(SWEEP)
    for name, text in STAND_INS.items():
        path = tmp_path / (name if "/" in name else f"bin/{name}")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/usr/bin/env bash\n{text}\n")
        path.chmod(0o755)

    def go(script, **variables):
        environment = os.environ | variables | {"CALLS": str(tmp_path / "calls")}
        environment["PATH"] = f"{tmp_path / 'bin'}:{os.environ['PATH']}"
        subprocess.run(
            ["bash", "-uc", script], cwd=tmp_path, env=environment, check=True, timeout=60
        )
        return [line.split("|", 1) for line in (tmp_path / "calls").read_text().splitlines()]

    return go


def options(call):
    """The arguments of the subcommand in a call; it accepts them."""
    words = shlex.split(call)
    name, *arguments = words[words.index("gqa_core") + 1 :]
    return group.commands[name].make_context(name, arguments).params


def test_every_line_of_the_list_is_a_command():
    assert len(SWEEP.splitlines()) == 4
    for line in SWEEP.splitlines():
        assert options(f"gqa_core {line}")["n_heads"]


def test_one_machine_measures_every_line(run):
    calls = run(BLOCKS["A list of commands"], GQA_RUN_LOG="")
    assert len(calls) == 4
    assert all(options(call)["out"].endswith(".jsonl") for _, call in calls)


def test_the_loop_over_ssh_measures_every_line_on_every_host_into_one_log(run):
    calls = run(BLOCKS["A loop over ssh"], GQA_RUN_LOG="postgresql+psycopg://gqa@db/gqa")
    assert len(calls) == 3 * 4
    assert {log for log, _ in calls} == {"postgresql+psycopg://gqa@db/gqa"}
    assert all(options(call) for _, call in calls)


@pytest.mark.parametrize("task", [1, 4])
def test_a_task_of_the_array_measures_its_line(run, task):
    array = next(script for script in SCRIPTS if "--array" in script)
    assert f"--array=1-{len(SWEEP.splitlines())}\n" in array
    ((log, call),) = run(array, SLURM_ARRAY_TASK_ID=str(task), SLURMD_NODENAME="node1")
    assert log.startswith("postgresql+psycopg://")
    assert SWEEP.splitlines()[task - 1] in call


def test_ranks_on_two_nodes_meet_on_the_first(run):
    script = next(script for script in SCRIPTS if "torchrun" in script)
    ((_, call),) = run(script, SLURM_JOB_ID="7", SLURM_JOB_NODELIST="node[1-2]")
    words = shlex.split(call)
    assert words[words.index("--rdzv-endpoint") + 1] == "node1:29500"
    n_ranks = int(words[words.index("--nnodes") + 1])
    n_ranks *= int(words[words.index("--nproc-per-node") + 1])
    assert int(words[words.index("--tp") + 1]) == n_ranks
