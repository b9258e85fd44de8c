"""Ranks of one machine share its cores, and those of a visitor's run the threads of the limit."""

import os

import pytest
import torch

from gqa_core.measure.sharded.environment import RankEnvironment
from gqa_core.measure.sharded.process import set_rank_threads
from gqa_core.server_watch import CHILD_BYTES


@pytest.fixture
def rank_threads(monkeypatch):
    """The threads of each of so many ranks on a machine of 16 cores."""
    monkeypatch.setattr(os, "cpu_count", lambda: 16)
    n_threads = torch.get_num_threads()

    def set_and_read(n_ranks):
        set_rank_threads(
            RankEnvironment(
                rank=0, world_size=n_ranks, local_rank=0, local_world_size=n_ranks, node=0
            )
        )
        return torch.get_num_threads()

    yield set_and_read
    torch.set_num_threads(n_threads)


def test_ranks_of_a_visitor_share_the_threads_of_the_limit(rank_threads, set_limits, monkeypatch):
    set_limits(threads=6)
    assert rank_threads(4) == 4  # a user of the command line is not bound
    monkeypatch.setenv(CHILD_BYTES, "1000000000")
    assert [rank_threads(n_ranks) for n_ranks in (1, 2, 4, 6)] == [6, 3, 1, 1]
    set_limits(threads=0)
    assert rank_threads(4) == 4
