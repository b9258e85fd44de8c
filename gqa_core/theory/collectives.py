"""Bytes on the wire of a decode step: what each GPU sends for the attention of one layer.

b sequences per rank, dim width of the model, h query heads, q and v widths of a query and of an
output per head (MLA absorbed: latent + RoPE key, and latent), 2 bytes per activation unless given.

* tp: an all-reduce of the attention's output, b dim elements. A ring sends 2 (tp - 1) / tp of it.
* dcp: the ranks of a group gather their queries, (dcp - 1) b (h / tp) q elements each; then the
  log-sum-exp of their partial results in fp32, (dcp - 1) b (h dcp / tp) of them; and reduce-scatter
  the outputs, (dcp - 1) / dcp of b (h dcp / tp) v elements.
* pp: each stage sends b dim elements to the next, once per step.

Not counted: the feed-forward's all-reduce, and the dispatch of tokens to experts, which
data-parallel attention needs besides.
Source: vllm-project/vllm, vllm/v1/attention/ops/common.py (cp_lse_ag_out_rs); Patarasuk and Yuan,
"Bandwidth optimal all-reduce algorithms" (doi 10.1016/j.jpdc.2008.09.002), for the ring.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from gqa_core.configs import AttentionConfig, ModelConfig
from gqa_core.theory.cost import attended_dims
from gqa_core.theory.parallelism import Parallelism

__all__ = ["ACTIVATION_BYTES", "WireBytes", "step_wire_bytes", "wire_bytes"]

ACTIVATION_BYTES, LSE_BYTES = 2, 4  # bf16, fp32


@dataclass(frozen=True, slots=True, kw_only=True)
class WireBytes:
    """Bytes that one GPU sends per step: for one layer of tp and dcp, and to the next stage."""

    all_reduce: int
    query_gather: int
    lse_gather: int
    output_scatter: int
    to_next_stage: int

    @property
    def per_layer(self) -> int:
        """Bytes per layer and step; the transfer to the next stage is apart."""
        return self.all_reduce + self.query_gather + self.lse_gather + self.output_scatter


def wire_bytes(
    attention: AttentionConfig,
    parallelism: Parallelism,
    batch_size: int,
    activation_bytes: int = ACTIVATION_BYTES,
) -> WireBytes:
    """Bytes that one GPU sends for a layer of this attention, for the sequences of its rank."""
    tp, dcp = parallelism.tp, parallelism.dcp
    b = parallelism.sequences_per_rank(batch_size)
    hidden = b * attention.dim * activation_bytes
    q_width, v_width = attended_dims(attention)
    group_heads = Fraction(attention.n_heads * dcp, tp)
    query = b * Fraction(attention.n_heads, tp) * q_width * activation_bytes
    output = b * group_heads * v_width * activation_bytes
    return WireBytes(
        all_reduce=ceil(Fraction(2 * (tp - 1), tp) * hidden),
        query_gather=ceil((dcp - 1) * query),
        lse_gather=ceil((dcp - 1) * b * group_heads * LSE_BYTES),
        output_scatter=ceil(Fraction(dcp - 1, dcp) * output),
        to_next_stage=hidden if parallelism.pp > 1 else 0,
    )


def step_wire_bytes(model: ModelConfig, parallelism: Parallelism, batch_size: int) -> int:
    """Bytes that one GPU of the stage with most layers sends in a step, for attention."""
    layers = [
        (wire_bytes(group.attention, parallelism, batch_size), -(-group.n_layers // parallelism.pp))
        for group in model
    ]
    to_next = max((wire.to_next_stage for wire, _ in layers), default=0)
    return sum(wire.per_layer * n_layers for wire, n_layers in layers) + to_next
