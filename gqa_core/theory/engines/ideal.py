"""Two engines that are none: what must be kept, and every layer with room for the context."""

from __future__ import annotations

from dataclasses import dataclass

from gqa_core.configs import LayerGroup
from gqa_core.theory.engines.base import Engine, EngineOptions, Rule

__all__ = ["AS_ALLOCATED", "IDEAL"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AsAllocated(Engine):
    """An engine with one page size for all layers: windows save nothing."""

    def slots(self, group: LayerGroup, context_len: int, options: EngineOptions) -> int:
        """The whole context."""
        return context_len


IDEAL = Engine(
    rules=(
        Rule(
            text="a layer keeps min(context, window) tokens",
            source="definition",
            version="",
        ),
    )
)
AS_ALLOCATED = AsAllocated(
    name="as-allocated",
    rules=(
        Rule(
            text="every layer has slots for the whole context, window layers too",
            source="alvarobartt/hf-mem, pull request 70",
            version="2026",
        ),
    ),
)
