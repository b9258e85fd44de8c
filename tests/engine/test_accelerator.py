"""The rules for accelerators that are not there, and the backend that torch says it ran."""

import itertools

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from gqa_core.configs import GroupedConfig, LatentConfig
from gqa_core.engine import decode_attention
from gqa_core.engine.attend import causal_attention
from gqa_core.engine.kernels import accelerator as rules
from gqa_core.engine.kernels import torch_kernels
from gqa_core.engine.kernels.accelerator import Accelerator, choose_accelerator_kernel
from gqa_core.engine.kernels.dispatch import record_kernels
from gqa_core.engine.kernels.plan import KernelPlan, plan_kernels
from gqa_core.engine.reference import reference_attention
from tests.tolerances import TOLERANCE, relative_error

CAPABILITIES = (None, (7, 5), (8, 0), (8, 9), (9, 0), (10, 0), (12, 0))
DTYPES = (torch.float64, torch.float32, torch.float16, torch.bfloat16)
WIDTHS = [(64, 64), (128, 128), (256, 256), (264, 264), (80, 80), (100, 100), (192, 128)]
WIDTHS += [(128, 192), (576, 512), (1024, 1024)]  # d, v
GQA = GroupedConfig(n_heads=8, n_kv_heads=2, head_dim=128)
MLA = LatentConfig(
    n_heads=16, kv_lora_rank=512, qk_rope_head_dim=64, qk_nope_head_dim=128, v_head_dim=128
)


def expected_kernel(capability, has_triton, dtype, d, v):
    """The rule in the issue's words, written a second time."""
    if capability is None or capability[0] < 8 or dtype == torch.float64:
        return "packed"
    is_16_bit = dtype in (torch.float16, torch.bfloat16)
    if is_16_bit and d == v and d <= 256 and d % 8 == 0:
        return "flash"
    return "triton" if has_triton and max(d, v) <= 576 else "packed"


@pytest.mark.parametrize("capability", CAPABILITIES, ids=str)
@pytest.mark.parametrize("has_triton", [False, True])
def test_auto_follows_the_rule_for_every_dtype_and_width(capability, has_triton):
    device = Accelerator(capability, has_triton)
    for dtype, (d, v) in itertools.product(DTYPES, WIDTHS):
        chosen = choose_accelerator_kernel(device, dtype, d=d, v=v)
        assert chosen == expected_kernel(capability, has_triton, dtype, d, v), (dtype, d, v)


@pytest.mark.parametrize(
    ("kv_format", "capability", "has_triton", "decode"),
    [
        ("int8_per_token_head", (8, 0), True, "triton"),
        ("int8_per_token_head", (8, 0), False, "packed"),
        ("int8_per_token_head", (7, 5), True, "packed"),
        ("fp8_per_token_head", (8, 6), True, "packed"),
        ("fp8_per_token_head", (8, 9), True, "triton"),
    ],
)
def test_codes_are_read_by_triton_alone_and_float8_from_8_9_on(
    kv_format, capability, has_triton, decode
):
    kwargs = {"device": "cuda", "capacity": 8192, "kv_format": kv_format}
    kwargs["accelerator"] = Accelerator(capability, has_triton)
    for config, dtype in ((GQA, torch.bfloat16), (GQA, torch.float32), (MLA, torch.bfloat16)):
        assert plan_kernels(config, dtype=dtype, **kwargs).decode == decode
    if decode == "packed":
        with pytest.raises(ValueError, match="triton must"):
            plan_kernels(GQA, dtype=torch.bfloat16, kernel="triton", **kwargs)


@pytest.mark.parametrize(
    ("config", "dtype", "capability", "has_triton", "decode"),
    [
        (GQA, torch.bfloat16, (8, 0), True, "flash"),
        (GQA, torch.float16, (10, 0), False, "flash"),
        (GQA, torch.float16, (7, 5), True, "packed"),
        (GQA, torch.float32, (9, 0), True, "triton"),
        (GQA, torch.float32, (9, 0), False, "packed"),
        (GQA, torch.float64, (9, 0), True, "packed"),
        (MLA, torch.bfloat16, (9, 0), True, "triton"),
        (MLA, torch.bfloat16, (9, 0), False, "packed"),
        (MLA.expanded, torch.bfloat16, (9, 0), True, "triton"),
    ],
)
def test_a_plan_for_cuda_prefills_by_packed_and_keeps_keys_by_token(
    config, dtype, capability, has_triton, decode
):
    device = Accelerator(capability, has_triton)
    kwargs = {"dtype": dtype, "device": "cuda", "capacity": 8192, "accelerator": device}
    assert plan_kernels(config, **kwargs) == KernelPlan("auto", decode, "packed", "tokens")
    if decode != "packed":
        named = plan_kernels(config, kernel=decode, **kwargs)
        assert named == KernelPlan(decode, decode, "packed", "tokens")


@pytest.mark.parametrize(
    ("kernel", "config", "dtype", "device", "sentence"),
    [
        (*("flash", GQA, torch.float16), Accelerator((7, 5), True), "got cuda, capability 7.5"),
        (*("flash", GQA, torch.float32), Accelerator((9, 0), True), "float32, widths 128 and 128"),
        (*("flash", MLA, torch.float16), Accelerator((9, 0), True), "widths 576 and 512"),
        (*("triton", GQA, torch.float64), Accelerator((9, 0), True), "got cuda, .*float64"),
        (*("triton", GQA, torch.float32), Accelerator(None, True), "got cuda, no capability"),
        (*("triton", GQA, torch.float32), Accelerator((9, 0), False), "triton must be installed"),
    ],
)
def test_a_named_kernel_that_cannot_serve_is_refused_and_never_replaced(
    kernel, config, dtype, device, sentence
):
    with pytest.raises(ValueError, match=sentence):
        plan_kernels(
            *(config,), dtype=dtype, device="cuda", capacity=64, kernel=kernel, accelerator=device
        )


def test_a_device_that_is_not_cuda_s_has_no_capability(monkeypatch):
    assert rules.describe_accelerator(torch.device("cpu")).capability is None
    assert rules.describe_accelerator(torch.device("mps")).capability is None
    monkeypatch.setattr(torch.version, "hip", "7.2")  # ROCm's devices are torch's cuda
    rules.describe_accelerator.cache_clear()
    assert rules.describe_accelerator(torch.device("cuda")).capability is None
    rules.describe_accelerator.cache_clear()


def test_without_triton_its_absence_is_described(monkeypatch):
    monkeypatch.setattr(rules, "find_spec", lambda name: None)
    rules.describe_accelerator.cache_clear()
    k = torch.randn(1, 2, 5, 16)
    with pytest.raises(ValueError, match="triton must be installed"):
        decode_attention(k[:, :, :1], k, k, kernel="triton")
    rules.describe_accelerator.cache_clear()


def qkv(d, v, dtype):
    generator = torch.Generator().manual_seed(5)
    shapes = (2, 8, 1, d), (2, 2, 40, d), (2, 2, 40, v)
    return [torch.randn(*shape, generator=generator).to(dtype) for shape in shapes]


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
def test_flash_is_the_definition_on_the_device_that_is_here(dtype):
    q, k, v = qkv(64, 64, dtype)
    with record_kernels() as ran:
        o = torch_kernels.flash(q, k, v, scale=0.125, mask=None)
    assert ran.sdpa_backends == {"flash": "flash_attention"}
    assert relative_error(o, reference_attention(q, k, v, 0.125)) < TOLERANCE[dtype]


@pytest.mark.filterwarnings("ignore:Flash attention")
def test_pinned_to_flash_torch_raises_and_does_not_fall_to_the_math_path():
    q, k, v = qkv(64, 48, torch.float32)
    with pytest.raises(RuntimeError, match="No available kernel"):
        torch_kernels.flash(q, k, v, scale=0.125, mask=None)


def test_the_backend_is_the_one_that_torch_chooses_asked_once_per_kernel(monkeypatch):
    choices = []
    choose = torch._fused_sdp_choice
    monkeypatch.setattr(
        torch, "_fused_sdp_choice", lambda *a, **k: choices.append(k) or choose(*a, **k)
    )
    with record_kernels() as ran:
        for _ in range(3):
            decode_attention(*qkv(64, 64, torch.float32), kernel="packed")
        assert ran.last_sdpa_backend == "flash_attention"
        decode_attention(*qkv(64, 48, torch.float32), kernel="sdpa")
        assert ran.last_sdpa_backend == "math"
        decode_attention(*qkv(64, 48, torch.float32), kernel="matmul")
        assert ran.last_sdpa_backend is None
    assert [call["enable_gqa"] for call in choices] == [False, True]
    decode_attention(*qkv(64, 64, torch.float32), kernel="packed")
    assert len(choices) == 2  # nobody records


def test_a_backend_that_is_switched_off_is_not_recorded():
    with sdpa_kernel(SDPBackend.MATH), record_kernels() as ran:
        causal_attention(*qkv(64, 64, torch.float32), kernel="packed")
    assert ran.sdpa_backends == {"packed": "math"}
