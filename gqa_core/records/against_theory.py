"""A decode record beside what theory says of it: work, achieved rate, bound, predicted times.

The prediction uses the probes of the record's own run, so that it and the measurement met the same
machine at the same time. Records of before the matmul rate and the floor were probed have a bound,
of their bytes alone, and no prediction. Free of torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gqa_core.configs import AttentionConfig, ModelConfig, Workload
from gqa_core.theory.cost import arithmetic_intensity, decode_flops
from gqa_core.theory.formats import dtype_format
from gqa_core.theory.prediction import Probes, predicted_attend_s, predicted_step_s

PROBED = ("read_bandwidth_bytes_per_s", "matmul_flops_per_s", "attend_overhead_s")


def against_theory(
    attention: AttentionConfig,
    record: Mapping[str, Any],
    attend: Sequence[float],
    step_s: float,
) -> dict[str, float | None]:
    """Work and rates of a record of this layer, given the attend quartiles and the step's median.

    FLOP per second and the share of the bound come from the attend times: the rate's first quartile
    is the third one's of the seconds. Errors are relative to what was measured, with their sign.
    """
    asked = record["workload"]
    workload = Workload(context_len=asked["context_len"], batch_size=asked["batch_size"])
    kv_format = dtype_format(asked["dtype"])
    form = attention.expanded if record["kernel_ran"] == "naive" else attention
    model, cached = (ModelConfig.uniform(one, asked["n_layers"]) for one in (attention, form))
    flops = decode_flops(cached, workload)
    q1, median, q3 = (flops / seconds for seconds in reversed(attend))
    found = {
        "flops": flops,
        "arithmetic_intensity": arithmetic_intensity(cached, workload, kv_format),
        "flops_q1_per_s": q1,
        "flops_per_s": median,
        "flops_q3_per_s": q3,
        "bound_share": record["bound_s"] / attend[1],
    }
    predicted = dict.fromkeys(("attend", "step"))
    if None not in (probed := {name: record.get(name) for name in PROBED}).values():
        probes = Probes(**probed)
        predicted["attend"] = predicted_attend_s(cached, workload, kv_format, probes)
        predicted["step"] = predicted_step_s(model, cached, workload, kv_format, probes)
    for phase, measured in (("attend", attend[1]), ("step", step_s)):
        told = predicted[phase]
        found[f"predicted_{phase}_s"] = told
        found[f"{phase}_error"] = None if told is None else told / measured - 1
    return found
