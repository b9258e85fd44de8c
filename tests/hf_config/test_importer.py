"""One config of each kind that once came out wrong, with its right figures in bf16, batch 1."""

import pytest

from tests.hf_config.configs import LATENT, LLAMA, layers, parse, report
from tests.hf_config.importer_configs import (
    FALCON_H1,
    GEMMA_4,
    GLM,
    LONGCAT,
    MIMO,
    NAS,
    NEMOTRON,
    OPEN_ELM,
    PIECES,
    SPARSE,
    WINDOWS,
    ZAMBA_2,
    nas_block,
)

CONTEXT = 100_000
LLAMA_TOKEN = 4096  # bytes per token and layer: 2 x 8 heads x 128 x 2 B


@pytest.mark.parametrize(
    ("config", "bytes_per_token", "cache_bytes"),
    [
        # two MLA caches per layer, in the file's spelling and as newer libraries save it
        (LONGCAT, 64_512, 64_512 * CONTEXT),
        (LONGCAT | {"num_hidden_layers": 56}, 64_512, 64_512 * CONTEXT),
        # layers 0, 4, 8 and so on are full, the other 48 have windows
        (WINDOWS, 262_144, 65_536 * CONTEXT + 48 * 4096 * 8192),
        # a family that is not known is counted in full
        (WINDOWS | {"model_type": "somefuture"}, 262_144, 262_144 * CONTEXT),
        (WINDOWS | {"model_type": None}, 262_144, 262_144 * CONTEXT),
        (WINDOWS | {"model_type": "spark2_5"}, 262_144, 262_144 * CONTEXT),
        # a pattern in pieces: 1 + 21 x 4 + 3 layers, of which 25 are full
        (PIECES, 88 * LLAMA_TOKEN, LLAMA_TOKEN * (25 * CONTEXT + 63 * 4096)),
        (
            PIECES | {"num_hybrid_layers_block": None},
            88 * LLAMA_TOKEN,
            LLAMA_TOKEN * (25 * CONTEXT + 63 * 4096),
        ),
        (PIECES | {"use_sliding_window": False}, 88 * LLAMA_TOKEN, 88 * LLAMA_TOKEN * CONTEXT),
        # layers that run several times, in families whose code is known
        (LLAMA | {"model_type": "ouro", "total_ut_steps": 4}, 524_288, 524_288 * CONTEXT),
        (
            LLAMA | {"model_type": "iquestloopcoder", "loop_num": 2, "loop_window_size": 64},
            262_144,
            131_072 * (CONTEXT + 64),
        ),
        # the number of layers from the list of their kinds alone: 13 of 52 attend
        (NEMOTRON, 13 * LLAMA_TOKEN, 13 * LLAMA_TOKEN * CONTEXT),
        # numbers of single layers: 10 windows of 4 x 256, 2 full of 2 x 512
        (GEMMA_4, 12 * 4096, 4096 * (10 * 512 + 2 * CONTEXT)),
        # query heads per layer: K and V do not depend on them
        (LLAMA | {"num_attention_heads_per_layer": [32, 48] * 16}, 131_072, 131_072 * CONTEXT),
        # attention and a state in every layer
        (FALCON_H1, 45_056, 45_056 * CONTEXT),
        # a latent without a RoPE key
        (LATENT | {"qk_rope_head_dim": 0}, 32 * 1024, 32 * 1024 * CONTEXT),
        # a list of kinds beside the rule that it follows
        (
            LLAMA
            | {"layer_types": (["linear_attention"] * 5 + ["full_attention"]) * 5}
            | {"num_hidden_layers": 30, "layer_group_size": 6},
            5 * LLAMA_TOKEN,
            5 * LLAMA_TOKEN * CONTEXT,
        ),
        (
            LLAMA | {"dual_chunk_attention_config": {"chunk_size": 262_144, "local_size": 8192}},
            131_072,
            131_072 * CONTEXT,
        ),
        # 128 tokens before a token: 129 are kept; 3 full layers, 9 windows of 8 heads
        (MIMO, 3 * 2560 + 9 * 5120, 3 * 2560 * CONTEXT + 9 * 5120 * 129),
        # heads per layer: 3 + 3 + 4 + 5 of 64
        (OPEN_ELM, 15 * 256, 15 * 256 * CONTEXT),
        # 8 and 4 K/V heads of 128, and a block without attention
        (NAS, 12 * 512, 12 * 512 * CONTEXT),
        # twice the model's width over 32 heads, of which kv_channels says half
        (ZAMBA_2, 9 * 2 * 32 * 160 * 2, 9 * 2 * 32 * 160 * 2 * CONTEXT),
        (ZAMBA_2 | {"attention_head_dim": None}, 184_320, 184_320 * CONTEXT),
    ],
)
def test_cache_of_each_kind(config, bytes_per_token, cache_bytes):
    sizes = report(config, context_len=CONTEXT)
    assert (sizes.kv_bytes_per_token, sizes.kv_cache_bytes) == (bytes_per_token, cache_bytes)


def test_an_unplaced_window_names_the_lower_end():
    # 64 layers of 4,096 B per token, 8,192 tokens at most
    (sentence,) = parse(WINDOWS, model_type="somefuture").assumptions
    assert "counted in full" in sentence
    assert f"{64 * 4096 * 8192} bytes in bf16, the lower end" in sentence
    assert not any("lower end" in each for each in parse(WINDOWS).assumptions)


@pytest.mark.parametrize(
    ("config", "changes", "sentence"),
    [
        (LLAMA, {"loop_num": 2}, "loop_num' is not understood: layers run several times"),
        (LLAMA, {"num_recurrent_steps": 4}, "layers run several times"),
        (LLAMA, {"mean_recurrence": 32}, "layers run several times"),
        (LLAMA, {"loop_config": {"num_passes": 3}}, "layers run several times"),
        (LLAMA, {"num_kv_shared_layers": 12}, "understood for gemma3n, gemma4"),
        (LLAMA, {"use_cla": True}, "layers read each other's K and V"),
        (LLAMA, {"model_type": "rwkv"}, "rwkv keeps states of constant size and no K/V cache"),
        (PIECES, {"num_hidden_layers": 87}, "must fill 83 of 87 layers"),
        (PIECES, {"moe_types_block": ["x"], "ssm_types_block": ["mamba"]}, "must not stand beside"),
        (GEMMA_4, {"per_layer_config": {"12": {"head_dim": 8}}}, "layer numbers from 0 to 11"),
        (GEMMA_4, {"per_layer_config": {"05": {"kv_mode": 1}}}, "05.kv_mode is not understood"),
        (OPEN_ELM, {"num_kv_heads": [3, 3, 4]}, "must have one entry for each of 4 layers"),
        (NAS, {"block_configs": [nas_block(5)] * 3}, "must divide 64 heads: got 5"),
        (NAS, {"block_configs": [nas_block(8, window_length=9)] * 3}, "window_length is not"),
        (
            LLAMA,
            {"layer_types": ["heavily_compressed_attention"] * 32},
            "the number of compressed entries per token is not modelled",
        ),
        (LLAMA, {"compress_ratios": [0, 0, 4, 128]}, "compress_ratios"),
        (LLAMA, {"layer_types": ["full_attention"] * 32, "layer_group_size": 6}, "must agree"),
    ],
)
def test_kinds_that_are_not_known_are_refused_by_name(config, changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        parse(config, **changes)


@pytest.mark.parametrize(
    ("config", "indexer_bytes", "fp8_bytes"),
    [
        (SPARSE, 61 * 256, 61 * 132),
        # the list of owners, and the schedule of the same: 21 of 78 layers
        (GLM | {"indexer_types": (["full"] + ["shared"] * 3) * 19 + ["full"] * 2}, 21 * 256, 2772),
        (GLM | {"index_topk_freq": 4}, 21 * 256, 21 * 132),
        (GLM, 78 * 256, 78 * 132),
        (SPARSE | {"index_topk_freq": 4}, 61 * 256, 61 * 132),  # not that family's schedule
        (SPARSE | {"index_head_dim": 0}, 0, 0),
    ],
)
def test_indexer_keys(config, indexer_bytes, fp8_bytes):
    assert report(config).indexer_bytes_per_token == indexer_bytes
    assert report(config, kv_format="fp8").indexer_bytes_per_token == fp8_bytes
    assert not any("indexer" in sentence for sentence in parse(config).not_counted)


def test_indexer_keys_of_some_layers_alone():
    sparse = {"sparse_num_index_heads": 4, "sparse_index_dim": 128}
    frequencies = {"sparse_attention_freq": [0] * 3 + [1] * 29}
    model = parse(LLAMA, sparse_attention_config=sparse | frequencies).model
    assert [(keys.n_layers, keys.head_dim) for keys in model.indexers] == [(29, 128)]


def test_a_file_may_ask_for_an_8_bit_cache():
    scheme = {"quantization_config": {"kv_cache_scheme": {"num_bits": 8, "type": "float"}}}
    config = parse(LLAMA | scheme)
    assert config.kv_format_hint == "fp8"
    assert "asks for an fp8 cache: followed unless" in config.assumptions[-1]
    integers = {"quantization_config": {"kv_cache_scheme": {"num_bits": 8, "type": "int"}}}
    assert parse(LLAMA | integers).kv_format_hint is None
    assert "8-bit int, which is not followed" in parse(LLAMA | integers).assumptions[-1]
    assert parse(LLAMA).kv_format_hint is None


def test_heads_of_windows_alone_in_newer_and_older_spelling():
    base = LLAMA | {"model_type": "step3p5", "num_hidden_layers": 4, "sliding_window": 512}
    base |= {"layer_types": ["full_attention"] + ["sliding_attention"] * 3, "head_dim": 128}
    newer = parse(base, num_sliding_attention_heads=64)
    settings = {"attention_type": "sliding_attention", "num_attention_heads": 64}
    older = parse(base, attention_other_setting=settings | {"num_key_value_heads": 8})
    assert newer.model == older.model
    # padded by the layer that predicts a further token
    padded = base | {"layer_types": [*base["layer_types"], "full_attention"]}
    assert layers(padded, num_nextn_predict_layers=1) == [(1, "full", None), (3, "window", 512)]
