"""Checks of the tensors that callers pass: rank, shape, dtype and device.

b batch, t new or query tokens, s cached tokens, h query heads, k K/V heads, d head_dim,
v v_head_dim.

torch broadcasts and converts silently: one head written over all heads, or float64 that becomes
infinite in float16, would only show as wrong results. A decode step appends in microseconds, so the
checks compare a few tuples, and messages are composed only once something does not fit.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["AppendSpec", "validate_kv", "validate_qkv"]


def validate_qkv(q: Tensor, k: Tensor, v: Tensor) -> None:
    """Raise ValueError unless q (b, h, t, d) can attend to k (b, k, s, d) and v (b, k, s, v)."""
    _validate_tensors(q=q, k=k, v=v)
    shapes = f"got q {tuple(q.shape)}, k {tuple(k.shape)}, v {tuple(v.shape)}"
    if not q.ndim == k.ndim == v.ndim == 4:
        raise ValueError(f"q, k and v must have 4 dimensions: {shapes}")
    if not 0 < q.shape[2] <= k.shape[2] == v.shape[2]:
        raise ValueError(f"k and v must hold the same tokens, at least those of q: {shapes}")
    if not q.shape[0] == k.shape[0] == v.shape[0] or k.shape[1] != v.shape[1]:
        raise ValueError(f"q, k and v must agree in batch, k and v in heads: {shapes}")
    if not q.shape[3] == k.shape[3] > 0 or not v.shape[3]:
        raise ValueError(f"q and k must have the same width, and v a width: {shapes}")
    if not k.shape[1] or not q.shape[1] or q.shape[1] % k.shape[1]:
        raise ValueError(f"n_kv_heads must divide n_heads: got {k.shape[1]} and {q.shape[1]}")
    if not (q.dtype == k.dtype == v.dtype and q.dtype.is_floating_point):
        raise ValueError(
            f"q, k and v must share a float dtype: got {q.dtype}, {k.dtype}, {v.dtype}"
        )
    if not q.device == k.device == v.device:
        raise ValueError(
            f"q, k and v must be on one device: got {q.device}, {k.device}, {v.device}"
        )


def validate_kv(k: Tensor, v: Tensor) -> None:
    """Raise ValueError unless k (b, k, s, d) and v (b, k, s, v) can be cached together."""
    _validate_tensors(k=k, v=v)
    if not k.ndim == v.ndim == 4 or k.shape[:3] != v.shape[:3]:
        shapes = f"got {tuple(k.shape)} and {tuple(v.shape)}"
        raise ValueError(f"k must be (b, k, s, d) and v (b, k, s, v): {shapes}")
    if k.dtype != v.dtype or not k.dtype.is_floating_point:
        raise ValueError(f"k and v must share a float dtype: got {k.dtype} and {v.dtype}")
    if k.device != v.device:
        raise ValueError(f"k and v must be on one device: got {k.device} and {v.device}")


def _validate_tensors(**tensors: object) -> None:
    """Raise ValueError unless all of these are tensors."""
    for name, x in tensors.items():
        if not isinstance(x, Tensor):
            raise ValueError(f"{name} must be a tensor: got {type(x).__name__}")


@dataclass(frozen=True, slots=True)
class AppendSpec:
    """The two tensors that a cache appends: `leading` sizes, t tokens, then a width each.

    `names` and `letters` describe them in messages, as "k" and "(b, k, t, d)".
    """

    names: tuple[str, str]
    letters: tuple[str, str]
    leading: tuple[int, ...]
    widths: tuple[int, int]
    dtype: torch.dtype
    device: torch.device

    def n_tokens(self, first: Tensor, second: Tensor) -> int:
        """The number of tokens t in both tensors.

        Raises:
            ValueError: a tensor has another rank, shape, dtype or device.
        """
        if not (isinstance(first, Tensor) and isinstance(second, Tensor)):
            _validate_tensors(**dict(zip(self.names, (first, second), strict=True)))
        axis = len(self.leading)
        shape = first.shape
        t = shape[axis] if len(shape) == axis + 2 else 0
        if (
            shape == (*self.leading, t, self.widths[0])
            and second.shape == (*self.leading, t, self.widths[1])
            and first.dtype == second.dtype == self.dtype
            and first.device == second.device == self.device
        ):
            return t
        raise ValueError(self._mismatch((first, second), t if len(shape) == axis + 2 else None))

    def _mismatch(self, tensors: tuple[Tensor, Tensor], t: int | None) -> str:
        """The sentence that names the first tensor that does not fit, the rule and what came."""
        for name, letters, width, x in zip(
            self.names, self.letters, self.widths, tensors, strict=True
        ):
            expected = (*self.leading, t, width)
            if t is None or x.shape != expected:
                sizes = ", ".join("t" if size is None else str(size) for size in expected)
                return f"{name} must be {letters} = ({sizes}): got {tuple(x.shape)}"
            if x.dtype != self.dtype or x.device != self.device:
                rule = f"{_dtype_name(self.dtype)} on {self.device}, as the cache is"
                return f"{name} must be {rule}: got {_dtype_name(x.dtype)} on {x.device}"
        raise AssertionError("one tensor does not fit")


def _dtype_name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
