"""Tables of formulas: the lecture's numbers in the units of their columns."""

import pytest

from dashboard.report import cache_tables as tables
from dashboard.settings.model import ModelSettings


def test_the_size_table_holds_the_lecture_s_deepseek():
    settings = ModelSettings(
        n_heads=128,
        n_kv_heads=8,
        head_dim=128,
        context_len=100_000,
        batch_size=1,
        n_layers=61,
        kv_format="bf16",
    )
    table = tables.size_table(settings).frame().set_index("Variant")
    assert table["Cache (GB)"].round(2).to_dict() == {
        "MHA": 399.77,
        "GQA": 24.99,
        "MQA": 3.12,
        "MLA": 7.03,
    }
    assert table.loc["GQA", "Smaller than MHA"] == 16
    assert round(table.loc["MLA", "Smaller than MHA"], 2) == 56.89
    assert table.loc["MLA", "FLOP per byte read"] == pytest.approx(241.8, abs=0.05)
