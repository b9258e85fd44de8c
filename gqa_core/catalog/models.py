"""Published models: which of their layers cache what, each row with its source.

A row fills either the grouped columns or the latent ones, which is what makes it MHA, GQA, MQA or
MLA; the name of a model decides nothing. Of its `n_layers`, `n_window_layers` see `window` tokens
back, `n_cacheless_layers` (linear attention, state space) keep no tokens, and the rest see the
whole context, with K/V heads of their own where the global columns give them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from gqa_core.catalog.rows import FOLDER, numbers, read_catalog
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

GROUPED = ("n_kv_heads", "head_dim")
LATENT = ("kv_lora_rank", "qk_rope_head_dim", "qk_nope_head_dim", "v_head_dim")
WINDOW = ("window", "n_window_layers")
GLOBAL = {"global_n_kv_heads": "n_kv_heads", "global_head_dim": "head_dim"}
NEEDED = (WINDOW, WINDOW[::-1], *((name, "window") for name in GLOBAL))  # each with the other
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
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A published model; `config` holds its caching layers, `n_layers` counts all of them.

    `params` are those the source counts, experts included; for a model that also sees or hears, of
    the text model. None where no source gives them, and so for `max_context_len`.

    Raises:
        ValueError: a number is out of bounds.
    """

    name: str
    config: ModelConfig
    n_layers: int
    source: str
    max_context_len: int | None = None
    params: int | None = None

    def __post_init__(self) -> None:
        validate_int("n_layers", self.n_layers, MAX_LAYERS, least=self.config.n_layers)
        if self.max_context_len is not None:
            validate_int("max_context_len", self.max_context_len, MAX_CONTEXT_LEN)
        if self.params is not None:
            validate_int("params", self.params, MAX_PARAMS)

    @property
    def attention(self) -> AttentionConfig | None:
        """What all its caching layers are like, windows aside; None where they differ (Gemma 4)."""
        kinds = {run.attention for run in self.config}
        return kinds.pop() if len(kinds) == 1 else None


@cache
def models(path: Path = FOLDER / "models.csv") -> tuple[Model, ...]:
    """The published models, in the file's order.

    Raises:
        ValueError: the file breaks a rule; the file and the line are named.
    """
    return read_catalog(path, COLUMNS, _model)


def model(name: str) -> Model:
    """The published model of this name.

    Raises:
        ValueError: the catalogue has none.
    """
    for known in models():
        if known.name == name:
            return known
    names = ", ".join(known.name for known in models())
    raise ValueError(f"model must be one of {names}: got {name!r}")


def _model(*, name: str, source: str, **cells: str) -> Model:
    given = numbers(cells)
    return Model(
        name=name,
        config=ModelConfig(layer_groups=tuple(_runs(given))),
        n_layers=given["n_layers"],
        max_context_len=given.get("max_context_len"),
        params=given.get("params"),
        source=source,
    )


def _runs(given: Mapping[str, int]) -> Iterator[LayerGroup]:
    """The layers that see a window, then those that see everything."""
    for column, other in NEEDED:
        if column in given and other not in given:
            raise ValueError(f"{column} must come with {other}: got {given[column]} alone")
    heads = {name: given[name] for name in ("n_heads", *GROUPED, *LATENT) if name in given}
    n_full = _n_full_layers(given)
    if "window" in given:
        yield LayerGroup(
            attention=_attention(heads),
            n_layers=given["n_window_layers"],
            window=given["window"],
        )
        heads |= {own: given[name] for name, own in GLOBAL.items() if name in given}
    if n_full:
        yield LayerGroup(attention=_attention(heads), n_layers=n_full)


def _n_full_layers(given: Mapping[str, int]) -> int:
    n_layers = given.get("n_layers")
    validate_int("n_layers", n_layers, MAX_LAYERS)
    others = given.get("n_window_layers", 0) + given.get("n_cacheless_layers", 0)
    if others > n_layers:
        raise ValueError(
            "n_window_layers and n_cacheless_layers must be at most n_layers together: "
            f"got {others} of {n_layers}"
        )
    return n_layers - others


def _attention(heads: Mapping[str, int]) -> AttentionConfig:
    """The layer of these columns, which must be those of one kind."""
    kind, wanted = (GroupedConfig, GROUPED) if "n_kv_heads" in heads else (LatentConfig, LATENT)
    if set(heads) != {"n_heads", *wanted}:
        raise ValueError(
            f"a layer must fill n_heads and {', '.join(wanted)}: got {', '.join(heads)}"
        )
    return kind(**heads)
