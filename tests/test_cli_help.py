"""Help texts, subcommand names, and the console script."""

import re
import sys
from pathlib import Path

import click
import pytest

from gqa_core.commands import cli
from gqa_core.configs import KERNEL_NAMES

ROOT = Path(__file__).parents[1]
SUBCOMMANDS = [command.name for command in cli.SUBCOMMANDS]


def test_help_lists_every_subcommand_with_a_whole_sentence_and_the_exit_codes(capsys):
    assert cli.main(["--help"]) == 0
    text = capsys.readouterr().out
    listed = dict(re.findall(r"^  ([a-z-]+)  +([A-Z].*\.)$", text, re.MULTILINE))
    assert list(listed) == SUBCOMMANDS
    assert [int(code) for code in re.findall(r"^  +(\d+)  ", text, re.MULTILINE)] == [
        0,
        1,
        2,
        3,
        130,
    ]


@pytest.mark.parametrize("name", SUBCOMMANDS)
def test_help_of_a_subcommand_describes_every_option(name, capsys):
    assert cli.main([name, "--help"]) == 0
    assert capsys.readouterr().out.startswith("Usage: ")
    for option in cli.group.commands[name].params:
        assert isinstance(option, click.Argument) or option.help, option.name


@pytest.mark.parametrize(
    ("name", "texts"),
    [
        ("size", ["1<=x<=16777216; required", "[default: bf16]", "fp32, bf16, fp16, fp8"]),
        ("bench", [f"[{'|'.join(KERNEL_NAMES)}]", "[default: 10; 1<=x<=10000]"]),
        ("crossover", ["[default: 16384; 1<=x<=16777216]", "[float32|bfloat16|float16]"]),
        ("quality", ["[default: 0,5; 0<=x<=100]", "auto|cpu|cuda[:N]|mps", "[default: mean]"]),
        ("generate", ["64,96,128,192,256,384,512,768", "1024,1536,2048,3072,4096"]),
    ],
)
def test_help_shows_choices_ranges_and_defaults(name, texts, capsys):
    assert cli.main([name, "--help"]) == 0
    shown = re.sub(r"\s+", "", capsys.readouterr().out)  # wherever the lines break
    assert [text for text in texts if re.sub(r"\s+", "", text) not in shown] == []


@pytest.mark.parametrize("old", ["why", "heads", "check", "runs"])
def test_former_subcommands_are_gone(old, capsys):
    assert cli.main([old]) == 2
    assert capsys.readouterr().err.startswith(f"No such command '{old}'.")


def test_an_empty_address_is_refused_since_it_would_serve_every_network(capsys):
    assert cli.main(["dashboard", "--address", ""]) == 2
    assert capsys.readouterr().err.startswith("address must be a host name or an IP address")


@pytest.mark.parametrize("closed", ["stdin", "stdout"])
def test_a_closed_stream_is_named(closed, monkeypatch, capsys):
    monkeypatch.setattr(sys, closed, None)
    assert cli.main(["size", "-", "--context-len", "8"]) == 3
    assert capsys.readouterr().err.startswith(closed if closed == "stdin" else "output cannot be")


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        ([], []),
        (["dashboard", "--port", "8600"], ["--server.port", "8600"]),
        (
            ["dashboard", "--address", "127.0.0.2"],
            ["--server.address", "127.0.0.2", "--browser.serverAddress", "127.0.0.2"],
        ),
    ],
)
def test_the_console_script_serves_the_dashboard_by_default(arguments, options, monkeypatch):
    started = []
    monkeypatch.setattr(sys, "argv", ["gqa-lab", *arguments])
    monkeypatch.setattr("runpy.run_module", lambda name, **_: started.append((name, sys.argv)))
    assert cli.gqa_lab() == 0
    app = str(ROOT / "serve.py")
    assert started == [("streamlit", ["streamlit", "run", app, *options])]
