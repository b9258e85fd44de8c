"""Models from GGUF metadata, each with the arithmetic of its bytes per token in bf16."""

from io import BytesIO

import pytest

from gqa_core.configs import GroupedConfig, IndexerKeys, LatentConfig, Workload
from gqa_core.hf_config.report import config_size_report
from gqa_core.model_files.gguf_model import parse_metadata
from gqa_core.model_files.read import read_model, read_model_file
from gqa_core.theory.memory import kv_bytes_per_token, kv_cache_bytes
from gqa_core.theory.parts import state_bytes
from tests.model_files.gguf_writer import LLAMA, gguf_bytes


def described(architecture, **names):
    """The metadata of an architecture; __ in a name stands for a dot."""
    keys = {f"{architecture}.{name.replace('__', '.')}": value for name, value in names.items()}
    return {"general.architecture": architecture} | keys


def heads(n_heads, n_kv_heads, width=None, value_width=None):
    keys = {"attention__head_count": n_heads, "attention__head_count_kv": n_kv_heads}
    if width:
        keys |= {"attention__key_length": width}
        keys |= {"attention__value_length": value_width or width}
    return keys


def parse(values):
    data = gguf_bytes(values)
    return read_model_file(BytesIO(data), len(data))


LATENT = heads(128, 1, 576, 512) | {
    "attention__kv_lora_rank": 512,
    "attention__key_length_mla": 192,
    "attention__value_length_mla": 128,
}
QWEN_35 = described(
    "qwen35",
    block_count=64,
    embedding_length=5120,
    **heads(24, 4, 256),
    full_attention_interval=4,
    ssm__conv_kernel=4,
    ssm__inner_size=6144,
    ssm__state_size=128,
    ssm__group_count=16,
    ssm__time_step_rank=48,
)
NEMOTRON_H_KINDS = "M-M-M-M*-M-M-M-M-M*-M-M-M-M-M*-M-M-M-M-M*-M-M-M-M-M-"
MODELS = {  # name: (metadata, bytes per token, layers as (count, kind, window))
    "llama": (LLAMA, 131_072, [(32, "full", None)]),  # 2 x 8 x 128 x 32 layers
    "gemma 3 27b": (
        described(
            "gemma3",
            block_count=62,
            embedding_length=5376,
            **heads(32, 16, 128),
            attention__sliding_window=1024,
        ),
        507_904,  # 2 x 16 x 128 x 62 layers
        [(52, "window", 1024), (10, "full", None)],
    ),
    "gemma 2 9b, whose window has a default": (
        described("gemma2", block_count=42, embedding_length=3584, **heads(16, 8, 256)),
        344_064,
        [(21, "window", 4096), (21, "full", None)],
    ),
    "gpt-oss 20b": (
        described(
            "gpt-oss",
            block_count=24,
            embedding_length=2880,
            **heads(64, 8, 64),
            attention__sliding_window=128,
        ),
        49_152,
        [(12, "window", 128), (12, "full", None)],
    ),
    "gemma 4 31b, with heads per layer": (
        described(
            "gemma4",
            block_count=60,
            embedding_length=5376,
            **heads(32, [4 if i % 6 == 5 else 16 for i in range(60)], 512),
            attention__key_length_swa=256,
            attention__value_length_swa=256,
            attention__sliding_window=1024,
            attention__sliding_window_pattern=[i % 6 != 5 for i in range(60)],
        ),
        901_120,  # 2 x (16 x 256 x 50 + 4 x 512 x 10)
        [(50, "window", 1024), (10, "full", None)],
    ),
    "a period among the keys": (
        LLAMA
        | {"llama.attention.sliding_window": 100, "llama.attention.sliding_window_pattern": 4},
        131_072,
        [(24, "window", 100), (8, "full", None)],
    ),
    "smallthinker, whose first layer is full": (
        described(
            "smallthinker",
            block_count=5,
            embedding_length=512,
            **heads(4, 2, 128),
            attention__sliding_window=4096,
        ),
        5_120,  # 2 x 2 x 128 x 5 layers
        [(2, "full", None), (3, "window", 4096)],
    ),
    "phi 3, whose windows llama.cpp does not apply": (
        described(
            "phi3",
            block_count=32,
            embedding_length=3072,
            **heads(32, 32),
            attention__sliding_window=2047,
        ),
        393_216,
        [(32, "full", None)],
    ),
    "a family whose window rule is not known": (
        LLAMA | {"llama.attention.sliding_window": 4096},
        131_072,
        [(32, "full", None)],
    ),
    "deepseek v3": (
        described(
            "deepseek2",
            block_count=61,
            embedding_length=7168,
            **LATENT,
        ),
        70_272,  # 576 x 61 layers
        [(61, "full", None)],
    ),
    "deepseek v2 lite from before the latent cache": (
        described(
            "deepseek2",
            block_count=27,
            embedding_length=2048,
            **heads(16, 16, 192, 128),
            attention__kv_lora_rank=512,
        ),
        276_480,  # 27 x 16 x (192 + 128)
        [(27, "full", None)],
    ),
    "qwen 3.6 27b": (QWEN_35, 65_536, [(48, "linear attention", None), (16, "full", None)]),
    "nemotron-h 8b": (
        described(
            "nemotron_h",
            block_count=52,
            embedding_length=4096,
            **heads(32, [8 if letter == "*" else 0 for letter in NEMOTRON_H_KINDS], 128),
            feed_forward_length=[21504 if letter == "-" else 0 for letter in NEMOTRON_H_KINDS],
            ssm__conv_kernel=4,
            ssm__inner_size=8192,
            ssm__state_size=128,
            ssm__group_count=8,
        ),
        16_384,  # 2 x 8 x 128 x 4 layers
        [(24, "state-space", None), (24, "feed-forward", None), (4, "full", None)],
    ),
    "lfm2 1.2b": (
        described(
            "lfm2",
            block_count=16,
            embedding_length=2048,
            **heads(32, [0, 0, 8, 0, 0, 8, 0, 0, 8, 0, 8, 0, 8, 0, 8, 0]),
            shortconv__l_cache=3,
        ),
        12_288,  # 2 x 8 x 64 x 6 layers
        [(10, "convolution", None), (6, "full", None)],
    ),
    "falcon-h1 7b, with both in every layer": (
        described(
            "falcon-h1",
            block_count=44,
            embedding_length=3072,
            **heads(12, 2, 128),
            ssm__conv_kernel=4,
            ssm__inner_size=3072,
            ssm__state_size=256,
            ssm__group_count=1,
        ),
        45_056,  # 2 x 2 x 128 x 44 layers
        [(44, "full", None)],
    ),
    "qwen3-next, whose K/V heads are listed, as Ollama converts it": (
        described(
            "qwen3next",
            block_count=8,
            embedding_length=2048,
            **heads(16, [0, 0, 0, 2] * 2, 256),
            ssm__conv_kernel=4,
            ssm__inner_size=4096,
            ssm__state_size=128,
            ssm__group_count=16,
            ssm__v_head_reordered=True,
        ),
        4_096,  # 2 x 2 x 256 x 2 layers
        [(6, "linear attention", None), (2, "full", None)],
    ),
    "llama 4 scout, whose chunk has a default": (
        described("llama4", block_count=48, embedding_length=5120, **heads(40, 8, 128)),
        196_608,  # 2 x 8 x 128 x 48 layers
        [(36, "chunk", 8192), (12, "full", None)],
    ),
    "llama 4, as Ollama converts it": (
        described(
            "llama4",
            block_count=4,
            embedding_length=5120,
            **heads(40, 8, 128),
            attention__chunk_size=4096,
        ),
        16_384,  # 2 x 8 x 128 x 4 layers
        [(3, "chunk", 4096), (1, "full", None)],
    ),
    "gemma 3n e2b, whose last layers share": (
        described(
            "gemma3n",
            block_count=30,
            embedding_length=2048,
            **heads(8, 2, 256),
            attention__sliding_window=512,
        ),
        40_960,  # 2 x 2 x 256 x 20 layers
        [(16, "window", 512), (4, "full", None), (10, "shared", None)],
    ),
    "openelm, whose heads differ from layer to layer": (
        described(
            "openelm", block_count=3, embedding_length=256, **heads([8, 8, 12], [2, 2, 3], 64)
        ),
        1_792,  # 2 x (2 + 2 + 3) x 64
        [(2, "full", None), (1, "full", None)],
    ),
    "kimi linear": (
        described(
            "kimi-linear",
            block_count=27,
            embedding_length=2304,
            **LATENT | heads(32, [1 if i % 4 == 3 or i == 26 else 0 for i in range(27)], 576, 512),
            kda__head_dim=128,
            ssm__conv_kernel=4,
        ),
        8_064,  # 576 x 7 layers
        [(20, "linear attention", None), (7, "full", None)],
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_a_model_from_its_gguf_header(name):
    values, expected, layers = MODELS[name]
    config = parse(values)
    assert kv_bytes_per_token(config.model, "bf16") == expected
    report = config_size_report(config, Workload(context_len=10), "bf16")
    assert [(kind.count, kind.kind, kind.window) for kind in report.layers] == layers


def test_states_are_those_of_llama_cpp_s_log():
    # Qwen3.6-27B: 598.50 MiB for 4 sequences, 48 layers of (3 x 10,240 + 6,144 x 128) x 4 B
    assert 4 * state_bytes(parse(QWEN_35).model) == 598.5 * 2**20


def test_glm_5_has_a_next_token_layer_that_is_not_counted_and_indexer_keys():
    values = described(
        "glm-dsa",
        block_count=79,
        nextn_predict_layers=1,
        embedding_length=6144,
        **LATENT | heads(64, 1, 576, 512),
        attention__indexer__key_length=128,
        attention__indexer__head_count=32,
    )
    config = parse(values)
    assert kv_bytes_per_token(config.model, "bf16") == 89_856  # 576 x 78 layers
    assert config.model.indexers == (IndexerKeys(n_layers=78, head_dim=128),)
    assert "1 layers that predict further tokens" in config.not_counted[0]
    listed = values | {"glm-dsa.attention.indexer.types": [1] * 21 + [0] * 57}
    assert parse(listed).model.indexers == (IndexerKeys(n_layers=21, head_dim=128),)


def test_a_latent_and_its_rotary_key_come_from_the_key_s_length():
    (group,) = parse(MODELS["deepseek v3"][0]).model
    assert group.attention == LatentConfig(
        n_heads=128, kv_lora_rank=512, qk_rope_head_dim=64, qk_nope_head_dim=128, v_head_dim=128
    )


def test_a_window_without_a_rule_is_counted_in_full_and_its_lower_end_named():
    config = parse(LLAMA | {"llama.attention.sliding_window": 4096})
    assert kv_cache_bytes(config.model, Workload(context_len=8192), "bf16") == 8192 * 131_072
    assert any("counted in full" in sentence for sentence in config.assumptions)


def test_a_state_space_model_keeps_a_state_and_no_tokens():
    values = described(
        "mamba",
        block_count=64,
        embedding_length=2560,
        attention__head_count=0,
        ssm__conv_kernel=4,
        ssm__inner_size=5120,
        ssm__state_size=16,
    )
    config = parse(values)
    assert kv_bytes_per_token(config.model, "bf16") == 0
    assert state_bytes(config.model) == 64 * (3 * 5120 + 5120 * 16) * 4


def test_heads_without_k_v_heads_and_widths():
    values = {key: value for key, value in LLAMA.items() if not key.endswith("_kv")}
    config = parse(values)
    (group,) = config.model
    assert group.attention == GroupedConfig(n_heads=32, n_kv_heads=32, head_dim=128)
    assert "n_kv_heads = n_heads" in config.assumptions[0]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"llama.block_count": None}, r"llama\.block_count must be given"),
        ({"llama.block_count": 0}, r"llama\.block_count must be between 1 and 1000: got 0"),
        ({"llama.block_count": -1}, "must be between 1 and 1000: got -1"),
        ({"llama.block_count": "32"}, "must be a whole number: got '32'"),
        ({"llama.block_count": 1.5}, "must be a whole number: got 1.5"),
        ({"llama.attention.head_count": None, "llama.attention.head_count_kv": None}, "head_count"),
        ({"llama.attention.head_count_kv": [8] * 31}, "for each of 32 layers: got 31"),
        ({"llama.attention.head_count_kv": [8] * 5000}, "must be short enough to read"),
        ({"llama.attention.head_count_kv": 5}, "n_kv_heads must divide n_heads"),
        ({"llama.embedding_length": 4097}, "key_length must be given"),
        ({"llama.attention.compress_ratios": [4] * 32}, "not understood: .* about compress"),
        ({"llama.num_loops": 2}, "not understood: .* about loops"),
        ({"llama.attention.causal": False}, "an encoder keeps no K/V cache"),
        ({"general.type": "mmproj"}, "must be a language model: got 'mmproj'"),
        ({"general.architecture": "bert"}, "an encoder keeps no K/V cache: got general.arch"),
        ({"general.architecture": "t5"}, "a decoder beside an encoder"),
        ({"general.architecture": None}, "general.architecture must be given"),
        (
            {"split.no": 1, "split.count": 3, "llama.block_count": None},
            "in 3 parts must be given by its first part: got part 2",
        ),
    ],
)
def test_what_is_not_known_is_refused_by_name(changes, sentence):
    values = {key: value for key, value in (LLAMA | changes).items() if value is not None}
    with pytest.raises(ValueError, match=sentence):
        parse(values)


def test_weights_are_the_tensors_of_the_file():
    # 32 x 256 of q4_K are 144 bytes per 256, and 64 of f32
    tensors = [("token_embd.weight", (256, 32), 12), ("norm.weight", (64,), 0)]
    config = read_model(gguf_bytes(LLAMA, tensors=tensors))
    assert config.estimated_params == 256 * 32 + 64
    assert config.estimated_weight_bytes == 32 * 144 + 64 * 4
    assert config.weight_format == "q4_k"
    part = LLAMA | {"split.no": 0, "split.count": 2}
    assert read_model(gguf_bytes(part, tensors=tensors)).estimated_weight_bytes is None
    unknown = read_model(gguf_bytes(LLAMA, tensors=[("a", (256,), 77)]))
    assert unknown.estimated_params is unknown.estimated_weight_bytes is None


def test_the_same_keys_come_from_anywhere():
    assert parse_metadata(LLAMA).model == parse(LLAMA).model


def test_an_architecture_that_is_no_name_is_not_quoted_as_it_is():
    for name in ("lla\x1da", "<b>x</b>", "\u202ellama", "x" * 41):
        with pytest.raises(ValueError, match="must be a plain name: got '") as error:
            read_model(gguf_bytes(LLAMA | {"general.architecture": name}))
        assert str(error.value).isprintable()
