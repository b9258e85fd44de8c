"""Inspected heads: their weights are those the layer uses, and shared K/V heads are equal."""

import msgspec
import pytest
import torch

from gqa_core.commands import cli
from gqa_core.quality import pretrained
from gqa_core.quality.convert import pool_kv_heads
from gqa_core.quality.inspection import inspect_heads, layer_heads
from gqa_core.quality.model import LanguageModel
from gqa_core.records.head_inspection import HeadInspection
from gqa_core.records.specs.inspection import InspectionSpec
from gqa_core.records.specs.training import TrainingConfig
from tests.tolerances import relative_error

CONFIG = TrainingConfig(dim=32, n_layers=2, n_heads=4, hidden_dim=48, context_len=16, n_steps=4)
TEXT = "for heads in a row"


def tiny(n_kv_heads=4):
    torch.manual_seed(1)
    model = LanguageModel(CONFIG, n_kv_heads)
    for name, weights in model.named_parameters():
        if name.endswith((".wq.weight", ".wk.weight")):  # patterns that are far from even
            torch.nn.init.normal_(weights, std=0.5)
    return model


def inspection_spec(**changes):
    default = {
        "text": TEXT,
        "n_kv_heads": (4, 2),
        "start": "mean",
        "layer": 1,
        "training_config": CONFIG,
    }
    return InspectionSpec(**default | changes)


@pytest.mark.parametrize("n_kv_heads", [4, 2, 1])
@torch.no_grad()
def test_the_weights_shown_are_those_the_layer_attends_with(n_kv_heads):
    model = tiny(n_kv_heads)
    x = model.embedding(torch.tensor([list(TEXT.encode())]))
    for layer, feed_forward, heads in zip(
        model.attention, model.feed_forward, layer_heads(model, TEXT.encode()), strict=True
    ):
        q, new_kv = layer.project(x, 0)
        attended = heads.weights @ heads.traits["values"]
        assert relative_error(attended, layer.attend(q, new_kv)[0]) < 1e-5
        assert torch.equal(heads.keys, new_kv[0][0].double())
        assert heads.weights.shape == (4, len(TEXT), len(TEXT))
        x = x + layer(x)
        x = x + feed_forward(x)


def test_weights_sum_to_one_and_see_nothing_that_comes_later():
    for heads in layer_heads(tiny(2), TEXT.encode()):
        assert torch.allclose(heads.weights.sum(dim=-1), torch.ones(()).double())
        assert heads.weights.triu(diagonal=1).abs().max() == 0


def test_watching_leaves_no_hook_behind():
    model = tiny()
    layer_heads(model, TEXT.encode())
    assert not any(layer._forward_pre_hooks for layer in model.attention)


@pytest.mark.parametrize("n_kv_heads", [2, 1])
def test_sharers_have_the_same_keys_and_values_and_look_at_different_bytes(n_kv_heads):
    (inspected,) = inspect_heads(inspection_spec(n_kv_heads=(n_kv_heads,)), tiny()).models
    q_per_kv = 4 // n_kv_heads
    for head in range(4):
        for other in range(4):
            if head // q_per_kv == other // q_per_kv:
                assert inspected.similarity["keys"][head][other] == 1
                assert inspected.similarity["values"][head][other] == 1
                assert head == other or inspected.similarity["patterns"][head][other] < 0.95
    assert inspected.effective["keys"] <= n_kv_heads + 1e-9
    assert inspected.effective["patterns"] > inspected.effective["keys"]


@pytest.mark.parametrize("start", ["mean", "first", "random"])
def test_a_model_is_itself_before_it_is_converted(start):
    model = tiny()
    before, after = inspect_heads(inspection_spec(start=start), model).models
    weights = layer_heads(model, TEXT.encode())[1].weights
    assert rows(before.weights) == weights.round(decimals=4).tolist()
    converted = layer_heads(pool_kv_heads(model, 2, start), TEXT.encode())[1].weights
    assert rows(after.weights) == converted.round(decimals=4).tolist()


def rows(matrices):
    """Matrices of tuples as lists."""
    return [[list(row) for row in matrix] for matrix in matrices]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"text": "short"}, "text must have 8 to 96 bytes: got 5"),
        ({"text": "\u00e9" * 49}, "text must have 8 to 96 bytes: got 98"),
        ({"text": "a" * 9}, "text must have different bytes: got 9 times the same"),
        ({"text": "a nul \0 byte"}, "text must not hold the byte 0"),
        ({"start": "scratch"}, "pooling must be one of mean, first, random: got 'scratch'"),
        ({"layer": 2}, "layer must be between 0 and 1: got 2"),
        ({"n_kv_heads": (4, 3)}, "n_kv_heads must divide n_heads: got 3 and 4"),
        ({"n_kv_heads": (2, 2)}, r"n_kv_heads must come once each: got \[2, 2\]"),
    ],
)
def test_nonsense_is_refused_in_one_sentence(changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        inspection_spec(**changes)


@pytest.fixture
def tiny_pretrained(monkeypatch):
    model = tiny()
    monkeypatch.setattr(pretrained, "load_pretrained", lambda: model)
    monkeypatch.setattr(pretrained, "pretrained_config", lambda: CONFIG)
    return model


@pytest.mark.parametrize("text", [TEXT, "--layer=1 \u00e9", "bytes \udcff\udc80"])
def test_the_command_prints_the_inspection_as_one_object(tiny_pretrained, capsys, text):
    spec = inspection_spec(text=text)
    assert cli.main(spec.arguments) == 0
    printed = msgspec.json.decode(capsys.readouterr().out, type=HeadInspection)
    assert printed == inspect_heads(spec, tiny_pretrained)
    assert bytes(printed.tokens) == spec.tokens
    assert [model.n_kv_heads for model in printed.models] == [4, 2]
    assert len(printed.models[0].weights) == 4


def test_the_command_refuses_a_text_too_long(tiny_pretrained, capsys):
    assert cli.main(["inspect-heads", f"--text={'ab' * 49}", "--n-kv-heads", "2"]) == 2
    assert capsys.readouterr().err == "text must have 8 to 96 bytes: got 98\n"
