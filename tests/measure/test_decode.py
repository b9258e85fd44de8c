"""A decode step really run: it reports what the formula says and what the spec requests."""

from dataclasses import replace

import pytest
import torch
from msgspec import structs

from gqa_core.configs import GroupedConfig, Workload, default_mla_for
from gqa_core.engine import KVCache
from gqa_core.engine.kernels.dispatch import TORCH_KERNELS, record_kernel
from gqa_core.engine.kernels.plan import SPLIT_KV_MIN_CAPACITY
from gqa_core.engine.layer import PHASES, AttentionLayer
from gqa_core.engine.reference import reference_attention
from gqa_core.engine.split_kv import attention as split_kv
from gqa_core.measure import decode, probe, roofline_probes, sampling
from gqa_core.measure.decode import (
    N_WARMUP,
    DecodeStep,
    build_layers,
    measure_decode,
)
from gqa_core.measure.device import describe, device_info, find_device
from gqa_core.measure.probe import fastest, matmul_probe, product_flops, product_width
from gqa_core.measure.roofline_probes import N_PIECES
from gqa_core.measure.sampling import ATTENDS_PER_ROUND
from gqa_core.measure.step_timer import DeviceTimers
from gqa_core.measure.timing import Clock
from gqa_core.records.header import RunHeader
from gqa_core.records.kinds import DecodeRecord
from gqa_core.records.specs.decode import FORMS, DecodeSpec
from gqa_core.theory.formats import DTYPE_FORMATS
from tests.cpu_kernels import CPU_KERNELS
from tests.measure.test_timing import FakeClock
from tests.tolerances import TOLERANCE, relative_error

GQA = GroupedConfig(n_heads=8, n_kv_heads=2, head_dim=16)
MLA = default_mla_for(8, 16)
DEVICES = [
    "cpu",
    pytest.param(
        "auto",
        marks=[
            pytest.mark.accelerator,
            pytest.mark.skipif(
                not torch.accelerator.is_available(), reason="no accelerator on this machine"
            ),
        ],
    ),
]


def a_point(attention, kernel, **options):
    workload = Workload(context_len=options.pop("context_len", 48), batch_size=2)
    return DecodeSpec(attention=attention, workload=workload, kernel=kernel, n_samples=4, **options)


def measure_one(point, device_name="cpu"):
    (answer,) = measure_decode([point], device_name)
    return answer


@pytest.fixture
def small_probes(monkeypatch):
    """1 MiB to read and 16 by 16 to multiply, where the speed of this machine does not matter."""
    monkeypatch.setattr(probe, "PROBE_BYTES", 2**20)
    monkeypatch.setattr(roofline_probes, "PIECE_BYTES", 2**20 // N_PIECES)
    monkeypatch.setattr(sampling, "MIN_S", 0)
    monkeypatch.setattr(sampling, "BUDGET_S", 0)
    monkeypatch.setattr(probe, "FIRST_WIDTH", 16)
    monkeypatch.setattr(probe, "PRODUCT_S", 0)


@pytest.mark.usefixtures("small_probes")
@pytest.mark.parametrize("dtype", DTYPE_FORMATS)
@pytest.mark.parametrize(
    ("attention", "kernel"),
    [(GQA, "auto"), (GQA, "eager"), (GQA, "split_kv"), *((MLA, form) for form in FORMS)],
)
def test_a_point_reports_what_ran_and_tensors_equal_to_the_formula(attention, kernel, dtype):
    point = a_point(attention, kernel, dtype=dtype, n_layers=2)
    answer = measure_one(point)
    assert answer.memory.tensor_bytes == point.formula_bytes
    assert answer.memory.formula_bytes == point.formula_bytes
    assert answer.memory.allocator_peak_bytes is None
    samples = structs.asdict(answer.samples_s)
    assert set(samples) == {*PHASES, "step"}
    expected = dict.fromkeys((*PHASES, "step"), 4) | {"attend": 4 * ATTENDS_PER_ROUND}
    assert {name: len(values) for name, values in samples.items()} == expected
    assert all(value > 0 for values in samples.values() for value in values)
    assert answer.kernel_ran == {"auto": "matmul" if dtype == "bfloat16" else "packed"}.get(
        kernel, kernel
    )
    assert answer.attend_kernel in CPU_KERNELS[1:]
    assert (answer.sdpa_backend is None) == (answer.attend_kernel != "packed")
    padding = 0
    if kernel == "split_kv":  # K in pages of 64 tokens, of which 16 are empty; 2 sequences
        element = 4 if dtype == "float32" else 2
        padding = 16 * 2 * 2 * point.cached.n_kv_heads * point.cached.head_dim * element
    assert answer.memory.padding_bytes == padding
    by_bytes = point.formula_bytes / answer.probes.read_bandwidth_bytes_per_s
    by_flops = point.flops / answer.probes.arithmetic_flops_per_s
    assert answer.bound_s == pytest.approx(max(by_bytes, by_flops))
    assert 0 < answer.probes.attend_overhead_s < 1
    assert answer.device == describe(torch.device("cpu"))
    run = RunHeader(run_id="run-1", git_commit=None)
    DecodeRecord.from_measurement(point, answer, run, 0).validate()


@pytest.mark.usefixtures("small_probes")
@pytest.mark.parametrize("context_len", [48, SPLIT_KV_MIN_CAPACITY])
@pytest.mark.parametrize("dtype", DTYPE_FORMATS)
@pytest.mark.parametrize(
    ("attention", "kernel"),
    [*((GQA, name) for name in CPU_KERNELS), *((MLA, form) for form in FORMS)],
)
def test_the_kernel_told_is_the_kernel_that_attended(
    attention, kernel, dtype, context_len, monkeypatch
):
    called = set()

    def noting(name, attend):
        def note(*arguments, **options):
            called.add(name)
            return attend(*arguments, **options)

        return note

    for name, run in TORCH_KERNELS.items():
        monkeypatch.setitem(TORCH_KERNELS, name, noting(name, run))
    for bound in (split_kv.GroupedSplitKV, split_kv.LatentSplitKV):
        monkeypatch.setattr(bound, "attend", noting("split_kv", bound.attend))
    point = a_point(attention, kernel, dtype=dtype, context_len=context_len)
    answer = measure_one(replace(point, n_samples=1))
    assert called == {answer.attend_kernel}
    assert answer.kernel_ran == (kernel if attention is MLA else answer.attend_kernel)
    if kernel != "auto" and attention is not MLA:
        assert answer.attend_kernel == kernel


@pytest.mark.parametrize("kernel", ["packed", "auto"])
def test_the_peak_of_a_process_is_the_cache_and_little_else(kernel):
    point = a_point(GroupedConfig(n_heads=8, n_kv_heads=8, head_dim=64), kernel, context_len=8192)
    memory = measure_one(point).memory
    above_baseline = memory.process_peak_bytes - memory.baseline_bytes
    # 67 MB of cache, after a baseline that holds both probes and 4 MB of weights
    assert 0.9 * point.formula_bytes < above_baseline < 1.2 * point.formula_bytes


class TimedLayer(AttentionLayer):
    """A layer whose phases take a told time, and which notes the tokens it attends over."""

    def __init__(self, fake):
        super().__init__(GQA, dtype=torch.float32, device="cpu")
        self.fake = fake
        self.attended = []

    def new_cache(self, batch_size, capacity, *args, **options):
        return TimedCache(
            self.fake, GQA, batch_size=batch_size, capacity=capacity, **self.factory_kwargs
        )

    @property
    def cached_config(self):
        return GQA

    def project(self, x, start):
        self.fake.work(1.0)
        b, k, d = x.shape[0], GQA.n_kv_heads, GQA.head_dim
        return torch.zeros(b, GQA.n_heads, 1, d), (torch.zeros(b, k, 1, d),) * 2

    def keys_values(self, entry):
        return entry

    def attend(self, q, cache):
        self.fake.work(4.0)
        self.attended.append(cache.length)
        record_kernel("packed")
        return q

    def output(self, o):
        self.fake.work(8.0)
        return super().output(o)


class TimedCache(KVCache):
    """A cache whose appends take two seconds."""

    def __init__(self, fake, *config, **options):
        super().__init__(*config, **options)
        self.fake = fake

    def append(self, k, v):
        self.fake.work(2.0)
        super().append(k, v)


def test_each_phase_is_timed_for_what_it_does_and_every_step_attends_over_the_whole_context(
    monkeypatch,
):
    fake = FakeClock()
    layers = [TimedLayer(fake), TimedLayer(fake)]
    monkeypatch.setattr(decode, "build_layers", lambda spec, device: layers)
    timers = DeviceTimers(torch.device("cpu"))
    timers.clock = fake.clock
    with torch.inference_mode():
        step = DecodeStep(a_point(GQA, "auto", n_layers=2), torch.device("cpu"), timers)
        phases, step_s, overhead = step.time_phases(), step.time_whole(), step.time_overhead()
    # sums over the two layers
    assert phases == {"project": 2.0, "append": 4.0, "attend": 8.0, "output": 16.0}
    assert step_s == 30.0
    assert overhead == 8.0  # the attend phase alone, over one token
    assert layers[0].attended == [1] + [48] * N_WARMUP + [48, 48, 1]


def test_the_steps_of_a_context_are_measured_together_and_one_that_fails_leaves_the_others(
    small_probes, monkeypatch
):
    points = [a_point(GQA, "auto"), a_point(GQA, "packed"), a_point(MLA, "absorbed")]
    build = decode.build_layers

    def failing(spec, device):
        if spec is points[1]:
            raise RuntimeError("no memory for this\nand a page of advice")
        return build(spec, device)

    monkeypatch.setattr(decode, "build_layers", failing)
    first, failed, last = measure_decode(points, "cpu")
    assert failed == "no memory for this"
    assert (first.kernel_ran, last.kernel_ran) == ("packed", "absorbed")
    assert last.memory.formula_bytes == points[2].formula_bytes
    # one run of probes for both: what is compared met the same moments
    assert first.bandwidth_samples_bytes_per_s == last.bandwidth_samples_bytes_per_s
    assert first.probes.read_bandwidth_bytes_per_s == last.probes.read_bandwidth_bytes_per_s


@pytest.mark.usefixtures("small_probes")
def test_the_peak_of_each_step_is_its_own_though_they_share_a_process():
    large = GroupedConfig(n_heads=8, n_kv_heads=8, head_dim=64)
    points = [a_point(large, "packed", context_len=8192) for _ in range(3)]
    for point, answer in zip(points, measure_decode(points, "cpu"), strict=True):
        peak = answer.memory.process_peak_bytes - answer.memory.baseline_bytes
        assert 0.9 * point.formula_bytes < peak < 1.2 * point.formula_bytes


def test_the_fastest_call_is_the_one_whose_best_time_is_the_least():
    now = [0.0]

    def taking(*seconds):
        turns = iter(seconds)
        return lambda: now.append(now.pop() + next(turns))

    clock = Clock(lambda: now[0], lambda start, end: end - start, lambda: None)
    steady, once_fast = taking(5, 5, 5, 5, 5), taking(9, 9, 4, 9, 9)
    assert fastest((steady, once_fast), clock) is once_fast


@pytest.mark.parametrize("dtype", DTYPE_FORMATS)
def test_the_product_multiplies_whole_matrices_in_the_dtype_asked_for(dtype):
    c = matmul_probe(64, torch.device("cpu"), getattr(torch, dtype))()
    assert c.dtype == getattr(torch, dtype)
    # Each of 64 x 64 sums of 64 products of ones is a multiply and an add for each.
    assert (c == 64).all()
    assert product_flops(64) == 2 * c.double().sum().item()


@pytest.mark.parametrize(
    ("flops_per_s", "width"),
    [
        (1e9, 256),  # 34 ms: as slow as fp16 is on some CPUs, and not made slower
        (100e9, 512),  # 0.34 ms, then 2.7 ms
        (1e12, 1024),  # 0.27 ms at 512, then 2.1 ms
        (1e15, 4096),  # 0.14 ms: never long enough
    ],
)
def test_the_product_is_as_wide_as_keeps_the_device_busy_and_no_wider(flops_per_s, width):
    fake = FakeClock()

    def new_product(wide):
        return lambda: fake.work(product_flops(wide) / flops_per_s)

    assert product_width(new_product, fake.clock) == width


def test_the_same_point_has_the_same_weights_every_time():
    point = a_point(GQA, "auto")
    first, second = (build_layers(point, torch.device("cpu"))[0].state_dict() for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_device_by_another_name_is_refused():
    with pytest.raises(
        ValueError, match="device must be auto, cpu, cuda, cuda:N or mps: got 'tpu'"
    ):
        find_device("tpu")
    assert find_device("cpu") == torch.device("cpu")
    assert device_info("cpu").free_bytes > 0


@pytest.mark.parametrize("device_name", DEVICES)
@pytest.mark.parametrize(("attention", "kernel"), [(GQA, "auto"), *((MLA, form) for form in FORMS)])
def test_a_device_measures_a_point_and_agrees_with_float64(attention, kernel, device_name):
    point = a_point(attention, kernel, dtype="float32", context_len=1024)
    answer, device = measure_one(point, device_name), find_device(device_name)
    assert answer.device.type == device.type
    assert answer.memory.tensor_bytes == point.formula_bytes
    if device.type != "cpu":
        assert answer.memory.allocator_peak_bytes >= point.formula_bytes
    layer = build_layers(point, device)[0]
    cache = layer.new_cache(2, 64)
    with torch.no_grad():
        q, entry = layer.project(torch.randn(2, 64, point.attention.dim, device=device), 0)
        cache.append(*entry)
        o = layer.attend(q, cache).cpu()
    q = torch.cat(q, dim=-1) if kernel == "absorbed" else q
    scale = MLA.qk_head_dim**-0.5 if attention is MLA else None
    expected = reference_attention(q.cpu(), cache.keys.cpu(), cache.values.cpu(), scale)
    assert relative_error(o, expected) < TOLERANCE[torch.float32]
