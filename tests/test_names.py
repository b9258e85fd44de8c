"""Names from files and records hold nothing that a page, a figure or a spreadsheet would read."""

import pytest

from dashboard.figures.text import literal
from gqa_core.names import clean_name, name_rule, plain_cell

FORMULA_SIGNS = (
    "=+-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b\u207c\u207a"
    "\u208c\u208a\u2212\u2010\u2011\u2013\u2014\u2795\u2796\ua78a\u1400\u30a0\U0001f7f0\u02ed"
)
UNSEEN = "\u202e\u2066\u200b\u00ad\u3164\u115f\uffa0\u2800\x07\x1b\u2028\ud800\U000e0041"


@pytest.mark.parametrize("sign", FORMULA_SIGNS)
def test_a_name_begins_with_no_sign_of_a_formula(sign):
    for text in (f"{sign}1+1", f" {sign}1", f"A GPU;{sign}1", f"A GPU; {sign}1"):
        assert name_rule(text) == "begin with a letter or digit, after a semicolon too"
        assert clean_name(f"{sign}1+1", 20) == "1+1"


@pytest.mark.parametrize("letter", UNSEEN)
def test_a_name_has_nothing_that_cannot_be_seen(letter):
    assert "cannot be seen" in name_rule(f"A GPU{letter}")
    assert clean_name(f"A{letter}GPU", 20) in ("A GPU", "AGPU")


def test_a_name_is_not_drawn_over_other_lines():
    assert "accents" in name_rule("A" + "\u0301" * 3)
    assert clean_name("Z" + "\u0335" * 40, 20) == "Z"


@pytest.mark.parametrize(
    "name", ["NVIDIA GeForce RTX™ 4090", "Intel(R) Core(TM) i7 @ 1.90GHz", "AMD EPYC", "Crème é"]
)
def test_a_usual_name_stays(name):
    assert name_rule(name) is None


def test_a_file_s_name_keeps_what_names_have():
    assert clean_name("Meta-Llama 3.1_8B (Q4_K_M).gguf", 60) == "Meta-Llama 3.1_8B (Q4_K_M).gguf"
    assert clean_name("<b>*x*</b> $y$ [z](http://e)`", 60) == "b x b y z (http: e)"
    assert clean_name("x" * 500, 60) == "x" * 60
    assert clean_name("<>$", 60) == ""


@pytest.mark.parametrize("sign", "=+-@\uff1d\uff0b\uff0d\uff20\ufe66\u207c\u2212\u2013")
def test_a_cell_is_no_formula(sign):
    assert plain_cell(f"{sign}cmd|' /C calc'!A1") == f"'{sign}cmd|' /C calc'!A1"


@pytest.mark.parametrize("text", ["-", "-1.5", "+3%", "-2.50x", "GQA", "", "1.5x MHA"])
def test_a_number_is_a_number_in_a_cell(text):
    assert plain_cell(text) == text


def test_a_figure_s_text_has_no_tag_entity_or_placeholder():
    assert literal("<a>&lt;%{x}$y$") == "&#60;a&#62;&#38;lt;&#37;&#123;x&#125;&#36;y&#36;"


@pytest.mark.parametrize("text", ["+,", "\t<b>", "\r=1", "\u207c\u0338x", " =1", "-,-", "@@"])
def test_what_looks_like_a_number_or_another_sign_is_no_formula_either(text):
    assert plain_cell(text) == f"'{text}"
