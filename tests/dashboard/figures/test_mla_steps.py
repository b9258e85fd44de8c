"""MLA step by step: bytes and FLOP of both forms, and what is filled in the picture."""

import pytest

from dashboard.data.mla_forms import mla_forms
from dashboard.figures.mla_steps import mla_steps_figure
from dashboard.report.mla_form_tables import mla_form_table, mla_forms_sentence
from gqa_core.configs import default_mla_for

FORMS = mla_forms(default_mla_for(128, 128), "bf16", 8192)


def test_deepseek_keeps_71_times_less_absorbed_and_works_3_4_times_as_much():
    naive, absorbed = FORMS.forms
    assert (naive.elements_per_token, absorbed.elements_per_token) == (128 * (192 + 128), 512 + 64)
    assert absorbed.read_bytes == 576 * 2 * 8192
    assert absorbed.flops / naive.flops == (576 + 512) / (192 + 128)
    # DeepSeek-V3 at 128 heads in bf16: 128 x (576 + 512) / 576
    table = mla_form_table(FORMS).frame().set_index("Form")
    assert table.loc["absorbed", "Intensity (FLOP/B)"] == pytest.approx(241.8, abs=0.05)
    assert table.loc["naive", "Intensity (FLOP/B)"] == 1
    assert "71.1x fewer elements" in mla_forms_sentence(FORMS)
    assert "3.4x its FLOP" in mla_forms_sentence(FORMS)


def test_a_format_that_expanded_heads_cannot_have_leaves_their_bytes_open():
    forms = mla_forms(default_mla_for(128, 128), "fp8_ds_mla", 8192)
    assert forms.naive.read_bytes is None
    assert forms.absorbed.read_bytes == 656 * 8192  # 512 fp8, 4 fp32 scales, 64 bf16
    assert mla_form_table(forms).texts()[0][3] == "-"


@pytest.mark.parametrize("n_heads", [2, 8, 128])
def test_what_is_kept_is_filled_and_what_is_computed_is_hollow(n_heads):
    figure = mla_steps_figure(mla_forms(default_mla_for(n_heads, 128), "bf16", 512))
    fills = {
        trace.name: trace.fill for trace in figure.data if "<extra>" in (trace.hovertemplate or "")
    }
    filled = {name for name, fill in fills.items() if fill == "toself"}
    assert filled == {name for name in fills if "kept, and read" in name}
    assert len(filled) == 2
    (queries,) = [trace for trace in figure.data if trace.name == "queries"]
    assert len(queries.x) == 2 * min(n_heads, 8)  # naive and absorbed
    titles = [note.text for note in figure.layout.annotations]
    assert [title[3] for title in titles] == ["1", "2", "3"]
    assert f"each of {n_heads} heads" in titles[1]
    assert figure.layout.height <= 440
