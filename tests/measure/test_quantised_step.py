"""A decode step over a quantised cache really run: bytes of its format, the kernel that ran."""

import pytest
import torch

from gqa_core.configs import QUANTISED_FORMATS, GroupedConfig, Workload, default_mla_for
from gqa_core.measure.decode import DecodeStep
from gqa_core.measure.step_timer import DeviceTimers
from gqa_core.records.specs.decode import FORMS, DecodeSpec

GQA = GroupedConfig(n_heads=8, n_kv_heads=2, head_dim=16)
MLA = default_mla_for(8, 16)


@pytest.mark.parametrize("kv_format", QUANTISED_FORMATS)
@pytest.mark.parametrize(
    ("attention", "kernel"), [(GQA, "packed"), (GQA, "split_kv"), *((MLA, form) for form in FORMS)]
)
@torch.inference_mode()
def test_a_step_reports_the_bytes_of_its_format_and_the_kernel_that_ran(
    attention, kernel, kv_format
):
    spec = DecodeSpec(
        attention=attention,
        workload=Workload(context_len=520, batch_size=2),
        kernel=kernel,
        n_layers=2,
        kv_format=kv_format,
    )
    device = torch.device("cpu")
    step = DecodeStep(spec, device, DeviceTimers(device))
    assert step._memory.tensor_bytes == step._memory.formula_bytes == spec.formula_bytes
    assert step._attend_kernel == ("packed" if kernel == "packed" else "split_kv")
    assert set(step.time_phases()) == {"project", "append", "attend", "output"}
