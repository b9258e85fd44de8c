"""Models of public logs: those of the catalogue, and others by the sizes of their configs."""

from dataclasses import replace

from gqa_core.catalog.models import models
from gqa_core.configs import GroupedConfig, IndexerKeys, LayerGroup, ModelConfig, RecurrentState


def grouped(n_layers, n_heads, n_kv_heads, head_dim=128):
    layer = GroupedConfig(n_heads=n_heads, n_kv_heads=n_kv_heads, head_dim=head_dim)
    return ModelConfig.uniform(layer, n_layers)


def gated_delta_net(n_full, n_linear, n_heads, n_kv_heads, n_value_heads):
    """A model of the Qwen3-Next family: heads of 256; 16 key heads and value heads of 128."""
    channels = 2 * 16 * 128 + n_value_heads * 128
    state = RecurrentState(
        kind="linear attention",
        n_layers=n_linear,
        conv_elements=3 * channels,
        recurrent_elements=n_value_heads * 128 * 128,
    )
    layer = GroupedConfig(n_heads=n_heads, n_kv_heads=n_kv_heads, head_dim=256)
    return ModelConfig(
        layer_groups=(LayerGroup(attention=layer, n_layers=n_full),),
        n_cacheless_layers=n_linear,
        states=(state,),
    )


PUBLISHED = {entry.name: entry.config for entry in models()}
MODELS = PUBLISHED | {
    "DeepSeek-V3.2 with indexer": replace(
        PUBLISHED["DeepSeek-V3.2"], indexers=(IndexerKeys(n_layers=61, head_dim=128),)
    ),
    "GLM-5 with indexer": replace(
        PUBLISHED["GLM-5"], indexers=(IndexerKeys(n_layers=78, head_dim=128),)
    ),
    "Qwen2-1.5B": grouped(28, 12, 2),
    "Qwen3-30B-A3B": grouped(48, 32, 4),
    "Qwen3-VL-2B": grouped(28, 16, 8),
    "Qwen3.5-9B": gated_delta_net(8, 24, n_heads=16, n_kv_heads=4, n_value_heads=32),
    "Qwen3.6-27B": gated_delta_net(16, 48, n_heads=24, n_kv_heads=4, n_value_heads=48),
    "Qwen3.6-35B-A3B": gated_delta_net(10, 30, n_heads=16, n_kv_heads=2, n_value_heads=32),
}
