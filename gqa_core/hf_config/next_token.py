"""Layers that predict further tokens (MTP), each with a cache like that of the model's own layers.

Source: vllm-project/vllm, deepseek_mtp.py (one decoder layer per module); huggingface/transformers
5.24, configuration_utils.py (mtp_layer_types).
"""

from __future__ import annotations

from collections.abc import Sequence

from gqa_core.hf_config.kinds import CACHING, FULL, KIND_NAMES, LayerKind, parse_kind
from gqa_core.hf_config.reader import ConfigReader

__all__ = ["COUNTS", "LISTS", "next_token_kinds", "next_token_sentences"]

COUNTS = (
    "num_nextn_predict_layers",
    "mtp_num_hidden_layers",
    "num_mtp_layers",
    "num_mtp_modules",
    "mtp_num_layers",
)
LISTS = ("mtp_layer_types", "mtp_layers_block_type")
MAX_COUNT = 64


def next_token_kinds(reader: ConfigReader) -> list[LayerKind]:
    """The kinds of the layers that predict further tokens and cache; empty without such layers.

    A layer without a kind of its own is counted in full.

    Raises:
        ValueError: a number of layers or an entry of a list is not understood.
    """
    n_layers = max((_count(reader, name) for name in COUNTS), default=0)
    for name in LISTS:
        entries = reader.array(name)
        if entries and n_layers:
            kinds = [parse_kind(reader.path + name, KIND_NAMES, entry) for entry in entries]
            n_modules = n_layers if len(kinds) < n_layers or name == LISTS[1] else 1
            return [kind for kind in kinds if kind in CACHING] * n_modules
    return [FULL] * n_layers


def next_token_sentences(reader: ConfigReader, kinds: Sequence[LayerKind]) -> tuple[str, ...]:
    """One sentence about these layers if they are not counted; empty without such layers."""
    names = [name for name in COUNTS if _count(reader, name)]
    if not kinds:
        return ()
    return (
        f"the cache of {len(kinds)} more layer{'s' if len(kinds) > 1 else ''} of a module that "
        f"predicts further tokens ({', '.join(names)}): counted with --mtp",
    )


def _count(reader: ConfigReader, name: str) -> int:
    return reader.integer(name, most=MAX_COUNT, least=0) or 0
