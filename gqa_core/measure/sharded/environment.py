"""The place of this process among the ranks of a run, as torchrun tells it. Free of torch."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["RankEnvironment"]

VARIABLES = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "GROUP_RANK")


@dataclass(frozen=True, slots=True, kw_only=True)
class RankEnvironment:
    """A rank of `world_size`, and its place among those of its machine, the `node`."""

    rank: int
    world_size: int
    local_rank: int
    local_world_size: int
    node: int

    @classmethod
    def from_variables(cls, tp: int, variables: Mapping[str, str] = os.environ) -> RankEnvironment:
        """The environment of a run of `tp` ranks.

        Raises:
            ValueError: torchrun did not start this process, or started another number of ranks.
        """
        if any(name not in variables for name in VARIABLES):
            raise ValueError(
                f"tp must be the number of ranks that torchrun starts: got {tp} and no torchrun; "
                f"run torchrun --standalone --nproc-per-node {tp} -m gqa_core bench ..."
            )
        rank, world_size, local_rank, local_world_size, node = (
            int(variables[name]) for name in VARIABLES
        )
        if world_size != tp:
            raise ValueError(
                f"tp must be the number of ranks that torchrun starts: got {tp} and {world_size}"
            )
        return cls(
            rank=rank,
            world_size=world_size,
            local_rank=local_rank,
            local_world_size=local_world_size,
            node=node,
        )
