"""llama.cpp: cells per slot in multiples of 256, a micro-batch beside windows, states in fp32."""

from __future__ import annotations

from dataclasses import dataclass

from gqa_core.configs import LayerGroup, ModelConfig, RecurrentState
from gqa_core.theory.engines.base import Engine, EngineOptions, Rule
from gqa_core.theory.formats import key_value_formats
from gqa_core.theory.parallelism import Parallelism

__all__ = ["LLAMA_CPP"]

CELLS = 256  # the multiple to which caches are padded
FP32_BYTES = 4
REPOSITORY = "ggml-org/llama.cpp"


@dataclass(frozen=True, slots=True, kw_only=True)
class LlamaCpp(Engine):
    """One slot of `context_len` cells per sequence."""

    def validate(self, model: ModelConfig, parallelism: Parallelism) -> None:
        """Raise ValueError for decode context parallelism, which llama.cpp does not have."""
        if parallelism.dcp > 1:
            raise ValueError(
                f"llama.cpp has no decode context parallelism: got dcp {parallelism.dcp}"
            )

    def slots(self, group: LayerGroup, context_len: int, options: EngineOptions) -> int:
        """Cells per slot: n_swa + n_ubatch in window layers, at most those of the context."""
        cells = self.page_tokens(context_len, options)
        if group.window is None:
            return cells
        return min(cells, self.page_tokens(group.window + options.n_ubatch, options))

    def page_tokens(self, n_tokens: int, options: EngineOptions) -> int:
        """Cells in multiples of 256."""
        return -(-n_tokens // CELLS) * CELLS

    def indexer_key_bytes(self, head_dim: int, kv_format: str) -> int:
        """Bytes of one indexer key, which has the format of K."""
        key_format, _ = key_value_formats(kv_format)
        key_format.validate_width("index_head_dim", head_dim)
        return key_format.row_bytes(head_dim)

    def state_layer_bytes(self, state: RecurrentState) -> int:
        """Bytes of one layer's state, in fp32 throughout."""
        return (state.conv_elements + state.recurrent_elements) * FP32_BYTES


LLAMA_CPP = LlamaCpp(
    name="llama.cpp",
    option_names=("n_ubatch",),
    rules=(
        Rule(
            text="cells per slot are rounded up to 256",
            source=f"{REPOSITORY}, src/llama-context.cpp",
            version="02c28f5",
        ),
        Rule(
            text="window layers have window + n_ubatch cells per slot, rounded up to 256, and no "
            "more than the context",
            source=f"{REPOSITORY}, src/llama-kv-cache-iswa.cpp",
            version="02c28f5",
        ),
        Rule(
            text="convolution and recurrent states are kept in fp32 for each slot",
            source=f"{REPOSITORY}, src/llama-model.cpp",
            version="02c28f5",
        ),
        Rule(
            text="indexer keys have the format of K",
            source=f"{REPOSITORY}, src/llama-kv-cache.cpp",
            version="02c28f5",
        ),
    ),
)
