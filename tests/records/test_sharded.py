"""Records of steps that ranks share: bytes and wire by the formulas, times of the slowest rank."""

import pytest
from msgspec import structs

from gqa_core.configs import GroupedConfig, ModelConfig, default_mla_for
from gqa_core.records.importing import read_record
from gqa_core.records.kinds import decode_record, encode_record
from gqa_core.records.step_timing import StepTiming
from gqa_core.records.summaries import line, rank_line
from gqa_core.theory.memory import kv_cache_bytes
from gqa_core.theory.parallelism import Parallelism
from gqa_core.theory.per_gpu import per_gpu_size
from tests.records import fake_sharded as sharded
from tests.records.fake_records import CPU, LAYER

MLA = default_mla_for(8, 16)
SPLITS = [
    sharded.spec(tp, dcp, attention, context_len=context_len, kernel=kernel)
    for attention, kernel in [(LAYER, "auto"), (MLA, "absorbed"), (MLA, "naive")]
    for tp, dcp in [(1, 1), (2, 1), (2, 2), (4, 1), (4, 2), (4, 4), (8, 4)]
    for context_len in (1, 7, 64)
]


@pytest.mark.parametrize("spec", SPLITS, ids=str)
def test_a_record_comes_back_as_it_was_and_holds_together(spec):
    record = sharded.record(spec)
    line = encode_record(record).encode()
    assert decode_record(line) == record
    assert read_record(line) == record
    assert record.spec.wire == spec.wire


@pytest.mark.parametrize("spec", SPLITS, ids=str)
def test_the_largest_rank_is_the_gpu_of_the_size_page(spec):
    model = sharded_model(spec)
    size = per_gpu_size(model, spec.decode.workload, "fp32", parallelism(spec))
    assert max(map(spec.rank_bytes, range(spec.tp))) == size.kv_cache_bytes_per_gpu


@pytest.mark.parametrize("spec", SPLITS, ids=str)
def test_ranks_hold_the_cache_once_per_copy(spec):
    """Every byte is held by tp / dcp / (groups that split the K/V heads) ranks."""
    first = [rank for rank in range(spec.tp) if not spec.shards[rank].is_copy]
    cache = kv_cache_bytes(sharded_model(spec), spec.decode.workload, "fp32")
    assert sum(map(spec.rank_bytes, first)) == cache


def sharded_model(spec):
    return ModelConfig.uniform(spec.decode.cached, spec.decode.n_layers)


def parallelism(spec):
    return Parallelism(tp=spec.tp, dcp=spec.dcp)


RECORD = sharded.record()


def on_nodes(*nodes):
    """The ranks of the record on these machines."""
    pairs = zip(RECORD.ranks, nodes, strict=True)
    return tuple(structs.replace(rank, node=node) for rank, node in pairs)


LIES = [
    ({"tensor_bytes": 1}, "ranks.tensor_bytes must be 8192: got 1"),
    ({"n_tokens": 63}, "ranks.n_tokens must be 64: got 63"),
    ({"n_kv_heads": 2}, "ranks.n_kv_heads must be 1: got 2"),
    ({"wire_bytes": sharded.WireCount(all_reduce=511)}, "all_reduce must be 512: got 511"),
    ({"rank": 0}, "ranks.rank must be 1: got 0"),
    ({"samples_s": sharded.samples(n=4)}, "must be a list of 3 seconds: got 4"),
]


@pytest.mark.parametrize(("change", "sentence"), LIES)
def test_a_rank_that_holds_or_sends_something_else_is_refused(change, sentence):
    ranks = RECORD.ranks[0], structs.replace(RECORD.ranks[1], **change)
    lie = structs.replace(RECORD, ranks=ranks)
    with pytest.raises(ValueError, match=sentence):
        read_record(encode_record(lie).encode())


GPU = structs.replace(CPU, type="cuda", name="A GPU")
QUEUED = StepTiming(method="queued", note="eager steps")
LIES_OF_ALL = [
    ({"backend": "nccl"}, "backend must be 'gloo': got 'nccl'"),
    ({"device": GPU, "backend": "nccl", "timing": QUEUED}, "device must be"),
    ({"device": structs.replace(CPU, name="Another CPU")}, "device must be"),
    ({"timing": QUEUED}, "timing.method must be one of clock: got 'queued'"),
    ({"warnings": ()}, "warnings must be .*ranks on one CPU"),
    ({"ranks": on_nodes(0, 2)}, "ranks.node must be .* 1: got 2"),
    ({"ranks": on_nodes(1, 1)}, "ranks.node must be 0: got 1"),
    ({"ranks": (RECORD.ranks[0], structs.replace(RECORD.ranks[1], device=GPU))}, "device.type"),
]


@pytest.mark.parametrize(("change", "sentence"), LIES_OF_ALL)
def test_ranks_and_a_device_that_cannot_have_run_so_are_refused(change, sentence):
    lie = structs.replace(RECORD, **change)
    with pytest.raises(ValueError, match=sentence):
        read_record(encode_record(lie).encode())


def test_a_kernel_without_log_sum_exp_cannot_have_merged_parts():
    lie = structs.replace(
        sharded.record(sharded.spec(2, 2)), kernel_ran="packed", attend_kernel="packed"
    )
    with pytest.raises(
        ValueError, match="attend_kernel must be one of split_kv, triton, matmul: got"
    ):
        read_record(encode_record(lie).encode())


@pytest.mark.parametrize("nodes", [(0, 0), (0, 1)])
def test_gpus_of_one_or_two_machines_come_back(nodes):
    ranks = [structs.replace(rank, device=GPU) for rank in on_nodes(*nodes)]
    record = structs.replace(
        RECORD,
        device=GPU,
        backend="nccl",
        timing=QUEUED,
        ranks=tuple(ranks),
        warnings=("eager steps",),
    )
    assert read_record(encode_record(record).encode()) == record


def test_a_missing_rank_is_refused():
    lie = structs.replace(RECORD, ranks=RECORD.ranks[:1])
    with pytest.raises(ValueError, match="ranks must be a list of 2 ranks: got 1"):
        read_record(encode_record(lie).encode())


def test_a_step_takes_as_long_as_its_slowest_rank_and_a_collective_as_its_last():
    spec = sharded.spec()
    early = sharded.rank_result(
        spec, 0, samples_s=sharded.samples(step=0.009, attend=0.001, reduce=0.004)
    )
    late = sharded.rank_result(
        spec, 1, samples_s=sharded.samples(step=0.011, attend=0.003, reduce=0.002)
    )
    together = sharded.record(spec, ranks=(early, late)).samples_s
    assert together.step == (0.011,) * 3
    assert together.attend == (0.003,) * 3
    assert together.reduce == (0.002,) * 3


def test_cpu_ranks_are_labelled_and_a_record_reads_as_one_line():
    assert RECORD.warnings == ("ranks on one CPU: evidence of equality and bytes, not of speed",)
    assert line(RECORD).startswith("tp 2, GQA, 2 of 8 heads x 16, context 64, float32 ")
    assert "step 10 ms, 8.00 KiB per rank" in line(RECORD)


@pytest.mark.parametrize(
    ("tp", "dcp", "options", "sentence"),
    [
        (3, 1, {}, "tp must divide n_heads: got 3 and 8"),
        (4, 3, {}, "dcp must divide tp: got 3 and 4"),
        (4, 1, {"kv_format": "int8_per_token_head"}, "kv_format must be that of the dtype"),
        (4, 2, {"kernel": "packed"}, "kernel must be auto or one of split_kv, triton, matmul"),
    ],
)
def test_an_impossible_split_is_refused(tp, dcp, options, sentence):
    with pytest.raises(ValueError, match=sentence):
        sharded.spec(tp, dcp, **options)


def test_kv_heads_and_groups_must_divide_each_other():
    odd = GroupedConfig(n_heads=12, n_kv_heads=3, head_dim=16)
    with pytest.raises(ValueError, match="tp / dcp must divide n_kv_heads, or be a multiple of it"):
        sharded.spec(4, 2, odd)
    assert sharded.spec(6, 2, odd).part(0).n_kv_heads == 1


def test_a_rank_line_compares_bytes_with_the_formula_and_counts_copies():
    assert rank_line(RECORD) == (
        "tp 2, GQA, 2 of 8 heads x 16, context 64, float32: 8.00 KiB on each rank, equal to the "
        "formula, no copies; step 10 ms"
    )
    copied = rank_line(sharded.record(sharded.spec(4, context_len=64)))
    assert "8.00 KiB on each rank, equal to the formula, 16.00 KiB in all are copies" in copied
    uneven = rank_line(sharded.record(sharded.spec(4, 2, context_len=7)))
    assert "512 B on the fullest rank, equal to the formula, no copies" in uneven
    assert "MLA naive, latent" in rank_line(
        sharded.record(sharded.spec(2, attention=MLA, kernel="naive"))
    )
    ranks = list(RECORD.ranks)
    ranks[1] = structs.replace(ranks[1], tensor_bytes=1)
    assert "NOT equal to the formula" in rank_line(structs.replace(RECORD, ranks=tuple(ranks)))
