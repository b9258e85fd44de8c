"""Parts of the sample runs: what is disturbed is repeated with its turn, and never ships."""

from dataclasses import dataclass, replace

import pytest
from msgspec import structs

from gqa_core.configs import GroupedConfig
from gqa_core.records.specs.decode import decode_specs
from gqa_core.runner.events import Note
from gqa_core.runner.run import RunResult
from gqa_core.runner.search import CrossoverSearch
from gqa_core.sample_runs.measure import is_measured, measure_part
from gqa_core.sample_runs.neighbours import CpuWatch
from gqa_core.sample_runs.plan import Part
from tests.records import fake_generations
from tests.records.fake_records import NOISY_BANDWIDTHS, around
from tests.records.fake_records import record as fake_record

MHA, GQA = (GroupedConfig(n_heads=8, n_kv_heads=count, head_dim=16) for count in (8, 2))
NOISY = around(0.002, low=0.002, high=0.0021, median=0.0036)  # over 1.75 times the 5th percentile


def decode_part(*context_lens, search=None):
    specs = decode_specs(grouped=[MHA, GQA], latent=None, context_lens=context_lens, n_samples=10)
    return Part(name="decode steps", specs=specs, search=search)


@dataclass
class FakeRun:
    """Measures in no time; `noisy_turns` says of how many turns of a context GQA is disturbed."""

    noisy_turns: dict[int, int]
    failing: tuple[int, ...] = ()

    def __post_init__(self):
        self.turns = []

    def __call__(self, specs, *, device, log, on_record, on_event, next_specs, max_extra):
        records = []
        while specs:
            self.turns.append([spec.workload.context_len for spec in specs])
            assert all(spec.n_samples == 10 for spec in specs)
            for spec in filter(self.works, specs):
                records.append(self.measure(spec, len(records)))
                on_record(records[-1])
            specs = next_specs(records)[:max_extra]
            max_extra -= len(specs)
        return RunResult(records=tuple(records), n_failed=0, n_not_logged=0)

    def works(self, spec):
        return spec.workload.context_len not in self.failing

    def measure(self, spec, index):
        length = spec.workload.context_len
        tries = sum(length in turn for turn in self.turns)
        is_noisy = spec.attention == GQA and tries <= self.noisy_turns.get(length, 0)
        samples = {"attend": NOISY} if is_noisy else {}
        return fake_record(index, spec=spec, kernel_ran="packed", **samples)


def measure(part, run, **options):
    events = []
    result = measure_part(part, device="cpu", on_event=events.append, run=run, **options)
    return (*result, [event.text for event in events if isinstance(event, Note)])


def test_a_quiet_part_is_measured_once():
    run = FakeRun({})
    records, doubts, notes = measure(decode_part(64, 128), run)
    assert (len(records), doubts, notes) == (4, [], [])
    assert run.turns == [[64, 64, 128, 128]]


def test_a_disturbed_context_is_measured_again_with_all_that_takes_turns():
    run = FakeRun({128: 2})
    records, doubts, notes = measure(decode_part(64, 128), run)
    assert run.turns == [[64, 64, 128, 128], [128, 128], [128, 128]]
    assert doubts == []
    assert [each.point for each in records] == [0, 1, 6, 7]  # the last of each, in place
    assert len(notes) == 2
    assert notes[0].startswith("disturbed, 2 points are measured again: half of the samples")


def test_what_stays_disturbed_is_named_after_the_last_try():
    run = FakeRun({64: 99})
    _, doubts, _ = measure(decode_part(64, 128), run, max_tries=3)
    assert len(run.turns) == 3
    (sentence,) = doubts
    assert sentence.startswith("GQA with 2 K/V heads, context 64, float32: half of the samples")


def test_a_point_that_fails_is_named():
    _, doubts, _ = measure(decode_part(64, 128), FakeRun({}, failing=(128,)))
    assert doubts == [
        "MHA with 8 K/V heads, context 128, float32: not measured",
        "GQA with 2 K/V heads, context 128, float32: not measured",
    ]


def test_a_search_follows_once_nothing_is_disturbed_and_sees_no_context_above_its_bound(
    monkeypatch,
):
    search = CrossoverSearch(mha=MHA, grouped=[GQA], latent=None, max_context_len=128)
    context_lens_given = []

    def next_specs(self, records):
        context_lens_given.append(sorted({each.workload.context_len for each in records}))
        return decode_part(96).specs if len(context_lens_given) == 1 else []

    monkeypatch.setattr(CrossoverSearch, "next_specs", next_specs)
    run = FakeRun({64: 1, 96: 1})
    records, doubts, _ = measure(decode_part(64, 128, 256, search=search), run)
    assert run.turns[1:] == [[64, 64], [96, 96], [96, 96]]
    assert context_lens_given == [[64, 128], [64, 96, 128]]
    assert doubts == []
    assert len(records) == 8


def test_a_part_is_measured_if_every_point_is():
    part = decode_part(64)
    records, _, _ = measure(part, FakeRun({}))
    assert is_measured(part, records)
    assert not is_measured(part, records[:1])
    assert not is_measured(decode_part(64, 128), records)


@pytest.mark.parametrize("bandwidths", [NOISY_BANDWIDTHS])
def test_a_noisy_probe_is_a_doubt_too(bandwidths):
    part = decode_part(64)
    run = FakeRun({})
    run.measure = lambda spec, index: fake_record(
        index, spec=replace(spec, n_samples=1), bandwidth_samples_bytes_per_s=bandwidths
    )
    _, doubts, _ = measure(part, run, max_tries=1)
    assert len(doubts) == 2
    assert "other work was running" in doubts[0]


def test_generated_tokens_beside_other_work_are_measured_again(monkeypatch):
    generated = fake_generations.records()
    cores = iter([0.0, 0.5, *[0.0] * 9])
    monkeypatch.setattr(CpuWatch, "other_cores", lambda self: next(cores))
    turns = []

    def run(specs, *, on_record, next_specs, max_extra, **options):
        records = []
        while specs:
            turns.append(len(specs))
            for spec in specs:
                record = next(each for each in generated if each.spec == spec)
                records.append(structs.replace(record, point=len(records)))
                on_record(records[-1])
            specs = next_specs(records)[:max_extra]
        return RunResult(records=tuple(records), n_failed=0, n_not_logged=0)

    part = Part(name="generation", specs=[each.spec for each in generated])
    records, doubts, notes = measure(part, run)
    assert turns == [5, 1]
    assert (len(records), doubts) == (5, [])
    assert notes == ["disturbed, 1 points are measured again: other work used 0.5 cores meanwhile"]
