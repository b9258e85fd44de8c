"""Encoders keep no cache; a decoder beside one keeps its own tokens and those of the source."""

import pytest

from tests.hf_config.configs import GPT_2, LLAMA, parse, report
from tests.hf_config.importer_configs import BART, BERT, MUSICGEN, T5, WHISPER


@pytest.mark.parametrize(
    ("config", "changes"),
    [
        (BERT, {}),
        (BERT, {"model_type": "xlm-roberta"}),
        (BERT, {"model_type": "nomic_bert"}),
        (BERT, {"model_type": "modernbert", "sliding_window": 128}),
        (BERT, {"model_type": "deberta-v2"}),
        (BERT, {"model_type": "new", "type_vocab_size": 2}),
        (LLAMA, {"model_type": "llama_bidirec", "is_causal": False}),
        (LLAMA, {"model_type": "gemma3_text", "use_bidirectional_attention": True}),
        (BERT, {"model_type": "x", "vocab_size": ..., "image_size": 224, "patch_size": 16}
         | {"num_channels": 3}),
    ],
)  # fmt: skip
def test_an_encoder_keeps_no_cache(config, changes):
    with pytest.raises(ValueError, match=r"^an encoder keeps no K/V cache: .* describes"):
        parse(config, **changes)


@pytest.mark.parametrize(
    ("config", "changes"),
    [
        (BERT, {"is_decoder": True}),
        (BERT, {"model_type": "modernbert-decoder"}),
        (LLAMA, {"use_bidirectional_attention": False, "is_causal": True}),
        # PaliGemma's text model, and the images of Gemma 4
        (LLAMA, {"model_type": "gemma", "head_dim": 128, "use_bidirectional_attention": True}),
        (GPT_2, {"image_size": 224}),
    ],
)
def test_a_decoder_is_no_encoder(config, changes):
    assert report(config, **changes).kv_bytes_per_token > 0


@pytest.mark.parametrize(
    ("config", "bytes_per_token", "source_len"),
    [
        (BART, 12 * 4096, 1024),  # K and V of 1,024 in 12 decoder layers
        (WHISPER, 4 * 5120, 1500),
        (T5, 6 * 2048, 512),
        (MUSICGEN, 24 * 4096, 512),
    ],
)
def test_a_decoder_caches_its_own_tokens_and_those_of_the_source(
    config, bytes_per_token, source_len
):
    sizes = report(config, context_len=100, batch_size=2)
    assert sizes.kv_bytes_per_token == bytes_per_token
    assert sizes.kv_cache_bytes == 2 * 100 * bytes_per_token
    assert sizes.total_bytes == 2 * (100 + source_len) * bytes_per_token
    assert any(
        f"counted for {source_len} source tokens" in each for each in sizes.notes.assumptions
    )


@pytest.mark.parametrize(
    ("config", "changes", "sentence"),
    [
        (LLAMA, {"is_encoder_decoder": True, "num_attention_heads": ...}, "an encoder-decoder"),
        ({"is_encoder_decoder": True, "d_model": 8}, {}, "decoder's own decoder_layers"),
        (BART, {"decoder_attention_heads": ...}, "decoder's own decoder_layers"),
        (T5, {"n_positions": ...}, "max_source_positions must be given for an encoder-decoder"),
        (BART, {"t2u_decoder_layers": 6}, "an encoder-decoder caches"),
        (MUSICGEN, {"text_encoder": {}}, "max_source_positions must be given"),
    ],
)
def test_an_encoder_decoder_that_is_not_understood_is_refused(config, changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        parse(config, **changes)
