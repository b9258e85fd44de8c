"""The kinds of layers where the config gives their pattern in pieces.

First come the layers of one list, then a block of layers that is repeated, then those of a last
list. The pieces must add up to the number of layers.
Source: vllm-project/vllm, vllm/model_executor/models/iquest_moe_v13.py.
"""

from __future__ import annotations

from gqa_core.configs import MAX_LAYERS
from gqa_core.hf_config.kinds import KIND_NAMES, LayerKind, parse_kind
from gqa_core.hf_config.reader import ConfigReader

__all__ = ["PIECES", "kinds_from_pieces"]

FIRST, LAST = "first_layers_types", "last_layers_types"
BLOCK_SUFFIX = "types_block"
HARMLESS_BLOCKS = ("mlp", "moe", "ffn")
COUNTS = ("num_hybrid_layers_block", "num_hybrid_layers_types_block")
PIECES = (FIRST, LAST, *COUNTS)


def kinds_from_pieces(reader: ConfigReader, n_layers: int) -> list[LayerKind] | None:
    """The kinds of all layers, or None if no key gives a piece.

    Raises:
        ValueError: the pieces do not add up to the number of layers, there are several blocks, or
            an entry is unknown.
    """
    if reader.flag("use_hybrid_layers") is False:
        return None
    blocks = [name for name in reader.values if _is_block(name) and reader.values[name]]
    if not (reader.values.get(FIRST) or reader.values.get(LAST) or blocks):
        return None
    if len(blocks) > 1:
        raise ValueError(f"{reader.path}{blocks[1][:60]} must not stand beside {blocks[0][:60]}")
    first, last = _piece(reader, FIRST), _piece(reader, LAST)
    block = _piece(reader, blocks[0]) if blocks else []
    n_repeated = n_layers - len(first) - len(last)
    count = reader.integer(*COUNTS, most=MAX_LAYERS)
    n_blocks = count if count is not None else n_repeated // max(len(block), 1)
    if len(block) * n_blocks != n_repeated:
        raise ValueError(
            f"{reader.path}{blocks[0][:60] if blocks else FIRST} must fill {n_repeated} of "
            f"{n_layers} layers: got {len(block)} repeated {n_blocks} times"
        )
    return first + block * n_blocks + last


def _is_block(name: str) -> bool:
    is_harmless = any(word in name for word in HARMLESS_BLOCKS)
    return name.endswith(BLOCK_SUFFIX) and not is_harmless


def _piece(reader: ConfigReader, name: str) -> list[LayerKind]:
    entries = reader.array(name) or []
    return [parse_kind(reader.path + name, KIND_NAMES, entry) for entry in entries]
