"""The command line of a page prints the page's own bytes."""

import json
import shlex

import pytest

from dashboard.report.size_command import size_command
from dashboard.settings.model import ModelSettings
from dashboard.settings.presets import offered
from gqa_core.commands import cli

WORKLOAD = {"context_len": 5000, "batch_size": 3, "kv_format": "bf16"}


def settings(name):
    preset = offered(measuring=False)[name]
    heads = {key: preset.settings[key] for key in ("n_heads", "n_kv_heads", "head_dim", "n_layers")}
    return ModelSettings(**heads, **WORKLOAD, base_model=preset.model)


@pytest.mark.parametrize("name", ["Llama 3 8B", "DeepSeek-V3", "Falcon 7B", "Llama 2 7B"])
def test_the_line_prints_the_bytes_of_the_page(name, capsys):
    shown = settings(name)
    words = shlex.split(size_command(shown))
    assert words[:4] == ["python", "-m", "gqa_core", "size"]
    assert cli.main([*words[3:], "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    own = shown.own_variant
    assert record["kv_cache_bytes"] == shown.cache_bytes(own, WORKLOAD["context_len"])


@pytest.mark.parametrize("name", ["gpt-oss 20B", "Gemma 3 27B", "Qwen3.5-27B", "GLM-5"])
def test_a_model_whose_layers_differ_has_no_line(name):
    assert size_command(settings(name)) is None
