"""A model of states alone: no page says that heads share anything, and none asks for weights."""

import json

import pytest

from gqa_core.commands.cli import main
from tests.dashboard.controls.test_model_box import pasted
from tests.dashboard.page_probe import answer, lazy_expander, metrics, page_texts, slider

MAMBA_2 = {
    "model_type": "mamba2",
    "hidden_size": 4096,
    "num_hidden_layers": 64,
    "num_heads": 128,
    "head_dim": 64,
    "state_size": 128,
    "n_groups": 8,
    "conv_kernel": 4,
    "expand": 2,
}
# 64 layers x ((8192 + 2 x 8 x 128) x 3 x 2 B + 8192 x 128 x 4 B) = 272,367,616 B
SENTENCE = (
    "This model keeps 272.37 MB of states and has no K/V heads to share. Only states are kept, so "
    "more tokens take no more memory."
)


@pytest.mark.parametrize("page", ["head_groups", "overview", "kv_cache"])
def test_pages_about_sharing_say_that_there_is_none(opened, page):
    app = pasted(opened(page), MAMBA_2)
    assert answer(app) == SENTENCE
    assert metrics(app) == {"States": "272.37 MB"}
    if page != "kv_cache":
        assert not [
            text for text in ("instead of 8?", "MHA cache", "groups)") if text in page_texts(app)
        ]


def test_the_page_on_kv_heads_asks_for_no_weights(opened):
    app = pasted(opened("choose"), MAMBA_2)
    assert answer(app) is None
    assert app.warning[0].value.startswith("This model keeps states alone. It has no K/V heads")
    assert "Weights" not in app.warning[0].value


def test_what_fits_counts_sequences_of_no_variant(opened):
    app = pasted(opened("capacity"), MAMBA_2)
    assert "One sequence of 8,192 tokens takes 272.37 MB" in app.warning[0].value
    app = slider(app, "weights_gb").set_value(16.0).run()
    assert "Sequences that fit" in metrics(app)
    assert "GQA" not in answer(app)
    assert not lazy_expander(app, "plan").exception


def test_size_says_that_only_states_are_kept(tmp_path, capsys):
    path = tmp_path / "config.json"
    path.write_text(json.dumps(MAMBA_2))
    assert main(["size", str(path), "--context-len", "8192"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "states alone, 64 layers, bf16"
    assert "no K/V cache: only states are kept, so more tokens take no more memory" in lines
    assert "everything: 259.75 MiB (272.37 MB)" in lines
    assert not [line for line in lines if line.startswith(("total", "per token", "read"))]
