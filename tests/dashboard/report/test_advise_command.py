"""The command line of the page on K/V heads gives the page's own advice, or there is none."""

import json
import shlex
from dataclasses import replace
from fractions import Fraction

import pytest

from dashboard.data.borrowed_weights import slider_weights
from dashboard.data.choice import Gpus, choice
from dashboard.report.advise_command import advise_command
from dashboard.settings.model import ModelSettings
from dashboard.settings.presets import offered
from gqa_core.advice import advise
from gqa_core.advice.sentences import reasons, recommendation
from gqa_core.catalog.devices import devices
from gqa_core.commands.cli import main

MODELS = (
    "Falcon-H1-7B",
    "LongCat-Flash",
    "GLM-5",
    "Mistral 7B v0.1",
    "Phi-3-mini-4k",
    "DeepSeek-V3.2",
    "Llama 3 8B",
    "Llama 3.1 8B",
    "Mixtral 8x7B",
    "Gemma 3 27B",
    "gpt-oss 20B",
)


def chosen(name, weight_format="bf16", weight_bytes=None, **heads):
    preset = offered(measuring=False)[name]
    given = {key: preset.settings[key] for key in ("n_heads", "n_kv_heads", "head_dim", "n_layers")}
    settings = ModelSettings(
        **given | heads, context_len=16_384, batch_size=1, kv_format="bf16", base_model=preset.model
    )
    gpu = next(device for device in devices() if device.name == "NVIDIA H200 SXM")
    gpus = Gpus(
        name=gpu.name,
        source="",
        memory_bytes=gpu.usable_bytes,
        bandwidth_bytes_per_s=gpu.bandwidth_bytes_per_s,
        tp=8,
        utilisation=Fraction(93, 100),
        overhead_bytes=1_374_389_535,
        engine="vllm",
    )
    published = round((preset.settings["weights_gb"] or 0) * 1e9)
    return choice(
        settings,
        preset,
        gpus,
        weights=slider_weights(settings, preset, weight_bytes or published),
        weight_format=weight_format,
        n_users=60,
        max_ms=33.3,
    )


def command(question):
    return advise_command(question.request, question.model_name)


@pytest.fixture
def printed(capsys, log):
    """Run a line, and read the JSON that it prints."""

    def run(line):
        words = shlex.split(line)
        assert words[:4] == ["python", "-m", "gqa_core", "advise"]
        assert main([*words[3:], "--log", str(log.path), "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    return run


def assert_same_advice(record, request):
    advice = advise(request)
    assert record["answer"] == recommendation(advice)
    assert record["reasons"] == list(reasons(advice))
    for option, fields in zip(advice.options, record["candidates"], strict=True):
        sizes, own = fields["sizes"], option.candidate.sizes
        assert (sizes and sizes["max_users"]) == (own and own.max_users)
        assert (sizes and sizes["safe_users"]) == (own and own.safe_users)
        assert fields["published_models"] == list(option.chosen_by)
        assert fields["extra_weight_bytes"] == option.candidate.extra_weight_bytes


@pytest.mark.parametrize("name", MODELS)
def test_the_line_of_a_published_model_gives_the_advice_of_the_page(name, printed):
    question = chosen(name, weight_bytes=10**11)
    line = command(question)
    assert shlex.split(line)[4:6] == ["--model", name]
    assert_same_advice(printed(line), question.request)


@pytest.mark.parametrize("name", ["Llama 3 8B", "DeepSeek-V3", "32 heads in 8"])
def test_the_line_of_other_numbers_states_the_layers(name, printed):
    question = chosen(name, weight_bytes=10**11, n_layers=24)
    line = command(question)
    assert "--n-layers 24" in line
    assert_same_advice(printed(line), question.request)


@pytest.mark.parametrize("name", ["Falcon-H1-7B", "LongCat-Flash", "GLM-5", "Mistral 7B v0.1"])
def test_what_no_option_states_has_no_line(name):
    settings = offered(measuring=False)[name].settings
    question = chosen(name, weight_bytes=10**11, n_heads=int(settings["n_heads"]) * 2)
    assert question.request
    assert command(question) == ""


def test_what_the_command_line_would_count_otherwise_has_no_line():
    question = chosen("Llama 3 8B")
    assert command(question)
    assert advise_command(None) == ""
    for other in (
        {"weight_bytes_per_param": 4},
        {"memory_bytes": 10**11},
        {"device": "A GPU"},
        {"bandwidth_bytes_per_s": 1e12},
    ):
        assert advise_command(replace(question.request, **other), question.model_name) == ""
