"""Records may ship with quiet samples, comparisons that pass, and totals like their repeats."""

import pytest
from msgspec import structs

from gqa_core.sample_runs.doubts import doubt
from tests.records import fake_comparisons, fake_generations
from tests.records.fake_records import NOISY_BANDWIDTHS, UNUSABLE, record

GENERATED = fake_generations.records()


def test_quiet_records_of_every_kind_may_ship():
    assert [doubt(each) for each in (record(), fake_comparisons.record(), *GENERATED)] == [""] * 7


def test_unusable_and_noisy_decode_steps_may_not():
    assert "is only known to lie" in doubt(record(attend=UNUSABLE))
    assert "other work was running" in doubt(record(bandwidth_samples_bytes_per_s=NOISY_BANDWIDTHS))


def test_a_comparison_may_fail_only_where_an_error_is_planted():
    assert doubt(fake_comparisons.record(relative_error=1.0)) == "the comparison fails"
    assert doubt(fake_comparisons.record(relative_error=1.0, planted=True)) == ""


@pytest.mark.parametrize("generated", GENERATED[:2], ids=lambda each: each.mode)
def test_repeats_that_differ_are_a_doubt(generated):
    samples = {
        name: tuple((seconds[0] / 10, *seconds[1:]) for seconds in by_length)
        for name, by_length in structs.asdict(generated.samples_s).items()
    }
    disturbed = structs.replace(
        generated, samples_s=structs.replace(generated.samples_s, **samples)
    )
    assert doubt(disturbed).startswith("half of the repeats at 16 tokens took over ")


def test_an_append_may_vary_by_itself_and_not_beside_other_work():
    growth = GENERATED[-1]
    assert doubt(growth, other_cores=0.1) == ""
    assert doubt(growth, other_cores=0.5) == "other work used 0.5 cores meanwhile"
    assert doubt(GENERATED[0], other_cores=0.5) == "other work used 0.5 cores meanwhile"
    assert doubt(record(), other_cores=0.5) == ""  # a decode step has probes of its own
    first, *later = growth.samples_s.append
    odd = structs.replace(growth.samples_s, append=((first[0] / 10, *first[1:]), *later))
    assert doubt(structs.replace(growth, samples_s=odd)) == ""


@pytest.mark.parametrize("generated", GENERATED[:2], ids=lambda each: each.mode)
def test_a_pass_that_took_longer_than_its_repeats_is_a_doubt(generated):
    totals = {
        name: (first, *(10 * seconds for seconds in later))
        for name, (first, *later) in structs.asdict(generated.totals_s).items()
    }
    disturbed = structs.replace(generated, totals_s=structs.replace(generated.totals_s, **totals))
    expected = "the steps from 16 to 32 tokens took longer than their repeats"
    assert doubt(disturbed) == expected
