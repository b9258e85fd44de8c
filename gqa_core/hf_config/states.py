"""The states of constant size that recurrent layers keep per sequence, from the config's widths.

A convolution over k inputs keeps the last k - 1 of them in the model's own type; transformers'
cache keeps all k. The state of the recurrence is float32 unless a key says otherwise: some engines
keep it in the model's type, which is half of that.
Source: huggingface/transformers 5.24, modeling files of qwen3_next, kimi_linear, mamba, mamba2,
jamba, bamba, falcon_h1, nemotron_h, zamba2, lfm2, minimax and recurrent_gemma; vllm-project/vllm,
vllm/model_executor/layers/mamba/mamba_utils.py (shapes and types).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gqa_core.configs import (
    MAX_DIM,
    MAX_HEAD_DIM,
    MAX_HEADS,
    RecurrentState,
    StateKind,
)
from gqa_core.hf_config.heads import HIDDEN_SIZE, N_HEADS
from gqa_core.hf_config.kinds import (
    CONVOLUTION,
    KEEP_STATE,
    LINEAR,
    STATE_SPACE,
    LayerKind,
)
from gqa_core.hf_config.reader import ConfigReader

__all__ = ["STATE_KEYS", "recurrent_states", "recurrent_widths", "with_state_kinds"]

STATE_TYPES = ("mamba_ssm_dtype", "mamba_ssm_cache_dtype", "ssm_cache_dtype")
TYPE_BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}
MAX_KERNEL = 1024
GATED_DELTA = (
    "linear_num_key_heads",
    "linear_key_head_dim",
    "linear_num_value_heads",
    "linear_value_head_dim",
    "linear_conv_kernel_dim",
)
HEADS = ("mamba_num_heads", "mamba_n_heads", "n_mamba_heads")
HEAD_WIDTH = ("mamba_head_dim", "mamba_d_head", "mamba_headdim")
STATE_WIDTH = ("mamba_d_state", "ssm_state_size", "state_size")
GROUPS = ("mamba_n_groups", "mamba_ngroups", "n_groups")
KERNEL = ("mamba_d_conv", "conv_kernel", "d_conv")
EXPAND = ("mamba_expand", "expand")
STATE_KEYS = frozenset(
    (*GATED_DELTA, *HEADS, *HEAD_WIDTH, *STATE_WIDTH, *GROUPS, *KERNEL, *EXPAND)
) | {"linear_head_dim", "linear_num_heads", "short_conv_kernel_size", "mamba_d_ssm"}


@dataclass(frozen=True, slots=True)
class Widths:
    """Elements that one layer keeps: inputs of its convolution, and its recurrence's state."""

    kind: StateKind
    conv: int
    recurrent: int


def recurrent_widths(reader: ConfigReader, family: str) -> Widths | None:
    """The elements of one layer's state, or None where the keys do not give its widths.

    Raises:
        ValueError: a width is not a whole number or is out of bounds.
    """
    return next(filter(None, (rule(reader, family) for rule in RULES)), None)


def with_state_kinds(
    reader: ConfigReader, kinds: Sequence[LayerKind], family: str
) -> list[LayerKind]:
    """The kinds, with linear layers as state-space ones where their widths are those of Mamba.

    Newer libraries write "linear_attention" for both.
    """
    if LINEAR not in kinds:
        return list(kinds)
    widths = recurrent_widths(reader, family)
    if widths is None or widths.kind != "state-space":
        return list(kinds)
    return [STATE_SPACE if kind == LINEAR else kind for kind in kinds]


def recurrent_states(
    reader: ConfigReader, top: ConfigReader, kinds: Sequence[LayerKind], family: str
) -> tuple[tuple[RecurrentState, ...], tuple[str, ...]]:
    """The states of all layers that keep one, and a sentence per sort whose widths are unknown.

    `top` is the whole config, which may give the model's type for its text model.

    Raises:
        ValueError: as `recurrent_widths`.
    """
    states: list[RecurrentState] = []
    unknown: list[str] = []
    for layer_kinds in _groups(kinds):
        n_layers = sum(kind in layer_kinds for kind in kinds)
        is_conv = layer_kinds == (CONVOLUTION,)
        widths = _short_convolution(reader, family) if is_conv else recurrent_widths(reader, family)
        if widths is None or (not is_conv and widths.kind == "convolution"):
            unknown.append(
                f"the state of {n_layers} {layer_kinds[0]} layers, whose widths no known key "
                "gives: its size does not grow with the context, and the total is a lower bound"
            )
        else:
            states.append(_state(reader, top, widths, n_layers))
    return tuple(states), tuple(unknown)


def _groups(kinds: Sequence[LayerKind]) -> list[tuple[LayerKind, ...]]:
    """The sorts of layers whose states have the same widths: convolutions, and all others."""
    recurrent = tuple(kind for kind in KEEP_STATE if kind in kinds and kind != CONVOLUTION)
    return [group for group in (recurrent, (CONVOLUTION,)) if set(group) & set(kinds)]


def _state(
    reader: ConfigReader, top: ConfigReader, widths: Widths, n_layers: int
) -> RecurrentState:
    conv_bytes = _type_bytes(reader, top, ("dtype", "torch_dtype")) or 2
    recurrent_bytes = _type_bytes(reader, reader, STATE_TYPES)
    if widths.recurrent and recurrent_bytes is None:
        recurrent_bytes = 4
        reader.assume("states are float32, since no key gives their type")
    return RecurrentState(
        kind=widths.kind,
        n_layers=n_layers,
        conv_elements=widths.conv,
        recurrent_elements=widths.recurrent,
        conv_element_bytes=conv_bytes,
        recurrent_element_bytes=recurrent_bytes or 4,
    )


def _type_bytes(reader: ConfigReader, top: ConfigReader, names: Sequence[str]) -> int | None:
    """Bytes of the number type under the first of these keys that names one."""
    for source in (reader, top):
        for name in names:
            value = source.value(name)
            if isinstance(value, str) and (size := TYPE_BYTES.get(value.removeprefix("torch."))):
                return size
    return None


def _first(reader: ConfigReader, names: Sequence[str], most: int) -> int | None:
    """The number under the first of these keys that has one; spellings need not agree."""
    for name in names:
        value = reader.values.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            return reader.integer(name, most=most)
    return None


def _gated_delta(reader: ConfigReader, family: str) -> Widths | None:
    """Gated DeltaNet: a convolution over q, k and v, and a matrix per value head."""
    n_k, d_k, n_v, d_v, kernel = (_first(reader, (name,), MAX_HEAD_DIM) for name in GATED_DELTA)
    if family == "olmo_hybrid" and n_k is None and n_v is None:
        n_k = n_v = _first(reader, N_HEADS, MAX_HEADS)
    if n_k is None or n_v is None or d_k is None or d_v is None or kernel is None:
        return None
    return Widths("linear attention", (2 * n_k * d_k + n_v * d_v) * (kernel - 1), n_v * d_k * d_v)


def _kimi_delta(reader: ConfigReader, family: str) -> Widths | None:
    """Kimi Delta Attention: convolutions over q, k and v, and a square matrix per head."""
    inner = reader.nested("linear_attn_config") or reader
    names = ("linear_num_heads", "num_heads") if inner is reader else ("num_heads",)
    n_heads = _first(inner, names, MAX_HEADS)
    width = _first(inner, ("linear_head_dim",) if inner is reader else ("head_dim",), MAX_HEAD_DIM)
    kernel = _first(inner, ("linear_conv_kernel_dim", "short_conv_kernel_size"), MAX_KERNEL)
    if family == "bailing_hybrid":
        n_heads = n_heads or _first(reader, N_HEADS, MAX_HEADS)
        width = width or _first(reader, ("head_dim",), MAX_HEAD_DIM)
    if n_heads is None or width is None or kernel is None:
        return None
    return Widths("linear attention", 3 * n_heads * width * (kernel - 1), n_heads * width * width)


def _mamba_2(reader: ConfigReader, family: str) -> Widths | None:
    """Mamba-2: heads of a width, each with a state; B and C of every group are convolved too."""
    is_mamba_2 = family == "mamba2"
    n_heads = _first(reader, ("num_heads",) if is_mamba_2 else HEADS, MAX_DIM)
    width = _first(reader, ("head_dim",) if is_mamba_2 else HEAD_WIDTH, MAX_HEAD_DIM)
    state, groups = _first(reader, STATE_WIDTH, MAX_DIM), _first(reader, GROUPS, MAX_HEADS)
    kernel = _first(reader, KERNEL, MAX_KERNEL)
    if n_heads is None or state is None or groups is None or kernel is None:
        return None
    inner = n_heads * width if width is not None else _expanded(reader)
    if inner is None:
        return None
    return Widths("state-space", (inner + 2 * groups * state) * (kernel - 1), inner * state)


def _mamba_1(reader: ConfigReader, family: str) -> Widths | None:
    """Mamba: a state per channel of the expanded width, and a convolution over the channels."""
    if family != "zamba" and any(map(reader.has, HEADS)):
        return None  # Mamba-2 with a width missing
    state, kernel = _first(reader, STATE_WIDTH, MAX_DIM), _first(reader, KERNEL, MAX_KERNEL)
    inner = _expanded(reader, is_pure=family in ("mamba", "falcon_mamba"))
    if state is None or kernel is None or inner is None:
        return None
    return Widths("state-space", inner * (kernel - 1), inner * state)


def _expanded(reader: ConfigReader, *, is_pure: bool = False) -> int | None:
    """Channels of a Mamba layer: the model's width times a factor, unless stated."""
    names = ("mamba_d_ssm", "intermediate_size") if is_pure else ("mamba_d_ssm",)
    if (stated := _first(reader, names, MAX_DIM)) is not None:
        return stated
    factor = _first(reader, EXPAND, 64)
    hidden_size = _first(reader, HIDDEN_SIZE, MAX_DIM)
    return factor * hidden_size if factor and hidden_size else None


def _short_convolution(reader: ConfigReader, family: str) -> Widths | None:
    """LFM2: the last inputs of a convolution over the model's width."""
    kernel = _first(reader, ("conv_L_cache",), MAX_KERNEL)
    hidden_size = _first(reader, HIDDEN_SIZE, MAX_DIM)
    if kernel is None or kernel == 1 or hidden_size is None:
        return None
    return Widths("convolution", hidden_size * (kernel - 1), 0)


def _lightning(reader: ConfigReader, family: str) -> Widths | None:
    """Lightning attention of MiniMax: a square matrix per head."""
    if not family.lower().startswith("minimax"):
        return None
    n_heads, width = _first(reader, N_HEADS, MAX_HEADS), _first(reader, ("head_dim",), MAX_HEAD_DIM)
    return Widths("linear attention", 0, n_heads * width * width) if n_heads and width else None


def _gated_linear_recurrence(reader: ConfigReader, family: str) -> Widths | None:
    """RecurrentGemma: one number per channel, and a convolution over the model's width."""
    if family != "recurrent_gemma":
        return None
    hidden_size = reader.required_integer(*HIDDEN_SIZE, most=MAX_DIM)
    channels = _first(reader, ("lru_width",), MAX_DIM) or hidden_size
    kernel = _first(reader, ("conv1d_width",), MAX_KERNEL) or 4
    return Widths("linear attention", hidden_size * (kernel - 1), channels)


RULES: Sequence[Callable[[ConfigReader, str], Widths | None]] = (
    _gated_delta,
    _kimi_delta,
    _mamba_2,
    _mamba_1,
    _lightning,
    _gated_linear_recurrence,
)
