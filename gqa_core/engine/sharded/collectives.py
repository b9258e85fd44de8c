"""The collectives of a sharded decode step, over plain tensors, and the bytes handed to them.

b batch, h query heads of one rank, v width of an output per head, n ranks of a dcp group.

Each is one call of torch.distributed. What a rank sends is counted from the tensor that the call
is given, by the ring that `theory.collectives` assumes. A group of one rank calls nothing.
"""

from __future__ import annotations

from collections import Counter

import torch
import torch.distributed as dist
from torch import Tensor

__all__ = ["RankGroups"]


class RankGroups:
    """One rank's process groups: all `tp` ranks of the run, and the `dcp` neighbours.

    `wire_bytes` counts the bytes sent so far, by collective. All ranks have to create it together,
    after `init_process_group`.
    """

    def __init__(self, rank: int, tp: int, dcp: int) -> None:
        self.rank, self.tp, self.dcp = rank, tp, dcp
        self.dcp_rank = rank % dcp
        self.wire_bytes: Counter[str] = Counter()
        self._dcp_group: dist.ProcessGroup | None = None
        if 1 < dcp < tp:  # a group has to be created on all ranks, also those outside it
            groups = [
                dist.new_group(list(range(first, first + dcp))) for first in range(0, tp, dcp)
            ]
            self._dcp_group = groups[rank // dcp]

    def gather_heads(self, q: Tensor) -> Tensor:
        """The queries of the whole dcp group, (b, n h, 1, d), of this rank's q (b, h, 1, d)."""
        if self.dcp == 1:
            return q
        parts = self._all_gather("query_gather", q.contiguous())
        return parts.transpose(0, 1).flatten(1, 2)

    def merge_outputs(self, o: Tensor, lse: Tensor) -> Tensor:
        """This rank's heads (b, h, 1, v), attended over the tokens of the whole dcp group.

        o (b, n h, 1, v) is attended over this rank's own tokens, and lse (b, n h), float32, the
        natural log-sum-exp of its scores: -inf where it has none, which weighs nothing.
        """
        if self.dcp == 1:
            return o
        all_lse = self._all_gather("lse_gather", lse.contiguous())
        weight = torch.exp(lse - torch.logsumexp(all_lse, dim=0))[..., None, None]
        parts = (o * weight).to(o.dtype).unflatten(1, (self.dcp, -1)).transpose(0, 1).contiguous()
        n_bytes = parts.nbytes
        self.wire_bytes["output_scatter"] += -(-(self.dcp - 1) * n_bytes // self.dcp)
        own = torch.empty_like(parts[0])
        dist.reduce_scatter_single(own, parts.flatten(0, 1), group=self._dcp_group)
        return own

    def add_up(self, y: Tensor) -> Tensor:
        """The sum of y (b, 1, dim) over all ranks, in place."""
        if self.tp > 1:
            self.wire_bytes["all_reduce"] += -(-2 * (self.tp - 1) * y.nbytes // self.tp)
            dist.all_reduce(y)
        return y

    def _all_gather(self, name: str, x: Tensor) -> Tensor:
        """x (b, ...) of each rank of the dcp group, (n, b, ...)."""
        self.wire_bytes[name] += (self.dcp - 1) * x.nbytes
        parts = x.new_empty(self.dcp * x.shape[0], *x.shape[1:])  # gloo takes no stacked form
        dist.all_gather_single(parts, x, group=self._dcp_group)
        return parts.unflatten(0, (self.dcp, -1))
