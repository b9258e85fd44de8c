"""Parameters of layers that keep a state: linear attention and state space.

Source: huggingface/transformers, modeling files of qwen3_next, nemotron_h, falcon_h1,
granitemoehybrid and bamba; moonshotai/Kimi-Linear-48B-A3B-Instruct, modeling_kimi.py.
"""

from __future__ import annotations

from gqa_core.configs import MAX_DIM, MAX_HEAD_DIM, MAX_HEADS
from gqa_core.hf_config.kinds import CONVOLUTION, LayerKind
from gqa_core.hf_config.reader import ConfigReader

__all__ = ["mixer_params"]

MAX_TAPS = 1024


def mixer_params(reader: ConfigReader, kind: LayerKind, hidden_size: int) -> int:
    """Parameters of one layer's state-keeping part.

    Raises:
        ValueError: a key is missing, or the kind is not known here.
    """
    if reader.has("linear_num_value_heads"):
        return _gated_delta(reader, hidden_size)
    if inner := reader.nested("linear_attn_config"):
        return _kimi_delta(inner, hidden_size)
    if kind != CONVOLUTION:
        return _mamba_2(reader, hidden_size)
    raise ValueError(f"the parameters of {kind} layers are not estimated")


def _gated_delta(reader: ConfigReader, hidden_size: int) -> int:
    """Projections of q, k, v and gate, of the two decays, the convolution and the output."""
    n_values = reader.required_integer("linear_num_value_heads", most=MAX_HEADS)
    values = n_values * reader.required_integer("linear_value_head_dim", most=MAX_HEAD_DIM)
    n_keys = reader.required_integer("linear_num_key_heads", most=MAX_HEADS)
    keys = n_keys * reader.required_integer("linear_key_head_dim", most=MAX_HEAD_DIM)
    taps = reader.required_integer("linear_conv_kernel_dim", most=MAX_TAPS)
    projections = hidden_size * (2 * keys + 2 * values + 2 * n_values) + values * hidden_size
    return projections + taps * (2 * keys + values)


def _kimi_delta(reader: ConfigReader, hidden_size: int) -> int:
    """Projections of q, k, v and output, two gates of low rank, decays and three convolutions."""
    n_heads = reader.required_integer("num_heads", most=MAX_HEADS)
    head_dim = reader.required_integer("head_dim", most=MAX_HEAD_DIM)
    taps = reader.required_integer("short_conv_kernel_size", most=MAX_TAPS)
    width = n_heads * head_dim
    gates = 2 * (hidden_size * head_dim + head_dim * width)
    return 4 * hidden_size * width + gates + hidden_size * n_heads + 3 * taps * width


def _mamba_2(reader: ConfigReader, hidden_size: int) -> int:
    """Projections in and out, and the convolution."""
    n_heads = reader.required_integer("mamba_num_heads", "mamba_n_heads", most=MAX_HEADS)
    head_dim = reader.required_integer("mamba_head_dim", "mamba_d_head", most=MAX_HEAD_DIM)
    groups = reader.required_integer("n_groups", "mamba_n_groups", most=MAX_HEADS)
    state = reader.required_integer("ssm_state_size", "mamba_d_state", most=MAX_DIM)
    taps = reader.required_integer("conv_kernel", "mamba_d_conv", most=MAX_TAPS)
    width = reader.integer("mamba_d_ssm", most=MAX_DIM) or n_heads * head_dim
    inner = width + 2 * groups * state
    return hidden_size * (width + inner + n_heads) + taps * inner + width * hidden_size
