"""Published models: how many layers and heads they have, each row with its source.

A row fills either the grouped columns or the latent ones, which is what makes it MHA, GQA, MQA or
MLA; the name of a model decides nothing. All its layers are alike and see the whole context.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from gqa_core.catalog.rows import FOLDER, numbers, read_catalog
from gqa_core.configs import (
    MAX_CONTEXT_LEN,
    AttentionConfig,
    GroupedConfig,
    LatentConfig,
    ModelConfig,
    require_int,
)

GROUPED = ("n_kv_heads", "head_dim")
LATENT = ("kv_lora_rank", "qk_rope_head_dim", "qk_nope_head_dim", "v_head_dim")
COLUMNS = ("name", "n_layers", "n_heads", *GROUPED, *LATENT, "max_context_len", "source")


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A published model; `config` is what it caches, `source` where its numbers are from.

    Raises:
        ValueError: max_context_len out of bounds.
    """

    name: str
    config: ModelConfig
    max_context_len: int
    source: str

    def __post_init__(self) -> None:
        require_int("max_context_len", self.max_context_len, MAX_CONTEXT_LEN)

    @property
    def attention(self) -> AttentionConfig:
        """The layer all its layers are like."""
        return self.config.runs[0].attention


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
    n_layers, context = given.pop("n_layers", None), given.pop("max_context_len", None)
    kind, wanted = (GroupedConfig, GROUPED) if "n_kv_heads" in given else (LatentConfig, LATENT)
    if set(given) != {"n_heads", *wanted}:
        raise ValueError(f"a layer must fill n_heads and {', '.join(wanted)}: got {set(given)}")
    return Model(
        name=name,
        config=ModelConfig.uniform(kind(**given), n_layers),
        max_context_len=context,
        source=source,
    )
