"""Widgets of an engine and of the sizes that split a model over GPUs.

Sizes that cannot split the model by the engine's rules are not offered.
"""

from __future__ import annotations

from collections.abc import Sequence

from dashboard.settings.splits import DP_SIZES, ENGINE_NAMES, dcp_sizes, pp_sizes
from dashboard.shell.widgets import Select
from gqa_core.configs import ModelConfig
from gqa_core.theory.engines import EngineName

ENGINE: Select[EngineName] = Select(
    key="engine",
    label="Engine",
    options=ENGINE_NAMES,
    default="ideal",
    help="Whose rules say what is allocated: pages and blocks, windows, expanded MLA, states. "
    "Ideal keeps what must be kept and no more.",
)


def engine_control() -> EngineName:
    """The engine whose rules count."""
    return ENGINE.show()


def dcp_control(model: ModelConfig, engine: EngineName, tp: int) -> int:
    """The decode context parallel ranks among `tp` GPUs."""
    return _size(
        "dcp",
        "Context parallel (dcp)",
        dcp_sizes(model, engine, tp),
        "Ranks among the tensor parallel GPUs that share a sequence's tokens: token i is on rank "
        "i mod dcp, and K/V heads are split over tp / dcp.",
    )


def dp_control() -> int:
    """The data-parallel ranks."""
    return _size(
        "dp",
        "Data parallel (dp)",
        DP_SIZES,
        "Ranks with sequences and weights of their own, each on as many GPUs as the other sizes "
        "say.",
    )


def pp_control(model: ModelConfig) -> int:
    """The pipeline stages."""
    return _size(
        "pp",
        "Stages (pp)",
        pp_sizes(model),
        "Pipeline stages: each keeps the cache of its layers for all sequences. The figures are "
        "those of the stage with most layers.",
    )


def _size(key: str, label: str, options: Sequence[int], help_text: str) -> int:
    return Select(key=key, label=label, options=options, default=1, help=help_text).show()
