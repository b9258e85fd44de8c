"""Published models: which of their layers cache what, each row with its source.

A row fills either the grouped columns or the latent ones, which makes it MHA, GQA, MQA or MLA; the
name of a model decides nothing. Of its `n_layers`, `n_window_layers` see the last `window` tokens
and `n_cacheless_layers` (linear attention, state space) cache no tokens. The rest see the whole
context; the global columns give them K/V heads of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from gqa_core.catalog.rows import FOLDER, CatalogEntry, parse_integers, read_catalog
from gqa_core.configs import (
    MAX_CONTEXT_LEN,
    MAX_LAYERS,
    MAX_PARAMS,
    AttentionConfig,
    GroupedConfig,
    LatentConfig,
    LayerGroup,
    ModelConfig,
    validate_int,
)

__all__ = ["Model", "model", "models"]

GROUPED = ("n_kv_heads", "head_dim")
LATENT = ("kv_lora_rank", "qk_rope_head_dim", "qk_nope_head_dim", "v_head_dim")
WINDOW = ("window", "n_window_layers")
GLOBAL = {"global_n_kv_heads": "n_kv_heads", "global_head_dim": "head_dim"}
REQUIRES = (WINDOW, WINDOW[::-1], *((name, "window") for name in GLOBAL))  # (column, other column)
COLUMNS = (
    "name",
    "n_layers",
    "n_heads",
    *GROUPED,
    *LATENT,
    *WINDOW,
    "n_cacheless_layers",
    *GLOBAL,
    "max_context_len",
    "params",
    "source",
    "note",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Model(CatalogEntry):
    """A published model.

    `params` are all parameters that the source counts, experts included; of a multimodal model,
    those of the text model. `params` and `max_context_len` are None if no source gives them.

    Raises:
        ValueError: a number is out of bounds.
    """

    config: ModelConfig
    max_context_len: int | None = None
    params: int | None = None

    def __post_init__(self) -> None:
        if self.max_context_len is not None:
            validate_int("max_context_len", self.max_context_len, MAX_CONTEXT_LEN)
        if self.params is not None:
            validate_int("params", self.params, MAX_PARAMS)


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


def _model(*, name: str, source: str, note: str = "", **cells: str) -> Model:
    numbers = parse_integers(cells)
    return Model(
        name=name,
        config=ModelConfig(
            layer_groups=tuple(_layer_groups(numbers)),
            n_cacheless_layers=numbers.get("n_cacheless_layers", 0),
        ),
        max_context_len=numbers.get("max_context_len"),
        params=numbers.get("params"),
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
    if "window" in numbers:
        yield LayerGroup(
            attention=_attention(heads),
            n_layers=numbers["n_window_layers"],
            window=numbers["window"],
        )
        heads |= {name: numbers[column] for column, name in GLOBAL.items() if column in numbers}
    if n_full:
        yield LayerGroup(attention=_attention(heads), n_layers=n_full)


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
    if set(heads) != {"n_heads", *columns}:
        raise ValueError(
            f"a layer must fill n_heads and {', '.join(columns)}: got {', '.join(heads)}"
        )
    return GroupedConfig(**heads) if columns == GROUPED else LatentConfig(**heads)
