"""A search in words: from where, not yet where, and what the shortest step is made of."""

import pytest

from gqa_core.configs import GroupedConfig
from gqa_core.crossover_text import crossover_sentences, where_shortly
from gqa_core.measure.record import row
from gqa_core.theory.crossover import crossover, duels
from tests.measure import samples

MHA, GQA = (GroupedConfig(n_heads=8, n_kv_heads=n, head_dim=16) for n in (8, 2))
MHA_S = {64: 0.001, 128: 0.002, 256: 0.004}
CASES = {  # GQA's attend seconds, and what is said of them in a line and in a metric
    "crosses": ((0.002, 0.002, 0.003), "from 256 tokens on (at 128 not yet)", "256 tokens"),
    "always": ((0.0005, 0.001, 0.002), "at every context from 64 to 256 tokens", "64 or fewer"),
    "never": ((0.001, 0.002, 0.004), "at no context up to 256 tokens", "none up to 256"),
}


def rows(gqa, step=0.004):
    """MHA and GQA with these attend seconds; all other phases take 1 ms each, a step 4 ms."""
    times = [(MHA, context_len, time) for context_len, time in MHA_S.items()]
    times += [(GQA, context_len, time) for context_len, time in zip(MHA_S, gqa, strict=True)]
    return [
        row(
            samples.record(
                asked=samples.point(layer, context_len=context_len),
                attend=[time] * 3,
                step=step + time if step else 0.004,
            )
        )
        for layer, context_len, time in times
    ]


@pytest.mark.parametrize("case", CASES)
def test_a_crossover_is_told_with_the_context_before_it(case):
    gqa, said, shortly = CASES[case]
    (sentence,) = crossover_sentences(rows(gqa))
    assert sentence.startswith(
        f"GQA-2 beats MHA on the whole step and on attending alone {said}. At 64 tokens"
    )
    (fought,) = duels(rows(gqa)).values()
    assert where_shortly(crossover(fought, "step")) == shortly


def test_step_and_attend_are_told_apart_where_they_differ():
    (sentence,) = crossover_sentences(rows(CASES["crosses"][0], step=None))
    assert sentence.startswith(
        "GQA-2 beats MHA on the whole step at no context up to 256 tokens, "
        "on attending alone from 256 tokens on (at 128 not yet)."
    )


def test_the_floor_is_told_from_the_phases():
    # MHA at 64 tokens: 1 ms of 4 ms attends, 3 ms do not; at 256 tokens 4 ms of 7 ms do.
    (sentence,) = crossover_sentences(rows(CASES["always"][0]))
    assert "At 64 tokens attending is 25% of MHA's step" in sentence
    assert "weights and launches take 3 ms of 4 ms, and about the same with it." in sentence
    assert sentence.endswith("At 256 attending is 57% of MHA's step.")


def test_a_lower_floor_is_told_with_the_weights_it_comes_from():
    changed = rows(CASES["always"][0])
    for one in changed:
        if one["variant"] == "GQA":
            one["project_s"] = 0.0001
    (sentence,) = crossover_sentences(changed)
    # (2 x 8 + 2 x 2) / (4 x 8) = 0.625 of the elements
    assert "and 2.1 ms with GQA-2, whose projections hold 0.625x the weights." in sentence
