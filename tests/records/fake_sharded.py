"""Sharded decode records that look measured, for tests of the code that reads them."""

from msgspec import structs

from gqa_core.configs import GroupedConfig
from gqa_core.records.header import RunHeader
from gqa_core.records.kinds.sharded import (
    RankResult,
    ShardedMeasurement,
    ShardedRecord,
    WireCount,
)
from gqa_core.records.kinds.sharded_samples import ShardedSamples
from gqa_core.records.specs.sharded import ShardedSpec
from gqa_core.records.step_timing import StepTiming
from tests.records.fake_records import CPU, LAYER, point


def samples(step=0.010, attend=0.002, reduce=0.001, n=3):
    """Samples of one rank, all alike."""
    seconds = dict.fromkeys(ShardedSamples.__struct_fields__, (0.001,) * n)
    seconds |= {"step": (step,) * n, "attend": (attend,) * n, "reduce": (reduce,) * n}
    return ShardedSamples(**seconds)


def spec(tp=2, dcp=1, attention=LAYER, **options):
    return ShardedSpec(decode=point(attention, **options), tp=tp, dcp=dcp)


def rank_result(sharded, rank, **changed):
    """The result of a rank of this spec: bytes held and sent exactly by the formulas."""
    part, wire, n_layers = sharded.part(rank), sharded.wire, sharded.decode.n_layers
    fields = {
        "rank": rank,
        "node": 0,
        "device": CPU,
        "n_tokens": sharded.n_tokens(rank),
        "n_heads": len(sharded.shards[rank].query_heads),
        "n_kv_heads": part.n_kv_heads if isinstance(part, GroupedConfig) else None,
        "formula_bytes": sharded.rank_bytes(rank),
        "tensor_bytes": sharded.rank_bytes(rank),
        "padding_bytes": 0,
        "wire_bytes": WireCount(
            **{name: n_layers * getattr(wire, name) for name in WireCount.__struct_fields__}
        ),
        "samples_s": samples(),
        "bandwidth_samples_bytes_per_s": (1e9, 1e9),
    }
    return RankResult(**fields | changed)


def record(sharded=None, run_id="run-7", point=0, ranks=None, **changed):
    """A record of this spec, by default GQA-2 on two ranks."""
    sharded = spec() if sharded is None else sharded
    form = sharded.decode.latent_form
    measurement = ShardedMeasurement(
        torch_version="2.13.0",
        device=CPU,
        backend="gloo",
        kernel_ran=form or "matmul",
        attend_kernel="matmul",
        n_warmup=3,
        timing=StepTiming(method="clock"),
        ranks=ranks or tuple(rank_result(sharded, rank) for rank in range(sharded.tp)),
    )
    run = RunHeader(run_id=run_id, git_commit=None)
    made = ShardedRecord.from_measurement(sharded, measurement, run, point)
    return structs.replace(made, **changed)
