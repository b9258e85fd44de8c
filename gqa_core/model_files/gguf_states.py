"""The states that layers of a GGUF model keep per sequence, as llama.cpp allocates them.

llama.cpp keeps convolution and recurrent states in fp32, whatever the format of its cache.
Source: ggml-org/llama.cpp, src/llama-hparams.cpp, n_embd_r and n_embd_s.
"""

from __future__ import annotations

from collections.abc import Sequence

from gqa_core.configs import MAX_DIM, MAX_HEAD_DIM, MAX_LAYERS, RecurrentState, StateKind
from gqa_core.hf_config.kinds import FULL, LINEAR, every_nth_full
from gqa_core.model_files.metadata import Metadata

__all__ = ["layer_state", "recurrent_layers", "state_kind"]

STATE_KEYS = ("ssm.inner_size", "kda.head_dim", "shortconv.l_cache", "wkv.head_size")
STATE_BYTES = 4
GATED_DELTA = ("qwen3next", "qwen35", "qwen35moe")  # their ssm keys describe linear attention
DEFAULT_INTERVAL = 4  # of these, where the key is absent
FEED_FORWARD_LAYERS = ("nemotron_h", "nemotron_h_moe")  # a layer is one of three kinds
BOTH = ("falcon-h1",)  # every layer has attention and a state


def recurrent_layers(
    metadata: Metadata, n_kv_heads: Sequence[int], n_blocks: int
) -> tuple[list[bool], bool]:
    """True per layer that has a state, and True if these layers have attention as well.

    Raises:
        ValueError: a list of layers has another length than the model.
    """
    n_layers = len(n_kv_heads)
    if not any(metadata.value(name) for name in STATE_KEYS):
        return [False] * n_layers, False
    listed = metadata.per_layer("attention.recurrent_layers", n_layers, n_blocks, most=1)
    interval = metadata.integer("full_attention_interval", most=MAX_LAYERS)
    if listed is not None:
        return [bool(flag) for flag in listed], False
    if 0 in n_kv_heads:
        return _without_heads(metadata, n_kv_heads, n_blocks), False
    if interval is None and metadata.architecture in GATED_DELTA:
        interval = DEFAULT_INTERVAL
        metadata.assume(f"1 of {interval} layers has attention: rule of {metadata.architecture}")
    if interval:
        return [kind != FULL for kind in every_nth_full(n_layers, interval, LINEAR)], False
    if metadata.architecture not in BOTH:
        metadata.assume("every layer has both attention and a state: no key says which have which")
    return [True] * n_layers, True


def state_kind(metadata: Metadata) -> StateKind:
    """The kind of layers that keep a state and no tokens."""
    if metadata.value("shortconv.l_cache"):
        return "convolution"
    is_linear = metadata.architecture in GATED_DELTA or any(
        metadata.value(name) for name in ("kda.head_dim", "wkv.head_size")
    )
    return "linear attention" if is_linear else "state-space"


def layer_state(metadata: Metadata, n_layers: int, n_heads: int) -> RecurrentState | None:
    """The state of each of `n_layers` layers; None if there are none.

    Raises:
        ValueError: a key of the state is missing or out of bounds.
    """
    if not n_layers:
        return None
    conv, recurrent = _elements(metadata, n_heads)
    metadata.assume("states are kept in fp32, as llama.cpp does")
    return RecurrentState(
        kind=state_kind(metadata),
        n_layers=n_layers,
        conv_elements=conv,
        recurrent_elements=recurrent,
        conv_element_bytes=STATE_BYTES,
        recurrent_element_bytes=STATE_BYTES,
    )


def _without_heads(metadata: Metadata, n_kv_heads: Sequence[int], n_blocks: int) -> list[bool]:
    """Layers without K/V heads; of some models, only those without a feed-forward part."""
    most = MAX_DIM
    if metadata.architecture not in FEED_FORWARD_LAYERS:
        return [not count for count in n_kv_heads]
    widths = metadata.per_layer("feed_forward_length", len(n_kv_heads), n_blocks, most=most)
    widths = widths or [0] * len(n_kv_heads)
    return [not (count or width) for count, width in zip(n_kv_heads, widths, strict=True)]


def _elements(metadata: Metadata, n_heads: int) -> tuple[int, int]:
    """Elements of the convolution's and of the recurrence's state, of one layer."""
    width = metadata.required_integer("embedding_length", most=MAX_DIM)
    if head_size := metadata.integer("wkv.head_size", most=MAX_HEAD_DIM):
        shifts = metadata.integer("token_shift_count", most=16)
        return (2 if shifts is None else shifts) * width, width * head_size
    if taps := metadata.integer("shortconv.l_cache", most=1024):
        return width * (taps - 1), 0
    taps = metadata.required_integer("ssm.conv_kernel", most=1024)
    if head_dim := metadata.integer("kda.head_dim", most=MAX_HEAD_DIM):
        return 3 * (taps - 1) * n_heads * head_dim, n_heads * head_dim * head_dim
    inner = metadata.required_integer("ssm.inner_size", most=MAX_DIM)
    state = metadata.required_integer("ssm.state_size", most=MAX_HEAD_DIM)
    groups = metadata.integer("ssm.group_count", most=MAX_HEAD_DIM) or 0
    return (taps - 1) * (inner + 2 * groups * state), inner * state
