"""bfloat16 in Triton's interpreter."""

import numpy as np
import pytest


@pytest.fixture(autouse=True)
def bfloat16_products(monkeypatch):
    """The interpreter multiplies bfloat16 as the integers that it stores; as floats here."""
    import triton.language as tl  # where the cases run, and nowhere else
    from triton.runtime.interpreter import InterpreterBuilder, TensorHandle

    create_dot = InterpreterBuilder.create_dot

    def as_float(x):
        if x.dtype.scalar != tl.bfloat16:
            return x
        bits = x.data.astype(np.uint32) << 16
        return TensorHandle(bits.view(np.float32), tl.float32)

    def dot(self, a, b, d, *rest):
        return create_dot(self, as_float(a), as_float(b), d, *rest)

    monkeypatch.setattr(InterpreterBuilder, "create_dot", dot)
