"""Parallelism: figures by hand, and rules that hold for every split and every engine."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gqa_core.configs import (
    GroupedConfig,
    IndexerKeys,
    LatentConfig,
    LayerGroup,
    ModelConfig,
    RecurrentState,
    Workload,
)
from gqa_core.theory.collectives import step_wire_bytes, wire_bytes
from gqa_core.theory.engines import ENGINES, allocate
from gqa_core.theory.parallelism import Parallelism, gpu_model, kv_copies, max_kv_copies
from gqa_core.theory.parts import total_bytes
from tests.anchors import DEEPSEEK_V3

LLAMA_LAYER = GroupedConfig(n_heads=64, n_kv_heads=8, head_dim=128)
LLAMA_70B = ModelConfig.uniform(LLAMA_LAYER, 80)
QWEN_LAYER = GroupedConfig(n_heads=64, n_kv_heads=4, head_dim=128)
V3 = ModelConfig.uniform(DEEPSEEK_V3, 61)


def sequence_bytes(model, context_len, batch_size=1, name="ideal", **sizes):
    return allocate(
        name,
        model,
        Workload(context_len=context_len, batch_size=batch_size),
        "bf16",
        parallelism=Parallelism(**sizes),
    )


def test_decode_context_parallel_leaves_one_copy_of_the_latent():
    # vLLM's guide: DeepSeek-R1 with tp 8 has 8 copies, with dcp 8 none; Kimi-K2 tp 16, dcp 8: 2
    assert max_kv_copies(V3, Parallelism(tp=8)) == 8
    assert max_kv_copies(V3, Parallelism(tp=8, dcp=8)) == 1
    assert max_kv_copies(V3, Parallelism(tp=16, dcp=8)) == 2
    # each GPU holds an eighth of 70,272 B per token
    assert sequence_bytes(V3, 8000, tp=8).sequence_bytes == 70_272 * 8000
    assert sequence_bytes(V3, 8000, tp=8, dcp=8).sequence_bytes == 70_272 * 1000


def test_qwen3_with_4_kv_heads_has_two_copies_on_8_gpus_and_one_with_dcp_2():
    assert kv_copies(QWEN_LAYER, Parallelism(tp=8)) == 2
    assert kv_copies(QWEN_LAYER, Parallelism(tp=8, dcp=2)) == 1
    model = ModelConfig.uniform(QWEN_LAYER, 94)
    per_gpu = sequence_bytes(model, 1000, tp=8, dcp=2).sequence_bytes
    assert per_gpu == 94 * 1 * 256 * 2 * 500
    assert 8 * per_gpu == total_bytes(model, Workload(context_len=1000), "bf16")


def test_slots_of_a_sequence_lie_on_the_ranks_in_turn():
    # 1,001 tokens on 8 ranks: rank 0 has 126 of them
    assert sequence_bytes(V3, 1001, tp=8, dcp=8).sequence_bytes == 70_272 * 126


def test_a_stage_keeps_its_layers_for_all_sequences():
    # 61 layers on 8 stages: the largest has 8
    allocation = sequence_bytes(V3, 1000, batch_size=4, pp=8)
    assert allocation.gpu_bytes == 4 * 8 * 1152 * 1000
    assert Parallelism(tp=2, pp=4, dp=3).world == 24


def test_data_parallel_ranks_share_the_sequences():
    allocation = sequence_bytes(V3, 1000, batch_size=20, dp=8)
    assert allocation.gpu_bytes == 3 * 70_272 * 1000
    assert allocation.all_gpus_bytes == 20 * 70_272 * 1000
    assert sequence_bytes(V3, 1000, batch_size=20, tp=8).all_gpus_bytes == 8 * 20 * 70_272 * 1000


def test_states_are_split_over_tp_and_indexers_over_dcp():
    model = ModelConfig(
        layer_groups=(LayerGroup(attention=DEEPSEEK_V3, n_layers=2),),
        indexers=(IndexerKeys(n_layers=2, head_dim=128),),
        states=(RecurrentState(kind="state-space", n_layers=4, recurrent_elements=1600),),
    )
    allocation = sequence_bytes(model, 800, tp=8, dcp=4)
    latent, keys, state = (part.allocated_bytes for part in allocation.parts)
    assert latent == 2 * 1152 * 200
    assert keys == 2 * 256 * 200
    assert state == 4 * 200 * 4


@pytest.mark.parametrize(
    ("sizes", "sentence"),
    [
        ({"tp": 8, "dcp": 3}, "dcp must divide tp: got 3 and 8"),
        ({"tp": 0}, "tp must be between 1 and 1024: got 0"),
        ({"tp": 3}, "tp must divide n_heads: got 3 and 64"),
        ({"pp": 81}, "pp must be at most the number of layers: got 81 and 80"),
        ({"dp": 0}, "dp must be between 1 and 4096: got 0"),
    ],
)
def test_splits_that_cannot_be_are_refused(sizes, sentence):
    with pytest.raises(ValueError, match=sentence):
        gpu_model(LLAMA_70B, Parallelism(**sizes))


def test_the_ranks_of_a_dcp_group_must_split_the_kv_heads():
    six = ModelConfig.uniform(GroupedConfig(n_heads=48, n_kv_heads=6, head_dim=64), 1)
    with pytest.raises(ValueError, match=r"tp / dcp must divide n_kv_heads, .*: got 4 and 6"):
        gpu_model(six, Parallelism(tp=8, dcp=2))
    assert gpu_model(six, Parallelism(tp=8, dcp=4)).layer_groups[0].attention.n_kv_heads == 3


def test_bytes_on_the_wire_by_hand():
    # tp 8, 4 sequences, width 8,192: 2 x 7 / 8 x 4 x 8,192 x 2 B
    wire = wire_bytes(LLAMA_LAYER, Parallelism(tp=8), 4)
    assert (wire.all_reduce, wire.per_layer, wire.to_next_stage) == (114_688, 114_688, 0)
    # dcp 8: 7 x 4 x 16 heads x 576 x 2 B; 7 x 4 x 128 x 4 B; 7 / 8 x 4 x 128 x 512 x 2 B
    wire = wire_bytes(DEEPSEEK_V3, Parallelism(tp=8, dcp=8), 4)
    assert wire.query_gather == 7 * 4 * 16 * 576 * 2
    assert wire.lse_gather == 7 * 4 * 128 * 4
    assert wire.output_scatter == 7 * 4 * 128 * 512 * 2 // 8
    # one GPU sends nothing; of 16 sequences on 4 data-parallel ranks each has 4
    assert wire_bytes(LLAMA_LAYER, Parallelism(dp=4), 16).per_layer == 0
    assert step_wire_bytes(LLAMA_70B, Parallelism(tp=8, dp=4, pp=2), 16) == 40 * 114_688 + 65_536


powers = st.sampled_from([1, 2, 4, 8])


@st.composite
def models(draw):
    """A model of any kinds of layers, whose heads every power of two up to 8 can split."""
    k, g, d = draw(powers), draw(powers), draw(st.sampled_from([32, 64, 96]))
    grouped = GroupedConfig(n_heads=8 * k * g, n_kv_heads=k, head_dim=d)
    latent = LatentConfig(
        n_heads=16, kv_lora_rank=64, qk_rope_head_dim=32, qk_nope_head_dim=32, v_head_dim=32
    )
    attention = draw(st.sampled_from([grouped, latent]))
    n_full, n_window = draw(st.integers(8, 40)), draw(st.integers(0, 40))
    groups = [LayerGroup(attention=attention, n_layers=n_full)]
    if n_window:
        window = draw(st.integers(1, 5000))
        groups.append(LayerGroup(attention=attention, n_layers=n_window, window=window))
    states = RecurrentState(
        kind="state-space",
        n_layers=draw(st.integers(1, 40)),
        conv_elements=draw(st.integers(0, 30_000)),
        recurrent_elements=draw(st.integers(1, 10**6)),
    )
    keys = IndexerKeys(n_layers=n_full, head_dim=128)
    return ModelConfig(
        layer_groups=tuple(groups),
        states=(states,) if draw(st.booleans()) else (),
        indexers=(keys,) if draw(st.booleans()) else (),
        family=draw(st.sampled_from(["", "gpt_oss", "llama4", "falcon"])),
    )


@st.composite
def splits(draw):
    tp = draw(powers)
    return Parallelism(
        tp=tp,
        dcp=draw(st.sampled_from([dcp for dcp in (1, 2, 4, 8) if dcp <= tp])),
        dp=draw(st.integers(1, 8)),
        pp=draw(st.integers(1, 8)),
    )


engines = st.sampled_from(sorted(ENGINES))
contexts = st.integers(1, 200_000)


def allocation_or_none(name, model, workload, split):
    """The allocation, or None where the engine has no such split."""
    try:
        return allocate(name, model, workload, "bf16", parallelism=split)
    except ValueError as error:
        if "dcp" in str(error) or "context parallel" in str(error):
            return None
        raise


@given(engines, models(), splits(), contexts, st.integers(1, 100))
def test_parts_add_up_and_no_engine_takes_less_than_the_ideal(name, model, split, context_len, n):
    workload = Workload(context_len=context_len, batch_size=n)
    allocation = allocation_or_none(name, model, workload, split)
    assume(allocation is not None)
    assert allocation.sequence_bytes == sum(part.allocated_bytes for part in allocation.parts)
    for part in allocation.parts:
        if not (name in ("vllm", "sglang") and part.kind == "indexer keys"):  # fp8 for bf16
            assert part.allocated_bytes >= part.ideal_bytes
    # linear in the sequences of a rank, and the whole is on the GPUs
    single = allocate(name, model, Workload(context_len=context_len), "bf16", parallelism=split)
    assert allocation.gpu_bytes == -(-n // split.dp) * single.gpu_bytes
    assert allocation.all_gpus_bytes == n * single.all_gpus_bytes
    if name == "ideal":
        assert allocation.all_gpus_bytes >= total_bytes(model, workload, "bf16")


@given(engines, models(), splits(), contexts, st.integers(1, 10_000))
def test_a_longer_context_never_takes_fewer_bytes(name, model, split, context_len, more):
    short = allocation_or_none(name, model, Workload(context_len=context_len), split)
    assume(short is not None)
    longer = allocate(
        name, model, Workload(context_len=context_len + more), "bf16", parallelism=split
    )
    assert longer.sequence_bytes >= short.sequence_bytes


@given(models(), splits(), contexts, st.integers(1, 100))
def test_more_ranks_never_give_a_gpu_more(model, split, context_len, n):
    # tokens in eights, so that no rank has one more than the others
    workload = Workload(context_len=8 * context_len, batch_size=n)
    assume(all(group.window is None or group.window % 8 == 0 for group in model))

    def gpu_bytes(**sizes):
        return allocate(
            "ideal",
            model,
            workload,
            "bf16",
            parallelism=Parallelism(
                **{"tp": split.tp, "dp": split.dp, "dcp": split.dcp, "pp": split.pp} | sizes
            ),
        ).gpu_bytes

    most = gpu_bytes()
    assert gpu_bytes(dp=split.dp + 1) <= most
    assert gpu_bytes(tp=2 * split.tp if split.tp < 8 else 8) <= most
    assert gpu_bytes(pp=split.pp + 1 if split.pp < 8 else 8) <= most
    if 2 * split.dcp <= split.tp:
        assert gpu_bytes(dcp=2 * split.dcp) <= most


@given(models(), contexts)
def test_more_heads_never_take_fewer_bytes(model, context_len):
    attention = model.layer_groups[0].attention
    assume(isinstance(attention, GroupedConfig))
    mha = ModelConfig(
        layer_groups=tuple(
            LayerGroup(attention=attention.mha_baseline, n_layers=group.n_layers) for group in model
        )
    )
    shared = ModelConfig(
        layer_groups=tuple(
            LayerGroup(attention=attention, n_layers=group.n_layers) for group in model
        )
    )
    for name in ENGINES:
        assert (
            sequence_bytes(mha, context_len, name=name).sequence_bytes
            >= sequence_bytes(shared, context_len, name=name).sequence_bytes
        )
