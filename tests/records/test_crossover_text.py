"""A search in words: from where, not yet where, and what the shortest step is made of."""

from dataclasses import replace

import pytest

from gqa_core.configs import GroupedConfig
from gqa_core.records.crossover import crossover, pair_with_mha
from gqa_core.records.crossover_text import crossover_sentences, describe_contexts_briefly
from gqa_core.records.quartiles import TimeSummary
from tests.records import fake_records as samples

MHA, GQA = (GroupedConfig(n_heads=8, n_kv_heads=n, head_dim=16) for n in (8, 2))
MHA_S = {64: 0.001, 128: 0.002, 256: 0.004}
CASES = {  # GQA's attend seconds, and what is start of them in a line and in a metric
    "crosses": ((0.002, 0.003, 0.003), "from 256 tokens on (at 128 slower)", "from 256 tokens"),
    "equals": ((0.001, 0.002, 0.003), "from 256 tokens on (at 128 not clearly)", "from 256 tokens"),
    "always": (
        (0.0005, 0.001, 0.002),
        "at every context measured, 64 to 256 tokens",
        "every context",
    ),
    "never": ((0.001, 0.002, 0.004), "at no context up to 256 tokens", "at no context"),
    "back": ((0.0005, 0.001, 0.008), "only up to 128 tokens (at 256 slower)", "up to 128 tokens"),
    "between": (
        (0.002, 0.001, 0.004),
        "at 1 of 3 contexts (at 256 not clearly)",
        "at 1 of 3 contexts",
    ),
}


def rows(gqa, step=0.003, **changed):
    """MHA and GQA with these attend seconds, the other phases 1 ms each; a step is 3 ms more."""
    times = [(MHA, context_len, time) for context_len, time in MHA_S.items()]
    times += [(GQA, context_len, time) for context_len, time in zip(MHA_S, gqa, strict=True)]
    return [
        samples.row(
            spec=samples.point(layer, context_len=context_len),
            attend=[time] * 3,
            step=step + time if step else 0.004,
            **changed,
        )
        for layer, context_len, time in times
    ]


@pytest.mark.parametrize("case", CASES)
def test_a_crossover_is_told_with_the_context_before_it(case):
    gqa, start, shortly = CASES[case]
    _, sentence = crossover_sentences(rows(gqa))
    start = f"GQA-2 beats MHA on the whole step and on attending alone {start}. Its weights"
    assert sentence.startswith(start)
    (results,) = pair_with_mha(rows(gqa)).values()
    assert describe_contexts_briefly(crossover(results, "step")) == shortly


def test_step_and_attend_are_told_apart_where_they_differ():
    _, sentence = crossover_sentences(rows(CASES["crosses"][0], step=None))
    assert sentence.startswith(
        "GQA-2 beats MHA on the whole step at no context up to 256 tokens; "
        "on attending alone from 256 tokens on (at 128 slower). Its"
    )


def test_the_floor_is_told_from_the_phases():
    # MHA at 64 tokens: 1 ms of 4 ms attends, 3 ms do not; at 256 tokens 4 ms of 7 ms do.
    floor, sentence = crossover_sentences(rows(CASES["always"][0]))
    assert floor == (
        "At 64 tokens attending is 25% of MHA's step: weights and launches take 3 ms of 4 ms. "
        "At 256 tokens attending is 57%."
    )
    # (2 x 8 + 2 x 2) / (4 x 8) = 0.625 of the elements
    assert sentence.endswith(
        "Its weights (0.625x MHA's) and launches take 3 ms at 64 tokens, "
        "which set it neither ahead nor behind before the cache counts."
    )


def with_gqa(rows, **changed):
    """The rows, with these fields of GQA's replaced."""
    return [replace(row, **changed) if row.variant == "GQA" else row for row in rows]


def unusable(row):
    """The row, with attend times whose 5th percentile may be anything up to twice as long."""
    return replace(row, attend=replace(row.attend, p5_high=2 * row.attend.p5))


@pytest.mark.parametrize(("project_s", "start"), [(0.0001, "ahead"), (0.01, "behind")])
def test_another_fixed_part_is_described_as_a_start(project_s, start):
    changed = with_gqa(rows(CASES["always"][0]), project=TimeSummary.from_samples([project_s]))
    assert f"at 64 tokens, which put it {start} before the cache" in crossover_sentences(changed)[1]


def test_a_fixed_part_within_the_spread_is_no_start():
    changed = with_gqa(
        rows(CASES["always"][0]), project=TimeSummary.from_samples([0.0001, 0.01, 0.01])
    )
    assert "which set it neither ahead nor behind" in crossover_sentences(changed)[1]


def test_what_other_work_disturbed_is_left_out_and_counted():
    changed = [
        unusable(row) if row.variant == "GQA" and row.context_len < 256 else row
        for row in rows(CASES["crosses"][0])
    ]
    floor, sentence, left_out = crossover_sentences(changed)
    assert floor.startswith("At 256 tokens attending is 57% of MHA's step")
    assert "attending alone at 256 tokens. Its" in sentence
    assert left_out.startswith("2 of 3 comparisons are left out")
    changed = [unusable(row) if row.variant == "GQA" else row for row in changed]
    assert crossover_sentences(changed)[0] == "GQA-2 was disturbed by other work at every context."


def test_nothing_is_said_of_nothing():
    assert crossover_sentences([]) == []
