"""Heads seen and compared: against plain formulas in float64, and what sharing must make equal."""

import json
import math

import pytest
import torch

from gqa_core.commands import cli
from gqa_core.quality import pretrained as shipped
from gqa_core.quality.convert import share_heads
from gqa_core.quality.diversity import (
    answer,
    cka_matrix,
    effective_number,
    layer_heads,
    noise_cka,
)
from gqa_core.quality.model import LanguageModel
from gqa_core.records.specs.inspection import InspectionSpec
from gqa_core.records.specs.training import TrainingConfig
from tests.tolerances import relative_error

CONFIG = TrainingConfig(dim=32, n_layers=2, n_heads=4, hidden_dim=48, context_len=16, n_steps=4)
TEXT = "for heads in a row"


def noise(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def tiny(n_kv_heads=4):
    torch.manual_seed(1)
    model = LanguageModel(CONFIG, n_kv_heads)
    for name, weights in model.named_parameters():
        if name.endswith((".wq.weight", ".wk.weight")):  # patterns that are far from even
            torch.nn.init.normal_(weights, std=0.5)
    return model


def asked(**changes):
    default = {
        "text": TEXT,
        "n_kv_heads": (4, 2),
        "start": "mean",
        "layer": 1,
        "training_config": CONFIG,
    }
    return InspectionSpec(**default | changes)


def plain_cka(x, y):
    """The formula entry by entry, for two lists of rows."""

    def centred(rows):
        means = [math.fsum(column) / len(rows) for column in zip(*rows, strict=True)]
        return [[value - mean for value, mean in zip(row, means, strict=True)] for row in rows]

    def squared_product(rows, others):
        return math.fsum(
            math.fsum(a * b for a, b in zip(left, right, strict=True)) ** 2
            for left in zip(*rows, strict=True)
            for right in zip(*others, strict=True)
        )

    x, y = centred(x), centred(y)
    return squared_product(x, y) / math.sqrt(squared_product(x, x) * squared_product(y, y))


@pytest.mark.parametrize("n_kv_heads", [4, 2, 1])
@torch.no_grad()
def test_the_weights_shown_are_those_the_layer_attends_with(n_kv_heads):
    model = tiny(n_kv_heads)
    x = model.embedding(torch.tensor([list(TEXT.encode())]))
    for layer, feed, heads in zip(
        model.attention, model.feed_forward, layer_heads(model, TEXT.encode()), strict=True
    ):
        q, entry = layer.project(x, 0)
        shown = heads.weights @ heads.read()["values"]
        assert relative_error(shown, layer.attend(q, entry)[0]) < 1e-5
        assert torch.equal(heads.keys, entry[0][0].double())
        assert heads.weights.shape == (4, len(TEXT), len(TEXT))
        x = x + layer(x)
        x = x + feed(x)


def test_weights_sum_to_one_and_see_nothing_that_comes_later():
    for heads in layer_heads(tiny(2), TEXT.encode()):
        assert torch.allclose(heads.weights.sum(dim=-1), torch.ones(()).double())
        assert heads.weights.triu(diagonal=1).abs().max() == 0


def test_watching_leaves_no_hook_behind():
    model = tiny()
    layer_heads(model, TEXT.encode())
    assert not any(layer._forward_pre_hooks for layer in model.attention)


def test_cka_is_the_formula():
    heads = noise(3, 7, 4)
    matrix = cka_matrix(heads)
    for i in range(3):
        for j in range(3):
            expected = plain_cka(heads[i].tolist(), heads[j].tolist())
            assert matrix[i, j].item() == pytest.approx(expected, rel=1e-12)


def test_cka_does_not_see_rotation_scale_or_shift_but_sees_a_stretch():
    x = noise(20, 6)
    turn, _ = torch.linalg.qr(noise(6, 6, seed=1))
    stretch = torch.tensor([9.0, 1, 1, 1, 1, 1], dtype=torch.float64)
    one = cka_matrix(torch.stack([x, x @ turn, 7 * x, x + 3, x * stretch]))[0]
    assert torch.allclose(one[:4], torch.ones(4).double(), atol=1e-12)
    assert one[4] < 0.9


def test_cka_of_noise_is_small_where_tokens_are_many_and_about_the_formula():
    many, few = cka_matrix(noise(8, 2000, 16)), cka_matrix(noise(40, 50, 16))
    off = ~torch.eye(8, dtype=torch.bool)
    assert many[off].max() < 0.02
    off = ~torch.eye(40, dtype=torch.bool)
    assert few[off].mean().item() == pytest.approx(noise_cka(50, 16), rel=0.05)


def test_the_effective_number_is_one_for_equal_heads_and_all_for_unlike_ones():
    assert effective_number(torch.ones(8, 8).double()) == pytest.approx(1)
    assert effective_number(torch.eye(8).double()) == pytest.approx(8)
    pair = torch.tensor([[1.0, 0.5], [0.5, 1.0]]).double()  # eigenvalues 3/4 and 1/4 of the trace
    expected = math.exp(-(0.75 * math.log(0.75) + 0.25 * math.log(0.25)))
    assert effective_number(pair) == pytest.approx(expected)
    blocks = torch.block_diag(torch.ones(4, 4), torch.ones(4, 4)).double()
    assert effective_number(blocks) == pytest.approx(2)


@pytest.mark.parametrize("n_kv_heads", [2, 1])
def test_sharers_have_the_same_keys_and_values_and_look_at_different_bytes(n_kv_heads):
    (shown,) = answer(asked(n_kv_heads=(n_kv_heads,)), tiny())["models"]
    q_per_kv = 4 // n_kv_heads
    for head in range(4):
        for other in range(4):
            if head // q_per_kv == other // q_per_kv:
                assert shown["similarity"]["keys"][head][other] == 1
                assert shown["similarity"]["values"][head][other] == 1
                assert head == other or shown["similarity"]["patterns"][head][other] < 0.95
    assert shown["effective"]["keys"] <= n_kv_heads + 1e-9
    assert shown["effective"]["patterns"] > shown["effective"]["keys"]


@pytest.mark.parametrize("start", ["mean", "first", "random"])
def test_a_model_is_itself_before_it_is_converted(start):
    model = tiny()
    before, after = answer(asked(start=start), model)["models"]
    own = layer_heads(model, TEXT.encode())[1].weights
    assert before["weights"] == own.round(decimals=4).tolist()
    converted = layer_heads(share_heads(model, 2, start), TEXT.encode())[1].weights
    assert after["weights"] == converted.round(decimals=4).tolist()


@pytest.mark.parametrize(
    ("changes", "said"),
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
def test_nonsense_is_refused_in_one_sentence(changes, said):
    with pytest.raises(ValueError, match=said):
        asked(**changes)


@pytest.fixture
def tiny_shipped(monkeypatch):
    model = tiny()
    monkeypatch.setattr(shipped, "load_pretrained", lambda: model)
    monkeypatch.setattr(shipped, "pretrained_config", lambda: CONFIG)
    return model


@pytest.mark.parametrize("text", [TEXT, "--layer=1 \u00e9", "bytes \udcff\udc80"])
def test_the_command_prints_one_object_for_what_was_asked(tiny_shipped, capsys, text):
    question = asked(text=text)
    assert cli.main(question.arguments) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == answer(question, tiny_shipped)
    assert bytes(printed["tokens"]) == question.tokens
    assert [model["n_kv_heads"] for model in printed["models"]] == [4, 2]
    assert len(printed["models"][0]["weights"]) == 4


def test_the_command_refuses_a_text_too_long(tiny_shipped, capsys):
    assert cli.main(["heads", f"--text={'ab' * 49}", "--n-kv-heads", "2"]) == 2
    assert capsys.readouterr().err == "text must have 8 to 96 bytes: got 98\n"
