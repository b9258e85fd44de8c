"""Imports of every kind that the log keeps: real ones come in as they are, lies are named."""

import json
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from gqa_core.records.header import MEASURED_ELSEWHERE
from gqa_core.records.importing import read_record
from gqa_core.records.kinds import KINDS
from gqa_core.records.reference_runs import reference_runs
from gqa_core.records.run_log import RunLog
from tests.quality import fake_runs as grids
from tests.records import fake_comparisons as comparisons
from tests.records import fake_generations as generations
from tests.records import fake_records as samples
from tests.records import fake_sharded as sharded
from tests.records.import_cases import VALUES, assert_refused_alone, changed, import_text, jsonl
from tests.scale import FACTOR

VERIFY = comparisons.record()
CACHED, RECOMPUTED, CONCATENATED, PREALLOCATED, PAGED = generations.records()
MEAN, SCRATCH = (grids.records((start,))[1] for start in ("mean", "scratch"))
PRINTED = {
    "sharded": sharded.record(),
    "verify": VERIFY,
    "cached": CACHED,
    "recomputed": RECOMPUTED,
    "concatenate": CONCATENATED,
    "preallocate": PREALLOCATED,
    "paged": PAGED,
    "mean": MEAN,
    "scratch": SCRATCH,
}


def test_every_record_is_of_the_class_of_its_kind_and_holds_together():
    for record in (*PRINTED.values(), samples.record()):
        assert type(record) is KINDS[record.kind]
        assert record.to_builtins()["kind"] == record.kind
        record.validate()


def test_one_record_of_every_kind_goes_from_log_to_log_as_it_is(log, tmp_path):
    first = [
        *generations.records(),
        structs.replace(VERIFY, run_id="run-2"),
        samples.record(run_id="run-3"),
        sharded.record(run_id="run-5"),
    ]
    first += grids.records(("mean", "scratch"), run_id="run-4")
    for record in first:
        log.append(record)
    other = RunLog(tmp_path / "other.sqlite")
    imported = import_text(other, jsonl(*log.records()))
    assert (imported.n_imported, imported.refused) == (len(first), ())
    assert jsonl(*other.records()) == jsonl(*first)
    assert {logged.evidence for logged in other.read().logged} == {MEASURED_ELSEWHERE}
    assert set(other.counts()) == set(KINDS)


def test_the_shipped_grid_passes_its_own_checks(log):
    imported = import_text(log, jsonl(*reference_runs()))
    assert (imported.n_imported, imported.refused) == (len(reference_runs()), ())


LIES = [
    (VERIFY, "mood", "good", "record must have no field but its own: got 'mood'"),
    (VERIFY, "comparison", "apples", "comparison must be one of gqa_is_mha"),
    (VERIFY, "comparison", ["gqa_is_mha"], "comparison must be one of gqa_is_mha"),
    (VERIFY, "comparison", "<b>x</b>", "comparison must be one of gqa_is_mha"),
    (VERIFY, "planted", 1, "planted must be true or false: got 1"),
    (VERIFY, "passed", False, "passed must be True: got False"),
    (VERIFY, "passed", 1, "passed must be true or false: got 1"),
    (VERIFY, "relative_error", 2e-5, "passed must be False: got True"),
    (VERIFY, "relative_error", -1e-9, "relative_error must be between 0 and"),
    (VERIFY, "relative_error", 0, "relative_error must be 0 where max_difference is"),
    (VERIFY, "max_difference", 0.0, "relative_error must be 0 where max_difference is"),
    (VERIFY, "max_difference", "0.1", "max_difference must be a number: got '0.1'"),
    (VERIFY, "tolerance", 1.0, "tolerance must be 1e-05: got 1.0"),
    (VERIFY, "workload.dtype", "bfloat16", "tolerance must be 0.02: got 1e-05"),
    (VERIFY, "workload.n_layers", 2, "workload must have no field but its own: got 'n_layers'"),
    (VERIFY, "workload.context_len", 0, "context_len must be between 1 and"),
    (VERIFY, "config.n_kv_heads", 3, "n_kv_heads must divide n_heads: got 3 and 8"),
    (
        VERIFY,
        "config.kv_lora_rank",
        64,
        "config must have no field but its own: got",
    ),
    (CACHED, "mode", "dreamt", "mode must be one of cached, recomputed: got 'dreamt'"),
    (CACHED, "mode", "recomputed", "memory.formula_bytes must be 0: got 65536"),
    (RECOMPUTED, "mode", "cached", "memory.formula_bytes must be 32768: got 0"),
    (CACHED, "kernel_ran", "eager", "kernel_ran must be 'matmul': got 'eager'"),
    (CACHED, "workload.batch_size", 2, "workload.batch_size must be 1: got 2"),
    (CACHED, "workload.n_layers", 4, "memory.formula_bytes must be 131072: got 65536"),
    (CACHED, "workload.context_lens", [], "workload.context_lens must be a list of 1 to 100"),
    (CACHED, "workload.context_lens", [16, 32, 64], "samples_s.project must be a list of 3 lists"),
    (CACHED, "workload.context_lens", [16, 32, 64, 64], "context_len must be lengths that rise"),
    (
        CACHED,
        "workload.context_lens",
        [16, 32, 64, 1e2],
        "context_lens must be a whole number: got",
    ),
    (
        CACHED,
        "workload.context_lens.0",
        True,
        "context_lens must be a whole number: got True",
    ),
    (
        CACHED,
        "workload.context_lens.0",
        [16],
        "context_lens must be a whole number: got [16]",
    ),
    (CACHED, "samples_s.step", [[1.0]], "samples_s must have no field but its own: got 'step'"),
    (CACHED, "samples_s.attend", [], "samples_s.attend must be a list of lists of seconds"),
    (CACHED, "samples_s.attend.3", 1.0, "samples_s.attend must be a list: got 1.0"),
    (CACHED, "samples_s.attend.0", [1.0], "samples_s.attend must be a list of 3 seconds: got 1"),
    (CACHED, "samples_s.append.2.1", 0, "samples_s.append must be between 1e-09 and 1e+06: got 0"),
    (CACHED, "samples_s.output.0.0", None, "samples_s.output must be a number: got None"),
    (CACHED, "totals_s.attend", [1.0] * 3, "totals_s.attend must be a list of 4 sums of seconds"),
    (CACHED, "totals_s.attend.3", 1e-6, "totals_s.attend must rise with the length: got"),
    (CACHED, "totals_s.project.0", "1", "totals_s.project must be a number: got '1'"),
    (CACHED, "outputs.0", [0.5], "outputs must be a list of 4 numbers: got 1 values"),
    (CACHED, "outputs.1.3", 5.95, "outputs must be between -5.9397 and 5.9397: got 5.95"),
    (CACHED, "outputs", [[0.5] * 4] * 3, "outputs must be a list of 4 lists: got 3 values"),
    (CACHED, "memory.tensor_bytes", 0, "memory.tensor_bytes must be 65536: got 0"),
    (CACHED, "warnings", [""], "warnings must be a text of 1 to 200 characters: got ''"),
    (PREALLOCATED, "policy", "hope", "policy must be one of concatenate, preallocate, paged: got"),
    (PAGED, "policy", ["paged"], "policy must be one of concatenate, preallocate, paged: got"),
    (PAGED, "policy", "preallocate", "block_len must be None: got 64"),
    (PAGED, "block_len", None, "block_len must be a whole number: got None"),
    (PAGED, "block_len", 32, "allocated_bytes must be 16384: got 32768"),
    (PAGED, "allocated_bytes.0", 8192, "allocated_bytes must be 32768: got 8192"),
    (PAGED, "allocated_bytes.3", 65536.0, "allocated_bytes must be a whole number: got 65536.0"),
    (PAGED, "allocated_bytes", 65536, "allocated_bytes must be a list: got 65536"),
    (PAGED, "worst_waste_bytes", 0, "worst_waste_bytes must be 32256: got 0"),
    (PREALLOCATED, "allocated_bytes.0", 8192, "allocated_bytes must be 65536: got 8192"),
    (CONCATENATED, "worst_waste_bytes", 1, "worst_waste_bytes must be 0: got 1"),
    (CONCATENATED, "block_len", 64, "block_len must be None: got 64"),
    (PAGED, "totals_s.append.0", 1e-6, "totals_s.append must be at least its samples, 3e-06: got"),
    (PAGED, "samples_s.append.0", [1e-6] * 2, "samples_s.append must be a list of 3 seconds"),
    (PAGED, "n_warmup", 1.5, "n_warmup must be a whole number: got 1.5"),
    (MEAN, "start", "hope", "start must be one of mean, first, random, scratch: got 'hope'"),
    (MEAN, "n_kv_heads", 3, "n_kv_heads must divide n_heads: got 3 and 8"),
    (MEAN, "n_kv_heads", 2, "cache_bytes must be 131072: got 262144"),
    (MEAN, "cache_bytes", 1, "cache_bytes must be 262144: got 1"),
    (MEAN, "n_params", 787584, "n_params must be 722048: got 787584"),
    (MEAN, "seed", -1, "seed must be between 0 and"),
    (MEAN, "percents", [5, 0], "percent must be numbers that rise: got [5, 0]"),
    (MEAN, "percents", [0, 5, 20], "n_steps must be [0, 30, 120]: got [0, 30]"),
    (MEAN, "percents", [], "percents must be a list of 1 to 101 percents: got 0 values"),
    (MEAN, "percents", [0, 101], "percent must be between 0 and 100: got 101"),
    (MEAN, "n_steps", [0, 31], "n_steps must be [0, 30]: got [0, 31]"),
    (MEAN, "losses", [1.4], "losses must be a list of 2 losses: got 1 values"),
    (MEAN, "losses.1", -0.1, "losses must be between 0 and 1000: got -0.1"),
    (MEAN, "train_s", "long", "train_s must be a number: got 'long'"),
    (MEAN, "training_config.n_steps", 60, "n_steps must be [0, 3]: got [0, 30]"),
    (MEAN, "training_config.dim", 129, "n_heads must divide dim: got 8 and 129"),
    (MEAN, "training_config.lr", -1, "training_config.lr must be between 1e-12 and 1000: got -1"),
    (MEAN, "training_config.mood", 1, "training_config must have no field but its own: got 'mood'"),
    (MEAN, "corpus_sha256", "abc", "corpus_sha256 must be a SHA-256 in hexadecimal: got 'abc'"),
    (MEAN, "checkpoint_sha256", None, "checkpoint_sha256 must be a SHA-256 in hexadecimal"),
    (SCRATCH, "checkpoint_sha256", "f" * 64, "checkpoint_sha256 must be None: got"),
    (MEAN, "python_version", "=3", "python_version must begin with a letter or digit"),
]


@pytest.mark.parametrize(("record", "path", "value", "sentence"), LIES)
def test_a_lie_is_named_with_its_line_and_the_rest_is_kept(log, record, path, value, sentence):
    right_records = [
        structs.replace(right, run_id="right", point=i) for i, right in enumerate(PRINTED.values())
    ]
    assert_refused_alone(log, changed(record, path, value), right_records, sentence)


@pytest.mark.parametrize("record", PRINTED.values(), ids=PRINTED)
@pytest.mark.parametrize("word", ["NaN", "Infinity", "1e999"])
def test_numbers_that_are_none_are_refused_in_every_kind(log, record, word):
    path = {
        "verify": "max_difference",
        "quality": "losses.0",
        "sharded": "ranks.1.samples_s.step.0",
    }.get(record.kind)
    lie = changed(record, path or "totals_s.append.0", 0.123)
    assert import_text(log, jsonl(lie).replace("0.123", word)).n_imported == 0
    assert log.records() == []


def paths(value, above=""):
    """Every place in a record, those inside lists and objects too."""
    inside = value.items() if isinstance(value, dict) else enumerate(value)
    for name, inner in inside:
        yield f"{above}{name}"
        if isinstance(inner, (dict, list)):
            yield from paths(inner, f"{above}{name}.")


@settings(max_examples=600 * FACTOR, deadline=None)
@given(data=st.data(), record=st.sampled_from(list(PRINTED.values())), value=VALUES)
def test_any_value_in_any_place_gives_a_record_or_a_sentence(data, record, value):
    path = data.draw(st.sampled_from(list(paths(record.to_builtins()))))
    line = json.dumps(changed(record, path, value)).encode()
    with suppress(ValueError):
        assert read_record(line).to_builtins() == json.loads(line)
