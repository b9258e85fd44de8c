"""Every kernel against the float64 definition, over shapes, dtypes, ranges and memory layouts."""

import pytest
import torch

from gqa_core.configs import KERNEL_NAMES
from gqa_core.engine import decode_attention
from gqa_core.engine.attend import causal_attention
from gqa_core.engine.kernels import torch_kernels
from gqa_core.engine.kernels.dispatch import TORCH_KERNELS
from gqa_core.engine.kernels.plan import SPLIT_KV, TRITON, kernel_for_tensors
from gqa_core.engine.reference import reference_attention
from tests.cpu_kernels import CPU_KERNELS
from tests.tolerances import TOLERANCE, relative_error

SHAPES = [  # b, h, k, s, d, v
    (1, 1, 1, 1, 2, 2),
    (2, 8, 8, 33, 64, 64),
    (2, 8, 2, 64, 64, 64),
    (1, 8, 1, 65, 80, 80),
    (3, 6, 3, 100, 96, 48),
    (1, 32, 8, 257, 128, 128),
    (1, 16, 1, 130, 72, 64),
]


def qkv(b, h, k, s, d, v, t=1, dtype=torch.float32):
    generator = torch.Generator().manual_seed(11)
    shapes = (b, h, t, d), (b, k, s, d), (b, k, s, v)
    return [torch.randn(*shape, generator=generator).to(dtype) for shape in shapes]


@pytest.mark.parametrize("kernel", CPU_KERNELS)
@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_kernel_is_the_definition(shape, dtype, kernel):
    q, k, v = qkv(*shape, dtype=dtype)
    o = decode_attention(q, k, v, kernel=kernel)
    assert o.dtype == dtype
    assert relative_error(o, reference_attention(q, k, v)) < TOLERANCE[dtype]


@pytest.mark.parametrize("kernel", CPU_KERNELS)
@pytest.mark.parametrize(("t", "s"), [(5, 5), (3, 9), (2, 2)])
def test_several_new_tokens_see_only_what_came_before(kernel, t, s):
    q, k, v = qkv(2, 6, 2, s, 16, 16, t=t)
    o = causal_attention(q, k, v, kernel=kernel)
    assert relative_error(o, reference_attention(q, k, v)) < 1e-5


@pytest.mark.parametrize("kernel", CPU_KERNELS)
@pytest.mark.parametrize("size", [1e-4, 30.0])
def test_large_and_tiny_scores_stay_finite_and_right(kernel, size):
    q, k, v = qkv(1, 8, 2, 50, 64, 64)
    o = decode_attention(q * size, k, v, kernel=kernel)
    assert relative_error(o, reference_attention(q * size, k, v)) < 1e-5


@pytest.mark.parametrize("kernel", CPU_KERNELS)
def test_the_scale_given_is_the_scale_used(kernel):
    q, k, v = qkv(1, 4, 1, 20, 24, 16)
    expected = reference_attention(q, k, v, scale=0.1352337788608801)
    got = decode_attention(q, k, v, scale=0.1352337788608801, kernel=kernel)
    assert relative_error(got, expected) < 1e-5


@pytest.mark.parametrize("kernel", CPU_KERNELS)
def test_non_contiguous_inputs_and_nan_beyond_them_change_nothing(kernel):
    q, k, v = qkv(2, 8, 2, 40, 32, 32)
    longer = [torch.full((2, 2, 64, 32), float("nan")) for _ in range(2)]
    for long, short in zip(longer, (k, v), strict=True):
        long[:, :, :40] = short
    strided = q.permute(0, 3, 2, 1).contiguous().permute(0, 3, 2, 1)
    views = [long[:, :, :40] for long in longer]
    assert not any(x.is_contiguous() for x in (strided, *views))
    expected = reference_attention(q, k, v)
    assert relative_error(decode_attention(strided, *views, kernel=kernel), expected) < 1e-5


@pytest.mark.parametrize("kernel", CPU_KERNELS)
def test_gradients_agree_with_the_textbook_in_float64(kernel):
    expected = None
    for name in ("eager", kernel):
        leaves = [x.double().requires_grad_() for x in qkv(1, 4, 2, 6, 8, 8, t=6)]
        causal_attention(*leaves, kernel=name).square().sum().backward()
        grads = torch.cat([leaf.grad.flatten() for leaf in leaves])
        expected = grads if expected is None else expected
    assert relative_error(grads, expected) < 1e-10


def test_repeat_for_repeat_interleave_would_be_caught(monkeypatch):
    """The classic fault, planted: heads in the wrong order must not pass for the definition."""
    q, k, v = qkv(1, 8, 2, 30, 16, 16)
    expected = reference_attention(q, k, v)
    assert relative_error(decode_attention(q, k, v, kernel="eager"), expected) < 1e-5
    wrong = lambda x, q_per_kv: x.repeat(1, q_per_kv, 1, 1)  # noqa: E731
    monkeypatch.setattr(torch_kernels, "repeat_kv", wrong)
    assert relative_error(decode_attention(q, k, v, kernel="eager"), expected) > 0.1


def test_every_name_has_a_kernel_and_auto_is_one_of_them():
    assert set(KERNEL_NAMES) == {"auto", SPLIT_KV, TRITON, *TORCH_KERNELS}
    for dtype in TOLERANCE:
        q, k, v = qkv(*SHAPES[1], dtype=dtype)
        assert kernel_for_tensors("auto", q, k, v) in TORCH_KERNELS
    assert kernel_for_tensors("eager", q, k, v) == "eager"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda q, k, v: (q[:, :3], k, v), "n_kv_heads must divide n_heads: got 2 and 3"),
        (lambda q, k, v: (q[0], k, v), "must have 4 dimensions"),
        (lambda q, k, v: (q.repeat(1, 1, 2, 1), k, v), "q must hold one token"),
        (lambda q, k, v: (q, k[:, :, :0], v[:, :, :0]), "at least those of q"),
        (lambda q, k, v: (q, k, v[:, :, :4]), "the same tokens"),
        (lambda q, k, v: (q, k[..., :8], v), "q and k must have the same width"),
        (lambda q, k, v: (q, k, v[:, :1]), "k and v in heads"),
        (lambda q, k, v: (q.bfloat16(), k, v), "must share a float dtype"),
        (lambda q, k, v: (q.long(), k.long(), v.long()), "must share a float dtype"),
        (lambda q, k, v: (q, k.to("meta"), v), "must be on one device"),
    ],
)
def test_what_does_not_fit_is_refused_in_a_sentence(change, sentence):
    with pytest.raises(ValueError, match=sentence):
        decode_attention(*change(*qkv(1, 4, 2, 10, 16, 16)))


def test_an_unknown_kernel_is_refused_with_the_names_that_exist():
    with pytest.raises(ValueError, match=r"kernel must be one of auto, eager, .*: got 'paged'"):
        decode_attention(*qkv(*SHAPES[1]), kernel="paged")
