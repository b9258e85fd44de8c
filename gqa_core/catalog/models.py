"""Published models: which of their layers cache what, each row with its source.

A row fills either the grouped columns or the latent ones, which makes it MHA, GQA, MQA or MLA; the
name of a model decides nothing. Of its `n_layers`, `n_window_layers` see the last `window` tokens
and `n_cacheless_layers` (linear attention, state space) cache no tokens. The rest see the whole
context; the global columns give them K/V heads of their own.

What layers keep besides has columns of its own: several caches per layer, the keys of a sparse
indexer in `n_indexer_layers`, and a state in `n_state_layers`, which are those without a cache or,
in some models, those with one too. A convolution's state is in 16 bits, a recurrence's in fp32.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import get_args

from gqa_core.catalog.rows import FOLDER, CatalogEntry, parse_integers, read_catalog
from gqa_core.configs import (
    MAX_CONTEXT_LEN,
    MAX_LAYERS,
    MAX_PARAMS,
    AttentionConfig,
    GroupedConfig,
    IndexerKeys,
    LatentConfig,
    LayerGroup,
    ModelConfig,
    RecurrentState,
    StateKind,
    validate_int,
)

__all__ = ["Model", "model", "models"]

GROUPED = ("n_kv_heads", "head_dim")
LATENT = ("kv_lora_rank", "qk_rope_head_dim", "qk_nope_head_dim", "v_head_dim")
WINDOW = ("window", "n_window_layers")
GLOBAL = {"global_n_kv_heads": "n_kv_heads", "global_head_dim": "head_dim"}
INDEXER = ("n_indexer_layers", "index_head_dim")
STATE = ("n_state_layers", "conv_elements", "recurrent_elements")
REQUIRES = (  # (column, other column)
    WINDOW,
    WINDOW[::-1],
    INDEXER,
    INDEXER[::-1],
    *((name, "window") for name in GLOBAL),
)
STATE_KINDS: Mapping[str, StateKind] = {kind: kind for kind in get_args(StateKind)}
COLUMNS = (
    "name",
    "n_layers",
    "n_heads",
    *GROUPED,
    *LATENT,
    *WINDOW,
    "n_cacheless_layers",
    *GLOBAL,
    "caches_per_layer",
    *INDEXER,
    "state_kind",
    *STATE,
    "max_context_len",
    "params",
    "embedding_params",
    "family",
    "source",
    "note",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Model(CatalogEntry):
    """A published model.

    `params` are all parameters that the source counts, experts included; of a multimodal model,
    those of the text model. `embedding_params` are those of its embeddings and, if it has one of
    its own, its head, which quantised checkpoints keep in 16 bits. These and `max_context_len` are
    None if no source gives them.

    Raises:
        ValueError: a number is out of bounds.
    """

    config: ModelConfig
    max_context_len: int | None = None
    params: int | None = None
    embedding_params: int | None = None

    def __post_init__(self) -> None:
        if self.max_context_len is not None:
            validate_int("max_context_len", self.max_context_len, MAX_CONTEXT_LEN)
        if self.params is not None:
            validate_int("params", self.params, MAX_PARAMS)
        if self.embedding_params is not None:
            validate_int("embedding_params", self.embedding_params, self.params or MAX_PARAMS)


@cache
def models(path: Path = FOLDER / "models.csv") -> tuple[Model, ...]:
    """The published models, in the file's order.

    Raises:
        ValueError: the file breaks a rule; the sentence names the file and the line.
    """
    return read_catalog(path, COLUMNS, _model)


def model(name: str) -> Model:
    """The published model of this name.

    Raises:
        ValueError: no model has this name.
    """
    by_name = {entry.name: entry for entry in models()}
    if name not in by_name:
        raise ValueError(f"model must be one of {', '.join(by_name)}: got {name!r}")
    return by_name[name]


def _model(
    *,
    name: str,
    source: str,
    note: str = "",
    family: str = "",
    state_kind: str = "",
    **cells: str,
) -> Model:
    numbers = parse_integers(cells)
    return Model(
        name=name,
        config=ModelConfig(
            layer_groups=tuple(_layer_groups(numbers)),
            n_cacheless_layers=numbers.get("n_cacheless_layers", 0),
            indexers=_indexers(numbers),
            states=_states(state_kind, numbers),
            family=family,
        ),
        max_context_len=numbers.get("max_context_len"),
        params=numbers.get("params"),
        embedding_params=numbers.get("embedding_params"),
        source=source,
        note=note,
    )


def _layer_groups(numbers: Mapping[str, int]) -> Iterator[LayerGroup]:
    """The layers that see a window, then those that see the whole context."""
    for column, other in REQUIRES:
        if column in numbers and other not in numbers:
            raise ValueError(f"{column} must come with {other}: got {numbers[column]} alone")
    heads = {name: numbers[name] for name in ("n_heads", *GROUPED, *LATENT) if name in numbers}
    n_full = _n_full_layers(numbers)
    n_caches = numbers.get("caches_per_layer", 1)
    if "window" in numbers:
        yield LayerGroup(
            attention=_attention(heads),
            n_layers=numbers["n_window_layers"],
            window=numbers["window"],
            caches_per_layer=n_caches,
        )
        heads |= {name: numbers[column] for column, name in GLOBAL.items() if column in numbers}
    if n_full:
        yield LayerGroup(attention=_attention(heads), n_layers=n_full, caches_per_layer=n_caches)


def _indexers(numbers: Mapping[str, int]) -> tuple[IndexerKeys, ...]:
    n_layers, head_dim = (numbers.get(name) for name in INDEXER)
    if n_layers is None or head_dim is None:
        return ()
    return (IndexerKeys(n_layers=n_layers, head_dim=head_dim),)


def _states(kind: str, numbers: Mapping[str, int]) -> tuple[RecurrentState, ...]:
    """The state of each layer that keeps one, none if no column gives it."""
    given = {name: numbers[name] for name in STATE if name in numbers}
    if not kind and not given:
        return ()
    if kind not in STATE_KINDS or "n_state_layers" not in given:
        raise ValueError(
            f"a state must have a kind from {', '.join(STATE_KINDS)} and n_state_layers: "
            f"got {kind!r} and {', '.join(given) or 'no number'}"
        )
    n_layers = given.pop("n_state_layers")
    return (RecurrentState(kind=STATE_KINDS[kind], n_layers=n_layers, **given),)


def _n_full_layers(numbers: Mapping[str, int]) -> int:
    if "n_layers" not in numbers:
        raise ValueError("n_layers must be given: got no number")
    n_layers = numbers["n_layers"]
    validate_int("n_layers", n_layers, MAX_LAYERS)
    n_others = numbers.get("n_window_layers", 0) + numbers.get("n_cacheless_layers", 0)
    if n_others > n_layers:
        raise ValueError(
            "n_window_layers and n_cacheless_layers must be at most n_layers together: "
            f"got {n_others} of {n_layers}"
        )
    return n_layers - n_others


def _attention(heads: Mapping[str, int]) -> AttentionConfig:
    """The attention that these columns describe, which must be those of one kind."""
    columns = GROUPED if "n_kv_heads" in heads else LATENT
    optional = {"v_head_dim"} if columns == GROUPED else set()
    if set(heads) - optional != {"n_heads", *columns}:
        raise ValueError(
            f"a layer must fill n_heads and {', '.join(columns)}: got {', '.join(heads)}"
        )
    return GroupedConfig(**heads) if columns == GROUPED else LatentConfig(**heads)
