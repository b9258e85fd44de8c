"""Gloo ranks that share decode steps, and one process that does the same: the cases and a rank.

All cases run in one group of processes per number of ranks, since starting one takes seconds. Rank
0 computes each step by itself too; caches have slots behind the context, which hold NaN.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

import torch
import torch.distributed as dist
import torch.multiprocessing

from gqa_core.configs import GroupedConfig, LatentConfig, Workload
from gqa_core.engine.build import build_layer
from gqa_core.engine.sharded import step as step_module
from gqa_core.engine.sharded.collectives import RankGroups
from gqa_core.engine.sharded.layer import keep_shard
from gqa_core.engine.sharded.step import sharded_decode_step
from gqa_core.records.specs.decode import DecodeSpec
from gqa_core.records.specs.sharded import ShardedSpec

SPARE_SLOTS = 3
TIMEOUT_S = 60


@dataclass(frozen=True)
class Case:
    """One step; `kernel` attends over the caches, and `fault` names what is done wrong."""

    spec: ShardedSpec
    kernel: str
    fault: str = ""

    def __str__(self):
        return f"{self.spec}, {self.kernel} {self.fault}".strip()


@dataclass(frozen=True)
class Outcome:
    """The result of a case on one rank: relative L2 error, cache bytes and wire bytes."""

    error: float
    tensor_bytes: int
    wire_bytes: dict


def grouped(n_kv_heads, **options):
    return GroupedConfig(n_heads=8, n_kv_heads=n_kv_heads, head_dim=16, **options)


MLA = LatentConfig(
    n_heads=8, kv_lora_rank=24, qk_rope_head_dim=8, qk_nope_head_dim=16, v_head_dim=12
)
LOW_RANK_MLA = LatentConfig(
    n_heads=8,
    kv_lora_rank=24,
    qk_rope_head_dim=8,
    qk_nope_head_dim=16,
    v_head_dim=12,
    q_lora_rank=20,
)
LAYERS = {
    "MHA": (grouped(8), "auto"),
    "GQA-4": (grouped(4), "auto"),
    "GQA-2": (grouped(2, v_head_dim=12), "auto"),
    "MQA": (grouped(1), "auto"),
    "MLA absorbed": (MLA, "absorbed"),
    "MLA naive": (MLA, "naive"),
    "MLA low rank": (LOW_RANK_MLA, "absorbed"),
}
SPLITS = {2: [(2, 1), (2, 2)], 4: [(4, 1), (4, 2), (4, 4)]}
CONTEXT_LENS = (1, 7, 64, 1000)


def case(
    layer,
    tp,
    dcp,
    *,
    context_len=7,
    batch_size=1,
    dtype="float32",
    n_layers=1,
    kernel="auto",
    fault="",
):
    attention, form = LAYERS[layer]
    decode = DecodeSpec(
        attention=attention,
        workload=Workload(context_len=context_len, batch_size=batch_size),
        dtype=dtype,
        n_layers=n_layers,
        kernel=form,
    )
    return Case(ShardedSpec(decode=decode, tp=tp, dcp=dcp), kernel, fault)


def run_cases(n_ranks, cases, folder):
    """Each rank's outcomes of the cases, from `n_ranks` processes."""
    queue = torch.multiprocessing.get_context("spawn").SimpleQueue()
    arguments = n_ranks, list(cases), str(folder / "store"), queue
    context = torch.multiprocessing.spawn(_rank_main, arguments, nprocs=n_ranks, join=False)
    outcomes = {}
    while len(outcomes) < n_ranks:
        if queue.empty():
            context.join(timeout=0.05)  # raises what a rank raised
        else:
            rank, rank_outcomes = queue.get()
            outcomes[rank] = rank_outcomes
    context.join()
    return [outcomes[rank] for rank in range(n_ranks)]


def _rank_main(rank, n_ranks, cases, store, queue):
    torch.set_num_threads(1)
    dist.init_process_group(
        "gloo",
        store=dist.FileStore(store, n_ranks),
        rank=rank,
        world_size=n_ranks,
        timeout=timedelta(seconds=TIMEOUT_S),
    )
    splits = sorted({(each.spec.tp, each.spec.dcp) for each in cases})
    groups = {split: RankGroups(rank, *split) for split in splits}
    with torch.inference_mode():
        outcomes = [_run_case(each, rank, groups[each.spec.tp, each.spec.dcp]) for each in cases]
    queue.put((rank, outcomes))
    dist.destroy_process_group()


def _run_case(each, rank, groups):
    """The outcome of one case on this rank."""
    torch.manual_seed(11)
    decode, b, s = each.spec.decode, *_sizes(each)
    dtype = getattr(torch, decode.dtype)
    layers = [
        build_layer(decode.attention, decode.kernel, dtype=dtype, device="cpu")
        for _ in range(decode.n_layers)
    ]
    contents = [_contents(layer, b, s - 1) for layer in layers]
    x = (torch.randn(b, 1, decode.attention.dim) / 100).to(dtype)
    expected = None
    if rank == 0:
        caches = [_filled(layer, each, s, kv) for layer, kv in zip(layers, contents, strict=True)]
        expected = x
        for layer, cache in zip(layers, caches, strict=True):
            expected = expected + layer(expected, cache)
    shard = FAULTS_OF_SHARDS.get(each.fault, lambda shard, spec: shard)(
        each.spec.shards[rank], each.spec
    )
    parts = [keep_shard(layer, shard) for layer in layers]
    caches = [
        _filled(layer, each, each.spec.n_tokens(rank), _own(kv, shard, groups, decode))
        for layer, kv in zip(parts, contents, strict=True)
    ]
    groups.wire_bytes.clear()
    y = _step(each.fault, parts, caches, x, s - 1, groups)
    error = math.nan if expected is None else _relative_error(y, expected)
    n_bytes = sum(_slot_bytes(cache) for cache in caches if cache is not None)
    return Outcome(error, n_bytes, dict(groups.wire_bytes))


def _sizes(each):
    workload = each.spec.decode.workload
    return workload.batch_size, workload.context_len


def _contents(layer, b, s):
    """Two random tensors of s tokens, as a cache of the whole layer takes them."""
    cached, kwargs = layer.cached_config, layer.factory_kwargs
    if isinstance(cached, GroupedConfig):
        shape = b, cached.n_kv_heads, s
        widths = cached.head_dim, cached.v_head_dim
    else:
        shape, widths = (b, s), (cached.kv_lora_rank, cached.qk_rope_head_dim)
    return tuple(torch.randn(*shape, width).to(kwargs["dtype"]) for width in widths)


def _own(kv, shard, groups, decode):
    """This rank's heads and tokens of what the whole cache holds."""
    tokens = slice(groups.dcp_rank, None, groups.dcp)
    if isinstance(decode.cached, GroupedConfig):
        heads = slice(shard.kv_heads.start, shard.kv_heads.stop)
        return tuple(x[:, heads, tokens] for x in kv)
    return tuple(x[:, tokens] for x in kv)


def _filled(layer, each, n_tokens, kv):
    """A cache with these tokens, room for those of the context, and NaN behind; None for none."""
    if not n_tokens:
        return None
    cache = layer.new_cache(kv[0].shape[0], n_tokens + SPARE_SLOTS, each.kernel)
    for storage in cache._storage:
        storage.fill_(math.nan)
    cache.append(*kv)
    return cache


def _slot_bytes(cache):
    """Bytes of the slots of the context; the spare ones are of the test."""
    return cache.tensor_bytes * (cache.capacity - SPARE_SLOTS) // cache.capacity


def _relative_error(y, expected):
    difference = torch.linalg.vector_norm(y.double() - expected.double())
    return float(difference / torch.linalg.vector_norm(expected.double()))


def _step(fault, layers, caches, x, position, groups):
    """The sharded step, with the fault planted in how a rank attends."""
    right = step_module.attend_part
    step_module.attend_part = FAULTS_OF_ATTENDING.get(fault, lambda right: right)(right)
    try:
        return sharded_decode_step(layers, caches, x, position, groups)
    finally:
        step_module.attend_part = right


def _base_2(right):
    """Log-sum-exps in base 2, as of a kernel whose weights are powers of two."""

    def attend(*arguments, **options):
        o, lse = right(*arguments, **options)
        return o, lse / math.log(2)

    return attend


def _empty_as_zero(right):
    """A log-sum-exp of 0 where a rank has no token, as if it had one with a score of 0."""

    def attend(*arguments, **options):
        o, lse = right(*arguments, **options)
        return o, lse.nan_to_num(neginf=0.0)

    return attend


def _wrong_head_map(shard, spec):
    """The K/V heads of another rank: query heads are dealt out in turns, as cards are."""
    n = len(shard.kv_heads)
    first = (shard.gpu * n + n) % spec.decode.cached.n_kv_heads
    return _with(shard, kv_heads=range(first, first + n))


def _missing_replica(shard, spec):
    """The first K/V head on every rank, as if one copy could serve all query heads."""
    return _with(shard, kv_heads=range(len(shard.kv_heads)))


def _with(shard, **changed):
    return replace(shard, **changed)


Fault = Callable[..., object]
FAULTS_OF_ATTENDING: dict[str, Fault] = {
    "base-2 LSE": _base_2,
    "empty shard as zero": _empty_as_zero,
}
FAULTS_OF_SHARDS: dict[str, Fault] = {
    "wrong head map": _wrong_head_map,
    "missing replica": _missing_replica,
}
