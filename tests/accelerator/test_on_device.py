"""On a GPU that is there: kernels, graphs, flush, clocks, memory and a whole measurement."""

import pytest
import torch

from gqa_core.configs import KERNEL_NAMES, GroupedConfig, Workload, default_mla_for
from gqa_core.engine import KVCache, LatentCache
from gqa_core.engine.layer import PHASES, decode_step, no_phase_hook
from gqa_core.engine.reference import reference_attention
from gqa_core.measure.decode import build_layers, measure_decode
from gqa_core.measure.device import describe, find_device, free_bytes
from gqa_core.measure.flush import flush_bytes
from gqa_core.measure.graphs import GraphedStep
from gqa_core.measure.meter import MemoryMeter
from gqa_core.measure.nvml import read_clocks
from gqa_core.measure.spin import Spin
from gqa_core.measure.step_timer import DeviceTimers
from gqa_core.measure.timing import Clock
from gqa_core.records.device_clocks import validate_clocks
from gqa_core.records.header import RunHeader
from gqa_core.records.kinds import DecodeRecord
from gqa_core.records.specs.decode import DecodeSpec
from tests.tolerances import relative_error

pytestmark = [
    pytest.mark.accelerator,
    pytest.mark.skipif(
        not torch.accelerator.is_available(), reason="no accelerator on this machine"
    ),
]
on_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="CUDA and ROCm alone")

GQA = GroupedConfig(n_heads=32, n_kv_heads=8, head_dim=128)
MLA = default_mla_for(32, 128)
TOLERANCE = {torch.float32: 1e-5, torch.bfloat16: 2e-2, torch.float16: 4e-3}


@pytest.fixture
def device():
    torch.manual_seed(7)
    return find_device("auto")


def a_spec(attention, kernel, dtype="bfloat16", context_len=4096):
    workload = Workload(context_len=context_len, batch_size=2)
    return DecodeSpec(
        attention=attention, workload=workload, kernel=kernel, dtype=dtype, n_samples=5, n_layers=2
    )


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("n_kv_heads", [32, 8, 1])
@pytest.mark.parametrize("kernel", KERNEL_NAMES)
def test_a_grouped_kernel_agrees_with_float64(device, kernel, n_kv_heads, dtype):
    layer = GroupedConfig(n_heads=32, n_kv_heads=n_kv_heads, head_dim=128)
    for s in (1, 333, 4096):
        q, k, v = (
            torch.randn(2, n, t, 128) for n, t in ((32, 1), (n_kv_heads, s), (n_kv_heads, s))
        )
        q, k, v = q.to(dtype), k.to(dtype), v.to(dtype)
        try:
            cache = KVCache(
                layer, batch_size=2, capacity=s, dtype=dtype, device=device, kernel=kernel
            )
        except ValueError as error:
            pytest.skip(str(error))
        cache.append(k.to(device), v.to(device))
        o = cache.attend(q.to(device)).cpu()
        assert relative_error(o, reference_attention(q, k, v)) < TOLERANCE[dtype]


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("kernel", KERNEL_NAMES)
def test_absorbed_mla_agrees_with_float64(device, kernel, dtype):
    c, r, scale = MLA.kv_lora_rank, MLA.qk_rope_head_dim, MLA.qk_head_dim**-0.5
    for s in (1, 333, 4096):
        entries, q = torch.randn(2, s, c + r).to(dtype), torch.randn(2, 32, 1, c + r).to(dtype)
        try:
            cache = LatentCache(
                MLA, batch_size=2, capacity=s, dtype=dtype, device=device, kernel=kernel
            )
        except ValueError as error:
            pytest.skip(str(error))
        stored, query = entries.to(device), q.to(device)
        cache.append(stored[..., :c], stored[..., c:])
        o = cache.attend(query[..., :c], query[..., c:], scale=scale).cpu()
        k = entries[:, None]
        expected = reference_attention(q, k, k[..., :c], scale)
        assert relative_error(o, expected) < TOLERANCE[dtype]


def a_step(spec, device):
    """A decode step of full caches, and a call that reads its output."""
    layers = build_layers(spec, device)
    b, s = spec.workload.batch_size, spec.workload.context_len
    x = torch.randn(b, 1, spec.attention.dim, **layers[0].factory_kwargs)
    caches = [layer.new_cache(b, s) for layer in layers]
    for cache in caches:
        cache.fill_random()

    def step(on_phase_end):
        for cache in caches:
            cache.rewind(s - 1)
        return decode_step(layers, caches, x, on_phase_end)

    return step


@on_cuda
@torch.inference_mode()
@pytest.mark.parametrize(("attention", "kernel"), [(GQA, "auto"), (MLA, "absorbed")])
def test_a_replay_computes_what_an_eager_step_does(device, attention, kernel):
    step = a_step(a_spec(attention, kernel), device)
    expected = step(no_phase_hook).clone()
    graphs = GraphedStep(step, device)
    graphs.output.zero_()
    graphs.replay()
    torch.cuda.synchronize()
    assert relative_error(graphs.output.cpu(), expected.cpu()) < TOLERANCE[torch.bfloat16]
    phases = []
    graphs.replay_phases(phases.append)
    torch.cuda.synchronize()
    assert phases == [*PHASES] * 2
    assert graphs.pool_bytes > 0


@torch.inference_mode()
@pytest.mark.parametrize(("attention", "kernel"), [(GQA, "auto"), (MLA, "absorbed")])
def test_phases_add_up_to_about_the_step(device, attention, kernel):
    timer = DeviceTimers(device).for_step(
        a_step(a_spec(attention, kernel, context_len=32768), device)
    )
    if device.type == "cuda":
        assert timer.timing.method == "graph"
        assert timer.timing.note is None
        assert timer.timing.flush_bytes == flush_bytes(device)
    step = min(timer.time_whole() for _ in range(10))
    phases = [timer.time_phases() for _ in range(10)]
    total = sum(min(sample[phase] for sample in phases) for phase in PHASES)
    assert 0.7 * step < total < 2 * step


@on_cuda
def test_a_spin_lasts_as_long_as_it_is_told(device):
    clock = Clock.for_device(device)
    spin = Spin(clock)
    spin.seconds = 2e-3
    start = clock.mark()
    end = spin.queue()
    clock.synchronize()
    assert clock.seconds(start, end) == pytest.approx(2e-3, rel=0.5)


@on_cuda
def test_a_flush_makes_a_cached_read_no_faster_than_memory(device):
    n = flush_bytes(device) // 8  # a quarter of the last cache
    buffer = torch.ones(n // 4, device=device)
    timer = DeviceTimers(device).for_call(buffer.sum)
    cold = min(timer.time_whole() for _ in range(30))
    timer.flush_caches = None
    warm = min(timer.time_whole() for _ in range(30))
    assert cold > 0.95 * warm


def test_the_peak_is_what_was_allocated(device):
    meter = MemoryMeter(device)
    block = torch.ones(2**24, device=device)
    peaks = meter.read()
    assert block.nbytes <= peaks.allocator_peak_bytes < 1.1 * block.nbytes + 2**22


def test_clocks_are_ones_that_a_record_can_hold(device):
    clocks = read_clocks(device)
    if clocks is None:
        pytest.skip("no NVML")
    validate_clocks(clocks, clocks, device.type)
    assert clocks.sm_clock_mhz


def test_the_device_has_a_name_and_free_memory(device):
    assert describe(device).name
    assert free_bytes(device) > 0


@pytest.mark.parametrize(
    ("attention", "kernel"), [(GQA, "auto"), (MLA, "absorbed"), (MLA, "naive")]
)
def test_a_point_makes_a_valid_record(device, attention, kernel):
    spec = a_spec(attention, kernel)
    (measurement,) = measure_decode([spec], str(device))
    record = DecodeRecord.from_measurement(spec, measurement, RunHeader.new(), 0)
    record.validate()
    assert record.device.type == device.type
    assert record.memory.allocator_peak_bytes >= spec.formula_bytes
