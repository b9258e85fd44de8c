"""ONNX Runtime's GroupQueryAttention on the same K and V: one new token over a shared buffer.

Past and present are bound to the same memory, as in its own generation loop, so that a step writes
one token and copies nothing. Its threads stop spinning when a step ends: otherwise they would
occupy a core for 10 ms and more, during the next contender's turn.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor


def grouped_attention(
    q: Tensor, k: Tensor, v: Tensor, n_threads: int
) -> Callable[[], Tensor] | None:
    """A call that attends with q (b, h, 1, d) over float32 k, v (b, k, s, d).

    None if ONNX Runtime is not installed.
    The last of the s tokens is the new one.
    """
    try:
        import onnxruntime  # type: ignore[import-not-found]
        from onnx import TensorProto, helper  # type: ignore[import-not-found]
    except ImportError:
        return None
    (b, h, _, d), (_, n_kv_heads, s, _) = q.shape, k.shape
    names = ["query", "key", "value", "past_key", "past_value", "seqlens_k", "total"]
    outputs = ["output", "present_key", "present_value"]
    node = helper.make_node(
        "GroupQueryAttention",
        names,
        outputs,
        domain="com.microsoft",
        num_heads=h,
        kv_num_heads=n_kv_heads,
    )
    wide = [(b, 1, h * d), (b, 1, n_kv_heads * d), (b, 1, n_kv_heads * d)]
    shapes = [*wide, tuple(k.shape), tuple(v.shape), (b,), (1,)]
    kinds = [TensorProto.FLOAT] * 5 + [TensorProto.INT32] * 2
    graph = helper.make_graph(
        [node],
        "attend",
        [helper.make_tensor_value_info(*spec) for spec in zip(names, kinds, shapes, strict=True)],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
            for name, shape in zip(outputs, [wide[0], k.shape, v.shape], strict=True)
        ],
    )
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=9)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = n_threads
    options.add_session_config_entry("session.force_spinning_stop", "1")
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    new_k, new_v = (x[:, :, -1].reshape(b, 1, -1).contiguous() for x in (k, v))
    out = torch.empty(b, 1, h * d)
    inputs = [q.reshape(b, 1, -1).contiguous(), new_k, new_v, k, v]
    lengths = [np.full(b, s - 1, np.int32), np.array([s], np.int32)]
    binding = session.io_binding()
    for name, tensor in zip(names, inputs, strict=False):
        _bind(binding.bind_input, name, tensor)
    for name, array in zip(names[5:], lengths, strict=True):
        binding.bind_cpu_input(name, array)
    for name, tensor in zip(outputs, (out, k, v), strict=True):
        _bind(binding.bind_output, name, tensor)

    bound = inputs, lengths  # the binding holds addresses only: the call keeps their memory alive

    def attend(_bound: object = bound) -> Tensor:
        session.run_with_iobinding(binding)
        return out.view(b, h, 1, d)

    return attend


def _bind(bind: Callable, name: str, tensor: Tensor) -> None:
    bind(name, "cpu", 0, np.float32, tuple(tensor.shape), tensor.data_ptr())
