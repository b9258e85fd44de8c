"""vLLM's cache for models whose layers differ: groups of layers that share pages of one size.

Layers of one kind form groups of equal length; a short group is padded with layers that hold
nothing. One block is a page for every layer of a group. Pages of all kinds have the same bytes: a
block of attention has as many tokens as make its page at least as large as the state of a recurrent
layer, or as the page of the widest attention.

Windows keep window - 1 + max_num_batched_tokens tokens and one block more; a state takes one block
per sequence, more with prefix caching (2) and for each drafted token.

Source: vllm-project/vllm, vllm/v1/core/kv_cache_utils.py (_get_kv_cache_groups_uniform_page_size,
get_max_concurrency_for_kv_cache_config), vllm/v1/kv_cache_interface.py (SlidingWindowSpec,
MambaSpec), vllm/model_executor/models/config.py (HybridAttentionMambaModelConfig).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from gqa_core.configs import ModelConfig
from gqa_core.theory.memory import layer_bytes_per_token
from gqa_core.theory.parts import indexer_bytes_per_token

__all__ = ["BATCHED_TOKENS", "BLOCK_TOKENS", "VllmPages"]

BLOCK_TOKENS = 16
BATCHED_TOKENS = 8192  # max_num_batched_tokens of a server on a large GPU
MIN_LAYERS_FACTOR = 1.5  # up to which kinds are padded to the largest; 1.25 before version 0.16


@dataclass(frozen=True, slots=True)
class _LayerKind:
    """Layers of one kind, and the bytes of one of them: per token, or per sequence of a state."""

    n_layers: int
    layer_bytes: int
    window: int | None = None
    is_state: bool = False


@dataclass(frozen=True, kw_only=True)
class VllmPages:
    """The groups and pages that vLLM makes of one GPU's part of a model.

    `next_token_layers` are counted with the layers that see the whole context. `n_drafted` are the
    tokens that speculative decoding drafts.

    Raises:
        ValueError: the format is not for these layers, or the pages cannot be made equal.
    """

    model: ModelConfig
    kv_format: str
    block_tokens: int = BLOCK_TOKENS
    batched_tokens: int = BATCHED_TOKENS
    next_token_layers: int = 0
    n_drafted: int = 0
    has_prefix_caching: bool = True
    padding_factor: float = MIN_LAYERS_FACTOR

    def __post_init__(self) -> None:
        if not any(not kind.is_state for kind in self._kinds):
            raise ValueError("vLLM's pages are for models with attention: got states alone")
        smallest = min(kind.layer_bytes for kind in self._kinds if not kind.is_state)
        if any(kind.layer_bytes % smallest for kind in self._kinds if not kind.is_state):
            raise ValueError("the bytes per token of vLLM's layers must be multiples of each other")

    @cached_property
    def _kinds(self) -> tuple[_LayerKind, ...]:
        """Kinds of layers; full attention of any width is one kind if there is no other."""
        kinds: dict[tuple[int, int | None], int] = {}
        extra = self.next_token_layers
        for group in reversed(self.model.layer_groups):
            key = (layer_bytes_per_token(group.attention, self.kv_format), group.window)
            is_full = group.window is None
            kinds[key] = kinds.get(key, 0) + group.n_caches + (extra if is_full else 0)
            extra = 0 if is_full else extra
        attention = [_LayerKind(n, size, window) for (size, window), n in kinds.items()]
        states = [
            _LayerKind(s.n_layers, self._state_bytes(i), None, True)
            for i, s in enumerate(self.model.states)
        ]
        if not states and all(kind.window is None for kind in attention):
            total = sum(kind.n_layers * kind.layer_bytes for kind in attention)
            total += indexer_bytes_per_token(self.model, self.kv_format)
            attention = [_LayerKind(1, total)]
        return (*attention, *states)

    def _state_bytes(self, index: int) -> int:
        """Bytes of one layer's state; drafted tokens lengthen what a convolution keeps."""
        state = self.model.states[index]
        more = self.n_drafted * (state.conv_elements // 3)  # a kernel of 4 keeps 3 inputs
        return state.layer_bytes + more * state.conv_element_bytes

    @cached_property
    def page_bytes(self) -> int:
        """Bytes of one layer's page, the same in all groups."""
        widest = max(kind.layer_bytes for kind in self._kinds if not kind.is_state)
        largest_state = max((k.layer_bytes for k in self._kinds if k.is_state), default=0)
        n_tokens = -(-max(self.block_tokens * widest, largest_state) // widest)
        return -(-n_tokens // self.block_tokens) * self.block_tokens * widest

    @cached_property
    def group_layers(self) -> int:
        """Layers per group."""
        counts = [kind.n_layers for kind in self._kinds]
        is_close = max(counts) < min(counts) * self.padding_factor
        return max(counts) if is_close else min(counts)

    @cached_property
    def n_groups(self) -> int:
        """Groups of all kinds."""
        return sum(self._groups(kind) for kind in self._kinds)

    @cached_property
    def n_padding_layers(self) -> int:
        """Layers that hold nothing."""
        return self.n_groups * self.group_layers - sum(kind.n_layers for kind in self._kinds)

    @cached_property
    def slot_bytes(self) -> float:
        """Bytes per token that versions 0.11 to 0.19 print: all groups for each block."""
        fewest_tokens = min(
            self._tokens_per_block(kind) for kind in self._kinds if not kind.is_state
        )
        return self.n_groups * self.block_bytes / fewest_tokens

    @property
    def block_bytes(self) -> int:
        """Bytes of one block: a page for each layer of a group."""
        return self.group_layers * self.page_bytes

    def request_blocks(self, context_len: int) -> int:
        """Blocks that vLLM counts for one sequence of this length."""
        return sum(self._groups(kind) * self._blocks(kind, context_len) for kind in self._kinds)

    def request_bytes(self, context_len: int) -> int:
        """Bytes that vLLM counts for one sequence of this length."""
        return self.request_blocks(context_len) * self.block_bytes

    def layer_request_bytes(self, layer_bytes: int, window: int | None, context_len: int) -> int:
        """Bytes of pages that one cache of `layer_bytes` per token takes for one sequence."""
        kind = _LayerKind(1, layer_bytes, window)
        return self._allocated_blocks(kind, context_len) * self.page_bytes

    @property
    def state_request_bytes(self) -> int:
        """Bytes of pages that the state of one layer takes for one sequence."""
        return self._blocks(_LayerKind(1, 0, None, True), 1) * self.page_bytes

    def padding_request_bytes(self, context_len: int) -> int:
        """Bytes of pages of the layers that hold nothing, for one sequence."""
        blocks = (
            (self._groups(kind) * self.group_layers - kind.n_layers)
            * self._allocated_blocks(kind, context_len)
            for kind in self._kinds
        )
        return sum(blocks) * self.page_bytes

    def _allocated_blocks(self, kind: _LayerKind, context_len: int) -> int:
        """Blocks that a sequence can take: the spare one of a window is none of a short context."""
        blocks = self._blocks(kind, context_len)
        if kind.is_state:
            return blocks
        return min(blocks, -(-context_len // self._tokens_per_block(kind)))

    def _groups(self, kind: _LayerKind) -> int:
        return -(-kind.n_layers // self.group_layers)

    def _tokens_per_block(self, kind: _LayerKind) -> int:
        """Tokens per block of a kind of attention."""
        return self.page_bytes // kind.layer_bytes

    def _blocks(self, kind: _LayerKind, context_len: int) -> int:
        if kind.is_state:
            return (2 if self.has_prefix_caching else 1) + self.n_drafted
        if kind.window is None:
            return -(-context_len // self._tokens_per_block(kind))
        n_tokens = min(kind.window - 1 + self.batched_tokens, context_len)
        return -(-n_tokens // self._tokens_per_block(kind)) + 1
