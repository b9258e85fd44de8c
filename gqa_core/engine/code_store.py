"""Storage of quantised vectors: codes in slots, and a scale per slot.

b batch, k K/V heads, t new tokens, s cached tokens.
"""

from __future__ import annotations

import torch
from torch import Tensor

from gqa_core.configs import QuantisedFormat
from gqa_core.engine.key_layouts import KeysInPages
from gqa_core.engine.quantise import CODE_FORMATS, dequantise, quantise
from gqa_core.engine.storage import huge_page_empty

__all__ = ["CodeStore"]

RANDOM_ELEMENTS = 2**20  # drawn at once in float32: no second cache, and it fits the processor's


class CodeStore:
    """Vectors of one tensor (b, k, capacity, width): their codes, and scales (b, k, n_scales).

    `codes` lie token by token, (b, k, capacity, stored), the first `width` columns used; or as the
    split-KV kernel reads K, in transposed pages. There are at least as many scales as slots.
    """

    def __init__(
        self,
        shape: tuple[int, int, int, int],
        *,
        kv_format: QuantisedFormat,
        device: torch.device | str,
        in_pages: bool = False,
        stored: int | None = None,
        n_scales: int | None = None,
    ) -> None:
        b, k, capacity, width = self.shape = shape
        self.kv_format, dtype = kv_format, CODE_FORMATS[kv_format].dtype
        self._pages = KeysInPages(shape, dtype=dtype, device=device) if in_pages else None
        rows = b, k, capacity, width if stored is None else stored
        self.codes = (
            huge_page_empty(rows, dtype=dtype, device=device)
            if self._pages is None
            else self._pages.storage
        )
        n_scales = capacity if n_scales is None else n_scales
        self.scales = huge_page_empty((b, k, n_scales), dtype=torch.float32, device=device)

    @property
    def tensors(self) -> tuple[Tensor, Tensor]:
        """The storage of the codes and of the scales."""
        return self.codes, self.scales

    @property
    def slot_bytes(self) -> int:
        """Bytes of the codes and the scales of all slots, without padding."""
        b, k, capacity, width = self.shape
        return b * k * capacity * (width * self.codes.itemsize + self.scales.itemsize)

    def write(self, start: int, codes: Tensor, scales: Tensor) -> None:
        """Write codes (b, k, t, width) and scales (b, k, t) into the slots from `start` on."""
        end = start + scales.shape[2]
        if self._pages is None:
            self.codes[:, :, start:end, : self.shape[3]] = codes
        else:
            self._pages.write(start, codes)
        self.scales[:, :, start:end] = scales

    def slots(self, length: int) -> tuple[Tensor, Tensor]:
        """Codes (b, k, s, width) and scales (b, k, s) of the first slots, token by token: views."""
        assert self._pages is None, "pages are read by the split-KV kernel alone"
        return self.codes[:, :, :length, : self.shape[3]], self.scales[:, :, :length]

    def read(self, length: int, dtype: torch.dtype) -> Tensor:
        """The vectors of the first `length` slots, (b, k, s, width), dequantised: a copy."""
        rows = self.codes[:, :, :length] if self._pages is None else self._pages.read(length)
        return dequantise(rows[..., : self.shape[3]], self.scales[:, :, :length], dtype)

    def fill_random(self, generator: torch.Generator | None) -> None:
        """Write quantised standard normal values into every slot."""
        b, k, capacity, width = self.shape
        n_tokens = max(RANDOM_ELEMENTS // (b * k * width), 1)
        for start in range(0, capacity, n_tokens):
            shape = b, k, min(n_tokens, capacity - start), width
            x = torch.randn(
                shape, generator=generator, dtype=torch.float32, device=self.codes.device
            )
            self.write(start, *quantise(x, self.kv_format))
