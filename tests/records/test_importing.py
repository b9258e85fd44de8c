"""Imports: what is right is kept as it came, what lies is named by line, nothing else changes."""

import json
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from gqa_core.configs import default_mla_for
from gqa_core.engine.layer import PHASES
from gqa_core.records.header import MEASURED_ELSEWHERE, MEASURED_HERE
from gqa_core.records.importing import read_record
from gqa_core.records.kinds import KINDS
from gqa_core.records.kinds.decode import DecodeSamples
from gqa_core.records.run_log import RunLog
from tests.records import fake_records as samples
from tests.records.import_cases import VALUES, assert_refused_alone, changed, import_text, jsonl
from tests.scale import FACTOR

RECORD = samples.record()
VERSION_4 = Path(__file__).with_name("records_of_version_4.jsonl")


def latent_record():
    latent = default_mla_for(8, 16)  # c 64, r 8: 64 tokens x 72 x 4 B = 18,432 B
    return samples.record(
        spec=samples.point(latent, kernel="absorbed"),
        kernel_ran="absorbed",
        bound_s=18432 / 1e9,
        read_bandwidth_bytes_per_s=1e9,
        arithmetic_flops_per_s=1e12,
        memory=structs.replace(samples.MEMORY, formula_bytes=18432, tensor_bytes=18432),
    )


def test_a_record_has_its_documented_fields_and_a_sample_per_phase():
    assert tuple(RECORD.to_builtins()) == samples.RECORD_FIELDS
    assert DecodeSamples.__struct_fields__ == (*PHASES, "step")


def test_records_of_one_log_come_out_of_another_as_they_were(log, tmp_path):
    first = [samples.record(index=index) for index in range(3)]
    first += [structs.replace(latent_record(), run_id="run-2")]
    for record in first:
        log.append(record)
    other = RunLog(tmp_path / "other.sqlite")
    imported = import_text(other, jsonl(*log.records()))
    assert (imported.n_imported, imported.refused) == (4, ())
    assert other.records() == log.records() == first
    assert jsonl(*other.records()) == jsonl(*first)
    assert {logged.evidence for logged in log.read().logged} == {MEASURED_HERE}
    assert {logged.evidence for logged in other.read().logged} == {MEASURED_ELSEWHERE}


LIES = [
    ("schema_version", True, "schema_version must be 5: got True"),
    ("schema_version", 4.0, "schema_version must be 5: got 4.0"),
    ("schema_version", ..., "schema_version must be 5: got None"),
    ("kind", "decoding", f"kind must be one of {', '.join(KINDS)}: got 'decoding'"),
    ("kind", ["decode"], f"kind must be one of {', '.join(KINDS)}: got ['decode']"),
    ("mood", "good", "record must have no field but its own: got 'mood'"),
    ("evidence", "measured here", "record must have no field but its own: got 'evidence'"),
    ("bound_s", ..., "record must have bound_s: got none"),
    (
        "run_id",
        "../../etc",
        "run_id must be 1 to 64 letters, digits, dots, dashes: got '../../etc'",
    ),
    ("run_id", "<b>1</b>", "run_id must be 1 to 64 letters"),
    ("point", -1, "point must be between 0 and 1000000: got -1"),
    ("point", 1.0, "point must be a whole number: got 1.0"),
    ("created_at", "yesterday", "created_at must be a UTC time like"),
    ("created_at", "2026-11-23T20:00:00", "created_at must be a UTC time like"),
    ("created_at", "2026-11-23T20:00:00+02:00", "created_at must be a UTC time like"),
    ("created_at", "2999-01-01T00:00:00+00:00", "created_at must not lie in the future"),
    ("created_at", 5, "created_at must be a text: got 5"),
    ("git_commit", "main", "git_commit must be a commit's hash or null: got 'main'"),
    ("torch_version", "", "torch_version must be a text of 1 to 60 characters: got ''"),
    ("device", "cpu", "device must be an object: got 'cpu'"),
    ("device.name", "x" * 201, "device.name must be a text of 1 to 200 characters"),
    (
        "device.name",
        "A\x07CPU",
        r"device.name must have no control characters and none that cannot be seen: got 'A\x07CPU'",
    ),
    ("device.name", "A\u202eCPU", "device.name must have no control characters"),
    ("device.name", "\ud800", "device.name must have no control characters"),
    (
        "device.name",
        "=1+1",
        "device.name must begin with a letter or digit, after a semicolon too: got",
    ),
    ("device.name", 7, "device.name must be a text: got 7"),
    ("device.machine", 7, "device.machine must be a text or null: got 7"),
    ("device.n_threads", 0, "device.n_threads must be between 1 and 65536: got 0"),
    ("device.owner", "me", "device must have no field but its own: got 'owner'"),
    ("config", [], "config must be an object: got []"),
    ("config.n_kv_heads", 3, "n_kv_heads must divide n_heads: got 3 and 8"),
    ("config.n_kv_heads", 4, "memory.formula_bytes must be 32768: got 16384"),
    ("config.n_kv_heads", ..., "config must have n_kv_heads: got none"),
    ("config.n_heads", True, "n_heads must be a whole number: got True"),
    ("config.head_dim", 15, "head_dim must be even"),
    ("config.v_head_dim", None, "config.v_head_dim must be a whole number: got None"),
    ("config.n_groups", 2, "config must have no field but its own: got 'n_groups'"),
    ("workload.context_len", 2**24 + 1, "context_len must be between 1 and 16777216"),
    ("workload.batch_size", 0, "batch_size must be between 1 and 1048576: got 0"),
    ("workload.dtype", "fp8", "dtype must be one of float32, bfloat16, float16: got 'fp8'"),
    ("workload.dtype", ["float32"], "workload.dtype must be one of float32, bfloat16"),
    ("workload.n_layers", 1.5, "n_layers must be a whole number: got 1.5"),
    ("workload.n_layers", 2, "memory.formula_bytes must be 32768: got 16384"),
    ("workload.tp", 2, "workload must have no field but its own: got 'tp'"),
    ("variant", "MQA", "variant must be 'GQA': got 'MQA'"),
    ("kernel_asked", "paged", "kernel_asked must be one of auto, eager, sdpa, packed, matmul"),
    ("kernel_asked", {}, "kernel_asked must be one of auto, eager"),
    ("kernel_asked", "eager", "kernel_ran must be 'eager': got 'packed'"),
    (
        "kernel_ran",
        "auto",
        "kernel_ran must be one of eager, sdpa, packed, matmul, split_kv, flash, triton, "
        "absorbed, naive: got",
    ),
    ("kernel_ran", ["packed"], "kernel_ran must be one of"),
    ("attend_kernel", "eager", "attend_kernel must be 'packed': got 'eager'"),
    ("attend_kernel", None, "attend_kernel must be one of eager, sdpa, packed, matmul, split_kv"),
    ("attend_kernel", ..., "record must have attend_kernel: got none"),
    ("sdpa_backend", "fastest", "sdpa_backend must be one of math, flash_attention,"),
    ("sdpa_backend", 1, "sdpa_backend must be one of math, flash_attention,"),
    ("n_warmup", -1, "n_warmup must be between 0 and 10000: got -1"),
    ("samples_s.attend", [], "samples_s.attend must be a list of 1 to 10000 seconds: got 0 values"),
    ("samples_s.attend", [1.0] * 10_001, "seconds: got 10001 values"),
    (
        "samples_s.attend",
        [1.0, 1.0],
        "that of attend being no shorter: got project 3, append 3, attend 2",
    ),
    ("samples_s.attend", 0.002, "samples_s.attend must be a list: got 0.002"),
    ("samples_s.step", [1, 1, -1], "samples_s.step must be between 1e-09 and 1e+06: got -1"),
    ("samples_s.step", [1, 1, 0], "samples_s.step must be between 1e-09 and 1e+06: got 0"),
    ("samples_s.step", [1, 1, "1"], "samples_s.step must be a number: got '1'"),
    ("samples_s.step", [1, 1, True], "samples_s.step must be a number: got True"),
    ("samples_s.sleep", [1, 1, 1], "samples_s must have no field but its own: got 'sleep'"),
    ("memory.formula_bytes", 16383, "memory.formula_bytes must be 16384: got 16383"),
    ("memory.formula_bytes", 16384.0, "memory.formula_bytes must be a whole number: got 16384.0"),
    ("memory.tensor_bytes", 1, "memory.tensor_bytes must be 16384: got 1"),
    ("memory.padding_bytes", -1, "memory.padding_bytes must be between 0 and"),
    ("memory.padding_bytes", ..., "memory must have padding_bytes: got none"),
    ("memory.allocator_peak_bytes", 1, "memory.allocator_peak_bytes must be None: got 1"),
    ("memory.process_peak_bytes", -1, "memory.process_peak_bytes must be between 0 and"),
    ("memory.baseline_bytes", 2**60, "memory.baseline_bytes must be between 0 and"),
    ("memory.baseline_bytes", None, "memory.baseline_bytes must be a whole number: got None"),
    ("read_bandwidth_bytes_per_s", 0, "read_bandwidth_bytes_per_s must be between 1 and 1e+18"),
    ("arithmetic_flops_per_s", 0, "arithmetic_flops_per_s must be between 1 and 1e+21: got 0"),
    ("arithmetic_flops_per_s", None, "arithmetic_flops_per_s must be a number: got None"),
    ("arithmetic_flops_per_s", ..., "record must have arithmetic_flops_per_s: got none"),
    ("arithmetic_flops_per_s", 32_768_000, "FLOP / arithmetic_flops_per_s, 0.001: got 0.0005"),
    ("attend_overhead_s", 0, "attend_overhead_s must be between 1e-09 and 1e+06: got 0"),
    ("attend_overhead_s", ..., "record must have attend_overhead_s: got none"),
    ("bound_s", 0.0004, "bound_s must be the larger of formula_bytes / read_bandwidth_bytes_per_s"),
    ("warnings", "none", "warnings must be a list: got 'none'"),
    ("warnings", ["w"] * 21, "warnings must be a list of at most 20 texts"),
    ("warnings", [5], "warnings must be a text: got 5"),
]


@pytest.mark.parametrize(("path", "value", "sentence"), LIES)
def test_a_lie_is_named_with_its_line_and_the_rest_is_kept(log, path, value, sentence):
    right = [samples.record(index=index, run_id="right") for index in range(2)]
    assert_refused_alone(log, changed(RECORD, path, value), right, sentence)


def test_a_latent_record_is_held_to_its_own_formula(log):
    assert import_text(log, jsonl(latent_record())).n_imported == 1
    for path, value, sentence in (
        ("kernel_ran", "naive", "kernel_ran must be 'absorbed': got 'naive'"),
        ("attend_kernel", "absorbed", "attend_kernel must be one of eager, sdpa, packed, matmul,"),
        ("attend_kernel", "auto", "attend_kernel must be one of eager, sdpa, packed, matmul,"),
        ("attend_kernel", {}, "attend_kernel must be one of eager, sdpa, packed, matmul,"),
        ("kernel_asked", "packed", "kernel of MLA must be absorbed or naive: got 'packed'"),
        ("config.kv_lora_rank", 32, "memory.formula_bytes must be 10240: got 18432"),
        ("config.n_kv_heads", 8, "config must have no field but its own: got 'n_kv_heads'"),
    ):
        (refusal,) = import_text(log, jsonl(changed(latent_record(), path, value))).refused
        assert sentence in refusal


@pytest.mark.parametrize("version", [1, 2, 3, 6])
def test_a_record_of_another_version_is_refused_with_what_to_do(log, version):
    (refusal,) = import_text(log, jsonl(changed(RECORD, "schema_version", version))).refused
    assert refusal == (
        f"line 1: schema_version must be 5: got {version}; keep the file for the program that "
        "wrote it and measure again with this one"
    )
    assert log.records() == []


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"sharded"}))  # which version 4 had not
def test_a_record_of_the_version_before_is_brought_forward(log, kind):
    lines = [line for line in VERSION_4.read_text().splitlines() if f'"kind":"{kind}"' in line]
    result = import_text(log, "\n".join(lines))
    assert result.refused == ()
    assert result.n_imported == len(lines) > 0


def test_a_record_that_lacks_what_its_version_has_is_refused(log):
    line = json.dumps({"kind": "decode", "schema_version": 4, "workload": 3})
    (refusal,) = import_text(log, line).refused
    assert refusal.startswith("line 1: record must have the fields of its version")


JSON = RECORD.to_builtins()
PATHS = list(JSON) + [
    f"{name}.{inner}"
    for name in ("device", "config", "workload", "samples_s", "memory")
    for inner in JSON[name]
]


@settings(max_examples=400 * FACTOR)
@given(path=st.sampled_from(PATHS), value=VALUES)
def test_any_value_in_any_field_gives_a_record_or_a_sentence(path, value):
    line = json.dumps(changed(RECORD, path, value)).encode()
    with suppress(ValueError):
        assert read_record(line).to_builtins() == json.loads(line)
