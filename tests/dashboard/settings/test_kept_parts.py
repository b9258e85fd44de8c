"""Models that keep more than K and V: every row, figure and table adds all of it."""

from dataclasses import replace

import pytest

from dashboard.data.parts import merged_parts, part_bytes, part_shares
from dashboard.figures.part_shares import part_shares_figure
from dashboard.report.cache_sentences import cache_answer, formula_filled_in
from dashboard.report.cache_tables import growth_table, size_table
from dashboard.report.layout_sentences import layout_sentences
from dashboard.report.part_tables import parts_table
from dashboard.settings.layouts import slider_settings
from dashboard.settings.model import ModelSettings
from gqa_core.configs import (
    CrossAttention,
    GroupedConfig,
    IndexerKeys,
    LatentConfig,
    LayerGroup,
    ModelConfig,
    RecurrentState,
    Workload,
)
from gqa_core.theory.parts import total_bytes

HEADS = {"n_heads": 32, "n_kv_heads": 8, "head_dim": 128}
GQA = GroupedConfig(n_heads=16, n_kv_heads=4, head_dim=64)
MLA = LatentConfig(
    n_heads=128, kv_lora_rank=512, qk_rope_head_dim=64, qk_nope_head_dim=128, v_head_dim=128
)
STATE = RecurrentState(kind="state-space", n_layers=6, conv_elements=50, recurrent_elements=1000)
SPARSE = ModelConfig(
    layer_groups=(LayerGroup(attention=MLA, n_layers=61),),
    indexers=(IndexerKeys(n_layers=61, head_dim=128),),
)
HYBRID = ModelConfig(
    layer_groups=(
        LayerGroup(attention=GQA, n_layers=2, window=512),
        LayerGroup(attention=GQA, n_layers=1, caches_per_layer=2),
    ),
    n_cacheless_layers=6,
    states=(STATE,),
)
STATES_ALONE = ModelConfig(layer_groups=(), n_cacheless_layers=6, states=(STATE,))
ENCODER_DECODER = ModelConfig(
    layer_groups=(LayerGroup(attention=GQA, n_layers=4),),
    cross_attention=(CrossAttention(attention=GQA, n_layers=4, source_len=1500),),
)
MODELS = pytest.mark.parametrize("model", [SPARSE, HYBRID, STATES_ALONE, ENCODER_DECODER])


def sliders_for(model, context_len=1000, batch_size=3, **moved):
    return ModelSettings(
        **HEADS | slider_settings(model) | moved,
        context_len=context_len,
        batch_size=batch_size,
        kv_format="bf16",
        base_model=model,
    )


@MODELS
def test_the_own_row_is_everything_the_model_keeps(model):
    settings = sliders_for(model)
    total = total_bytes(model, Workload(context_len=1000, batch_size=3), "bf16")
    assert settings.cache_bytes(settings.own_variant, 1000) == total
    assert f"{total:,} B" in formula_filled_in(settings, settings.own_variant)
    row = list(settings.models).index(settings.own_variant)
    assert size_table(settings).frame()["Cache (GB)"][row] == pytest.approx(total / 1e9)
    assert growth_table(settings, [1000]).frame()[f"{settings.own_variant} (GB)"][0] == (
        pytest.approx(total / 1e9)
    )
    named = "no K/V heads" if settings.keeps_states_alone else settings.own_variant
    assert named in cache_answer(settings)
    assert layout_sentences(settings)


def test_a_state_is_in_every_row_and_the_line_starts_above_zero():
    settings = sliders_for(HYBRID, batch_size=1)
    state = 6 * (50 * 2 + 1000 * 4)
    per_token = 2 * 4 * 64 * 2
    assert settings.cache_bytes("GQA", 1) == state + (2 + 2) * per_token
    assert settings.cache_bytes("GQA", 1000) == state + (2 * 512 + 2 * 1000) * per_token
    assert settings.cache_bytes("MHA", 1) == state + 4 * 4 * per_token
    assert settings.allocated_bytes("GQA", 1000) == state + 4 * 1000 * per_token


def test_indexer_keys_are_in_the_model_s_own_row_alone():
    settings = sliders_for(SPARSE, batch_size=1)
    assert settings.cache_bytes("MLA", 1) == 61 * (576 + 128) * 2
    assert settings.cache_bytes("MQA", 1) == 61 * 2 * 128 * 2
    assert "61 layers keep 15.25 KiB of indexer keys per token" in " ".join(
        layout_sentences(settings)
    )


def test_states_alone_are_the_same_in_every_row():
    settings = sliders_for(STATES_ALONE)
    sizes = {settings.cache_bytes(name, 1000) for name in settings.models}
    assert sizes == {3 * 6 * (50 * 2 + 1000 * 4)}
    assert settings.variants["GQA"] == GroupedConfig(**HEADS)
    assert settings.reduction_vs_mha("MQA") == 1
    assert "no layer has heads to share" in " ".join(layout_sentences(settings))
    assert sliders_for(STATES_ALONE, n_layers=12).cache_bytes("MHA", 5) == 2 * sizes.pop()


def test_other_layers_keep_their_indexers_and_states_in_proportion():
    assert sliders_for(SPARSE, n_layers=30).models["MLA"].indexers[0].n_layers == 30
    # 6 of 9 layers have a state: of 10 layers at least 6.67
    assert sliders_for(HYBRID, n_layers=10).models["GQA"].states[0].n_layers == 7


def test_a_source_is_shared_like_the_cache():
    settings = sliders_for(ENCODER_DECODER, batch_size=1)
    assert settings.cache_bytes("GQA", 1) == 4 * (1 + 1500) * 2 * 4 * 64 * 2
    assert settings.cache_bytes("MQA", 1) == settings.cache_bytes("GQA", 1) // 4


@MODELS
def test_the_parts_drawn_add_up_to_the_whole(model):
    settings = sliders_for(model)
    parts, workload = settings.parts(settings.own_variant), settings.workload(1000)
    total = settings.cache_bytes(settings.own_variant, 1000)
    table = parts_table(part_bytes(parts, workload), 1000, 3)
    assert table.rows[-1].n_bytes == sum(row.n_bytes for row in table.rows[:-1]) == total
    shares = part_shares(parts, workload)
    assert shares.totals[shares.contexts.index(1000)] == total
    drawn = part_shares_figure(shares)
    assert [trace.name for trace in drawn.data] == [
        f"{part.kind}, {part.n_layers} layer{'s' * (part.n_layers > 1)}" for part in parts
    ]
    for index in range(len(shares.contexts)):
        assert sum(trace.x[index] for trace in drawn.data) == pytest.approx(1)


def test_layers_that_differ_in_heads_alone_are_one_part():
    other = replace(GQA, n_kv_heads=2)
    groups = tuple(LayerGroup(attention=layer, n_layers=2) for layer in (GQA, other))
    settings = sliders_for(ModelConfig(layer_groups=groups))
    (part,) = merged_parts(settings.parts("GQA"))
    assert (part.n_layers, part.bytes_per_token) == (4, 2 * (4 + 2) * 2 * 64 * 2)
