"""Predicted beside measured in words: medians of absolute errors, and rows that have none."""

import pytest

from dashboard.data.decode_rows import decode_rows
from dashboard.report.predictions import median_error, prediction_sentence
from tests.records import fake_records as samples


def a_row(attend, context_len=64, index=0):
    """Predicted are 0.6 ms, floor and bound, whatever the context: the samples' probes say so."""
    return samples.record(
        index=index, spec=samples.point(context_len=context_len), attend=[attend] * 3
    )


def test_errors_of_both_signs_do_not_cancel():
    rows = decode_rows([a_row(0.0005), a_row(0.00075)])  # 20% too high, 20% too low
    assert [row.attend_error for row in rows] == pytest.approx([0.2, -0.2])
    assert median_error([row.attend_error for row in rows]) == "20%"


def test_the_sentence_names_the_median_of_all_of_each_context_and_of_the_step():
    rows = decode_rows([a_row(0.0005), a_row(0.0006, index=1)])
    sentence = prediction_sentence(rows)
    assert "the attend times of 2 rows are off by 10%" in sentence
    assert "; 10% at 64 tokens)" in sentence
    assert "whole steps by 43.9%" in sentence
