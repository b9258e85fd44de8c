"""Records of comparisons that look computed, for tests of what reads them."""

from gqa_core.configs import GroupedConfig, Workload
from gqa_core.records.specs.verify import CHECK, VerifySpec

LAYER = GroupedConfig(n_heads=8, n_kv_heads=2, head_dim=16)


def record(comparison="kernel_eager", relative_error=2.5e-7, *, index=0, run_id="run-1", **how):
    """One comparison in float32, whose tolerance is 1e-5."""
    point = VerifySpec(
        comparison=comparison, attention=LAYER, workload=Workload(context_len=64), **how
    )
    measured = {
        "torch_version": "2.13.0",
        "device": {"type": "cpu", "name": "A CPU", "n_threads": 2},
        "max_difference": 3 * relative_error,
        "relative_error": relative_error,
    }
    return CHECK.record(point, measured, {"run_id": run_id, "point": index, "git_commit": None})
