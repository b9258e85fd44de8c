"""Models whose text is not generated token by token, and decoders beside an encoder.

An encoder keeps no cache. The decoder of an encoder-decoder caches its own tokens, and the K and V
of every source token in each of its layers.
Source: huggingface/transformers 5.24, configuration files of bart, t5, whisper, musicgen, moonshine
and prophetnet; cache_utils.py, EncoderDecoderCache.
"""

from __future__ import annotations

from gqa_core.configs import MAX_CONTEXT_LEN
from gqa_core.hf_config.reader import ConfigReader

__all__ = ["decoder_reader", "refuse_encoder", "source_len"]

ENCODER_TYPES = """
albert beit big_bird canine clip clip_text_model clip_vision_model convnext data2vec-audio
data2vec-text data2vec-vision deberta deberta-v2 deit dinov2 dinov3_vit electra embedding_gemma2
ernie ernie_m esm fnet funnel hubert layoutlm layoutlmv2 layoutlmv3 lilt longformer luke mpnet
mra nezha nystromformer openai_privacy_filter perceiver roformer sew siglip siglip_text_model
siglip_vision_model siglip2_text_model siglip2_vision_model swin tapas vit wav2vec2 wavlm xmod
yoso neomme
"""
ENCODERS = frozenset(ENCODER_TYPES.split())
DECODER_LAYERS = ("decoder_layers", "num_decoder_layers", "decoder_num_hidden_layers")
DECODER_HEADS = (
    "decoder_attention_heads",
    "num_decoder_attention_heads",
    "decoder_num_attention_heads",
)
SOURCE_LENGTHS = (
    "max_source_positions",
    "max_encoder_position_embeddings",
    "max_position_embeddings",
    "n_positions",
)
CROSS_ATTENTION_KEYS = ("add_cross_attention", "cross_attention_hidden_size")
NESTED_DECODERS = ("decoder", "decoder_config")
NESTED_ENCODERS = ("encoder", "encoder_config", "text_encoder")


def refuse_encoder(reader: ConfigReader, family: str) -> None:
    """Raise ValueError if the config describes an encoder alone, which keeps no K/V cache.

    Raises:
        ValueError: it does; the sentence says by which key.
    """
    values = reader.values
    if values.get("is_decoder") is True:
        return
    is_named = family in ENCODERS or ("bert" in family and "decoder" not in family)
    # PaliGemma's text model sees its prompt in both directions too, and generates all the same
    is_embedding_family = family.startswith(("gemma3", "gemma4")) or not family
    is_bidirectional = is_embedding_family and (
        values.get("use_bidirectional_attention") in (True, "all")
    )
    is_image_model = {"image_size", "patch_size", "num_channels"} <= values.keys()
    reasons = {
        f"model type {family[:40]}": is_named,
        "type_vocab_size": bool(values.get("type_vocab_size")),
        "is_causal": values.get("is_causal") is False,
        "use_bidirectional_attention": is_bidirectional,
        "image_size": is_image_model and not values.get("vocab_size"),
    }
    for reason, holds in reasons.items():
        if holds:
            raise ValueError(f"an encoder keeps no K/V cache: {reason} describes an encoder")


def decoder_reader(top: ConfigReader) -> ConfigReader | None:
    """A reader of the decoder in the usual spellings, or None if there is no encoder beside it.

    Raises:
        ValueError: it has an encoder, and its own layers or heads are not given.
    """
    if top.flag("is_encoder_decoder") is not True:
        return None
    for name in NESTED_DECODERS:
        inner = top.nested(name)
        if inner is not None:
            return inner.overlaid(dict.fromkeys(CROSS_ATTENTION_KEYS))
    values = top.values
    layers = next((n for n in (*DECODER_LAYERS, "num_layers") if values.get(n)), None)
    heads = next((n for n in (*DECODER_HEADS, "num_heads") if values.get(n)), None)
    is_plain = bool(values.get("num_hidden_layers") and values.get("num_attention_heads"))
    is_known = (layers is None) == (heads is None) and (layers is not None or is_plain)
    if not is_known or any(name.startswith("t2u_") for name in values):
        raise ValueError(
            "an encoder-decoder caches its decoder's tokens and the source's: the decoder's own "
            f"{DECODER_LAYERS[0]} and {DECODER_HEADS[0]} must be given"
        )
    changes: dict[str, object] = dict.fromkeys((*CROSS_ATTENTION_KEYS, "is_encoder_decoder"))
    changes |= {name: None for name in values if name.startswith(("encoder_", "num_encoder_"))}
    if layers is not None and heads is not None:
        used = (*DECODER_LAYERS, *DECODER_HEADS, "num_layers", "num_heads", "n_layer", "n_head")
        changes |= dict.fromkeys(used)
        changes |= {"num_hidden_layers": values[layers], "num_attention_heads": values[heads]}
        for name in (layers, heads):
            top.value(name)
    kv_heads = values.get("decoder_num_key_value_heads")
    changes |= {"decoder_num_key_value_heads": None}
    return top.overlaid(changes | ({"num_key_value_heads": kv_heads} if kv_heads else {}))


def source_len(top: ConfigReader) -> int:
    """Tokens of the longest source, for which cross-attention is counted.

    Raises:
        ValueError: no key gives them, or the number is out of bounds.
    """
    encoders = [inner for name in NESTED_ENCODERS if (inner := top.nested(name)) is not None]
    for source in (*encoders, top):
        for name in SOURCE_LENGTHS:
            if source.has(name):
                n_tokens = source.integer(name, most=MAX_CONTEXT_LEN) or 1
                source.assume(
                    f"cross-attention is counted for {n_tokens} source tokens, those of {name}"
                )
                return n_tokens
    raise ValueError(
        f"{top.path}{SOURCE_LENGTHS[0]} must be given for an encoder-decoder, whose decoder caches "
        "K and V of every source token: got no such key"
    )
