"""The options that say how a deployment is split over GPUs, and which engine runs it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import cast

import click

from gqa_core.commands.options import Name, flags, int_option, options_object
from gqa_core.configs import MAX_CONTEXT_LEN, MAX_HEADS, MAX_LAYERS, ModelConfig
from gqa_core.theory import engines
from gqa_core.theory.engines import ENGINES, EngineOptions, MlaForm
from gqa_core.theory.engines.base import MAX_BLOCK_SIZE, expanded_model
from gqa_core.theory.parallelism import MAX_DP, Parallelism

__all__ = ["EngineChoice", "ParallelOptions", "engine_options", "parallel_options"]


@dataclass(frozen=True, kw_only=True)
class ParallelOptions:
    """Sizes of a split over GPUs; None stands for an option that was not given."""

    tp: int | None
    dp: int | None
    dcp: int | None
    pp: int | None

    @property
    def given(self) -> dict[str, int]:
        """The options that were given."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    @property
    def parallelism(self) -> Parallelism:
        """The split; one GPU if no option was given.

        Raises:
            ValueError: dcp does not divide tp.
        """
        return Parallelism(**self.given)


@dataclass(frozen=True, kw_only=True)
class EngineChoice:
    """An engine and its options; None stands for an option that was not given.

    Raises:
        ValueError: an option is not one of the engine.
    """

    engine: str | None
    block_size: int | None
    max_num_batched_tokens: int | None
    n_ubatch: int | None
    mla: str | None

    def __post_init__(self) -> None:
        known = engines.engine(self.engine).option_names if self.engine else ()
        wrong = [name for name in self._given if name not in known]
        if wrong:
            owner = f"the engine {self.engine}" if self.engine else "an engine: give --engine too"
            names = ", ".join(
                name for name, entry in ENGINES.items() if wrong[0] in entry.option_names
            )
            raise ValueError(f"{flags(wrong)} must be an option of {owner}: it is one of {names}")

    @property
    def options(self) -> EngineOptions:
        """The engine's options, by default those of the engine."""
        return EngineOptions(**self._given, mla=cast(MlaForm | None, self.mla))

    def cached_model(self, model: ModelConfig) -> ModelConfig:
        """The model with a K and a V per head if expanded MLA was asked for."""
        return expanded_model(model) if self.mla == "expanded" else model

    @property
    def _given(self) -> dict[str, int]:
        names = ("block_size", "max_num_batched_tokens", "n_ubatch")
        values = {name: getattr(self, name) for name in names}
        return {name: value for name, value in values.items() if value is not None}


parallel_options = options_object(
    "parallel",
    ParallelOptions,
    [
        int_option("tp", MAX_HEADS, help="Tensor-parallel GPUs, to print the cache of each."),
        int_option("dp", MAX_DP, help="Data-parallel ranks of attention, each of tp x pp GPUs."),
        int_option("dcp", MAX_HEADS, help="Decode context parallel ranks; they divide tp."),
        int_option("pp", MAX_LAYERS, help="Pipeline stages."),
    ],
)
engine_options = options_object(
    "engine",
    EngineChoice,
    [
        click.option(
            "--engine",
            type=Name(ENGINES),
            metavar="NAME",
            help=f"Print what this engine allocates: {', '.join(ENGINES)}.",
        ),
        int_option("block_size", MAX_BLOCK_SIZE, help="vllm, sglang: tokens per page."),
        int_option(
            "max_num_batched_tokens", MAX_CONTEXT_LEN, help="vllm: tokens of one step (8192)."
        ),
        int_option("n_ubatch", MAX_CONTEXT_LEN, help="llama.cpp: tokens of a micro-batch (512)."),
        click.option(
            "--mla",
            type=Name(("latent", "expanded")),
            metavar="FORM",
            help="Form in which MLA is cached: latent, or expanded to a K and a V per head.",
        ),
    ],
)
