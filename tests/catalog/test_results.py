"""Published results: the papers' numbers, table by table, and errors by line."""

import pytest

from gqa_core.catalog.results import COLUMNS, published_results, published_tables

LINE = "A table,A model,MHA,A score,1.5,somewhere,rounded"


def value(table, model, measure):
    (only_value,) = [
        result.value
        for result in published_results()
        if (result.table, result.model, result.measure) == (table, model, measure)
    ]
    return only_value


def write(tmp_path, *lines):
    path = tmp_path / f"{len(list(tmp_path.iterdir()))}.csv"  # files are cached by path
    path.write_text("\n".join([",".join(COLUMNS), *lines]) + "\n")
    return path


@pytest.mark.parametrize(
    ("table", "model", "measure", "expected"),
    [
        ("GQA paper, Table 1", "T5 XXL with MQA", "Time per sample (s)", 0.24),
        ("GQA paper, Table 1", "T5 Large with MHA", "Average score", 46.0),
        ("DeepSeek-V2 report, Table 8", "7B dense with MQA", "C-Eval score", 30.0),
        ("DeepSeek-V2 report, Table 8", "7B dense with GQA of 8 K/V heads", "MMLU score", 41.2),
        ("DeepSeek-V2 report, Table 8", "7B dense with MHA", "BBH score", 37.0),
        (
            "DeepSeek-V2 report, Table 9",
            "Small mixture of experts with MLA",
            "CMMLU score",
            53.4,
        ),
        ("DeepSeek-V2 report, Table 9", "Large mixture of experts with MHA", "BBH score", 46.6),
        ("Shazeer 2019, Table 1", "Translation model with MQA", "Dev ln PPL", 1.439),
        (
            "Shazeer 2019, Table 2",
            "Translation model with MQA",
            "Decoder time per token (us)",
            3.8,
        ),
    ],
)
def test_values_equal_the_papers(table, model, measure, expected):
    assert value(table, model, measure) == expected


def test_no_table_ranks_gqa_against_mla():
    for table in published_tables():
        variants = {result.variant for result in published_results() if result.table == table}
        assert "MHA" in variants
        assert not variants >= {"GQA", "MLA"}


def test_every_value_has_a_source_and_is_of_the_model_it_names():
    for result in published_results():
        assert "arXiv:" in result.source
        assert f"with {result.variant}" in result.model


def test_a_cell_that_is_not_a_number_or_a_variant_is_rejected_with_its_line(tmp_path):
    (result,) = published_results(write(tmp_path, LINE))
    assert (result.value, result.name) == (1.5, "A table, A model, A score")
    assert (result.source, result.note) == ("somewhere", "rounded")
    for wrong, sentence in (
        (LINE.replace("1.5", "many"), "line 2: value must be a number: got 'many'"),
        (LINE.replace("MHA", "QMA"), "line 2: variant must be one of MHA, GQA, MQA, MLA"),
        (f"{LINE}\n{LINE}", "line 3: name must come once"),
    ):
        with pytest.raises(ValueError, match=sentence):
            published_results(write(tmp_path, wrong))
