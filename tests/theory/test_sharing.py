"""Cached parts: every query head reads one, and their elements and read shares add up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gqa_core.configs import GroupedConfig, default_mla_for
from gqa_core.theory.memory import kv_elements_per_token
from gqa_core.theory.sharing import cached_parts
from tests.anchors import DEEPSEEK_V3


@given(st.integers(1, 128), st.integers(1, 8), st.integers(1, 256))
def test_parts_add_up_and_every_query_head_reads_one_k_v_head(n_kv_heads, q_per_kv, head_dim):
    layer = GroupedConfig(n_heads=n_kv_heads * q_per_kv, n_kv_heads=n_kv_heads, head_dim=head_dim)
    parts = cached_parts(layer)
    assert [head for part in parts for head in part.query_heads] == list(range(layer.n_heads))
    assert sum(part.elements_per_token for part in parts) == kv_elements_per_token(layer)
    assert sum(part.read_share for part in parts) == pytest.approx(1)


def test_of_32_query_heads_four_read_each_of_8_k_v_heads():
    parts = cached_parts(GroupedConfig(n_heads=32, n_kv_heads=8, head_dim=128))
    assert (parts[3].name, list(parts[3].query_heads)) == ("K/V head 3", [12, 13, 14, 15])
    assert parts[3].bytes_per_token == 512  # K and V of 128 elements, 2 B each
    assert parts[3].read_share == 1 / 8


def test_every_head_reads_deepseek_s_latent_and_rope_key():
    latent, rope = cached_parts(DEEPSEEK_V3)
    assert (latent.elements_per_token, rope.elements_per_token) == (512, 64)
    assert len(latent.query_heads) == len(rope.query_heads) == 128
    assert rope.read_share == pytest.approx(1 / 9)  # 64 of 576: dropping it would save 11%
    assert sum(p.elements_per_token for p in cached_parts(default_mla_for(32, 64))) == 288
