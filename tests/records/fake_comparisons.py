"""Verify records that look computed, for tests of the code that reads them."""

from gqa_core.configs import GroupedConfig, Workload
from gqa_core.records.header import RunHeader
from gqa_core.records.kinds.verify import VerifyMeasurement, VerifyRecord
from gqa_core.records.specs.verify import VerifySpec
from tests.records.fake_records import CPU

LAYER = GroupedConfig(n_heads=8, n_kv_heads=2, head_dim=16)


def record(comparison="kernel_eager", relative_error=2.5e-7, *, index=0, run_id="run-1", **options):
    """One comparison in float32, whose tolerance is 1e-5."""
    spec = VerifySpec(
        comparison=comparison, attention=LAYER, workload=Workload(context_len=64), **options
    )
    measurement = VerifyMeasurement(
        torch_version="2.13.0",
        device=CPU,
        max_difference=3 * relative_error,
        relative_error=relative_error,
    )
    run = RunHeader(run_id=run_id, git_commit=None)
    return VerifyRecord.from_measurement(spec, measurement, run, index)
