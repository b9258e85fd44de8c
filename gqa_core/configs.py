"""What can be asked: an attention layer, a model made of such layers, and a workload.

An attention layer is described by what it caches. Grouped attention keeps `n_kv_heads` keys and
values for `n_heads` query heads; MHA (n_kv_heads = n_heads) and MQA (n_kv_heads = 1) are its two
ends, so the three are one config with different numbers. Latent attention (MLA) keeps one latent
vector and one rotary key for all heads. The variant is derived from the numbers, never stored.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

MAX_LAYERS = 1000
MAX_HEADS = 1024
MAX_HEAD_DIM = 1024
MAX_RANK = 2**16
MAX_DIM = MAX_HEADS * MAX_HEAD_DIM
MAX_CONTEXT_LEN = 2**24
MAX_BATCH_SIZE = 2**20
MAX_PARAMS = 10**14

KERNEL_NAMES = ("auto", "eager", "sdpa", "packed", "matmul", "split_kv")


def validate_int(name: str, value: object, most: int, least: int = 1) -> None:
    """Nothing, if `value` is a whole number between `least` and `most`.

    Raises:
        ValueError: it is another type (a bool counts as one), or outside the bounds.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{name} must be a whole number: got {value!r}")
    if not least <= value <= most:
        raise ValueError(f"{name} must be between {least} and {most}: got {value}")


def validate_kernel(name: object) -> None:
    """Nothing, if a grouped kernel has this name.

    Raises:
        ValueError: none has.
    """
    if name not in KERNEL_NAMES:
        raise ValueError(f"kernel must be one of {', '.join(KERNEL_NAMES)}: got {name!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupedConfig:
    """One layer of MHA, GQA or MQA: `n_heads` query heads share `n_kv_heads` K/V heads.

    `v_head_dim` (width of a value) is `head_dim` unless given, and `dim` (the model width)
    is n_heads * head_dim unless given.

    Raises:
        ValueError: a number out of bounds, or n_kv_heads does not divide n_heads.
    """

    n_heads: int
    n_kv_heads: int
    head_dim: int
    v_head_dim: int | None = None
    dim: int | None = None

    def __post_init__(self) -> None:
        validate_int("n_heads", self.n_heads, MAX_HEADS)
        validate_int("n_kv_heads", self.n_kv_heads, MAX_HEADS)
        validate_int("head_dim", self.head_dim, MAX_HEAD_DIM)
        if self.n_heads % self.n_kv_heads:
            raise ValueError(
                f"n_kv_heads must divide n_heads: got {self.n_kv_heads} and {self.n_heads}"
            )
        _fill(self, "v_head_dim", self.head_dim, MAX_HEAD_DIM)
        _fill(self, "dim", self.n_heads * self.head_dim, MAX_DIM)

    @property
    def variant(self) -> str:
        """MHA, GQA or MQA, by the numbers alone; one head with one K/V head is MHA."""
        if self.n_kv_heads == self.n_heads:
            return "MHA"
        return "MQA" if self.n_kv_heads == 1 else "GQA"

    @property
    def q_per_kv(self) -> int:
        """Query heads that read one K/V head."""
        return self.n_heads // self.n_kv_heads

    @property
    def mha_baseline(self) -> GroupedConfig:
        """The MHA this layer is held against: the same, with a K and a V for every head."""
        return replace(self, n_kv_heads=self.n_heads)

    @property
    def rotary_dim(self) -> int:
        """Width that RoPE rotates: the whole head."""
        return self.head_dim


@dataclass(frozen=True, slots=True, kw_only=True)
class LatentConfig:
    """One layer of MLA, in the names of DeepSeek's code.

    `q_lora_rank` None means the query is projected directly; `dim` is n_heads * v_head_dim
    unless given.

    Raises:
        ValueError: a number out of bounds.
    """

    n_heads: int
    kv_lora_rank: int
    qk_rope_head_dim: int
    qk_nope_head_dim: int
    v_head_dim: int
    q_lora_rank: int | None = None
    dim: int | None = None

    def __post_init__(self) -> None:
        validate_int("n_heads", self.n_heads, MAX_HEADS)
        validate_int("kv_lora_rank", self.kv_lora_rank, MAX_RANK)
        validate_int("qk_rope_head_dim", self.qk_rope_head_dim, MAX_HEAD_DIM)
        validate_int("qk_nope_head_dim", self.qk_nope_head_dim, MAX_HEAD_DIM)
        validate_int("v_head_dim", self.v_head_dim, MAX_HEAD_DIM)
        validate_int("qk_nope_head_dim + qk_rope_head_dim", self.qk_head_dim, MAX_HEAD_DIM)
        if self.q_lora_rank is not None:
            validate_int("q_lora_rank", self.q_lora_rank, MAX_RANK)
        _fill(self, "dim", self.n_heads * self.v_head_dim, MAX_DIM)

    @property
    def variant(self) -> str:
        """Always MLA."""
        return "MLA"

    @property
    def qk_head_dim(self) -> int:
        """Width of a head's query and key; its -1/2 power is the softmax scale in both forms."""
        return self.qk_nope_head_dim + self.qk_rope_head_dim

    @property
    def mha_baseline(self) -> GroupedConfig:
        """The MHA this layer is held against: qk_nope_head_dim + v_head_dim for every head.

        Source: DeepSeek-V2 report (arXiv:2405.04434), Table 1; gives V3 its 56.89.
        """
        return GroupedConfig(
            n_heads=self.n_heads,
            n_kv_heads=self.n_heads,
            head_dim=self.qk_nope_head_dim,
            v_head_dim=self.v_head_dim,
            dim=self.dim,
        )

    @property
    def expanded(self) -> GroupedConfig:
        """What the naive form runs and caches: every head's own K (nope + rope) and V."""
        return GroupedConfig(
            n_heads=self.n_heads,
            n_kv_heads=self.n_heads,
            head_dim=self.qk_head_dim,
            v_head_dim=self.v_head_dim,
            dim=self.dim,
        )

    @property
    def rotary_dim(self) -> int:
        """Width that RoPE rotates: the one shared rotary key."""
        return self.qk_rope_head_dim


AttentionConfig = GroupedConfig | LatentConfig


def default_mla_for(n_heads: int, head_dim: int, **given: int) -> LatentConfig:
    """MLA beside grouped heads of `head_dim`, as wide a model, in DeepSeek-V2's proportions.

    kv_lora_rank = 4 head_dim, qk_rope_head_dim = head_dim / 2, nope = v = head_dim, no
    q_lora_rank; `given` numbers take their place.

    Raises:
        ValueError: as `LatentConfig`, and for a head_dim out of bounds.
    Source: DeepSeek-V2 report (arXiv:2405.04434), section 2.1.2.
    """
    beside = GroupedConfig(n_heads=n_heads, n_kv_heads=n_heads, head_dim=head_dim)
    proportions = {
        "kv_lora_rank": 4 * head_dim,
        "qk_rope_head_dim": max(head_dim // 2, 1),
        "qk_nope_head_dim": head_dim,
        "v_head_dim": head_dim,
        "dim": beside.dim,
    }
    return LatentConfig(n_heads=n_heads, **proportions | given)


def validate_rotary(attention: AttentionConfig) -> None:
    """Nothing, if RoPE can rotate this layer's pairs: only tensors need it, sizes do not.

    Raises:
        ValueError: the rotated width is odd.
    """
    if attention.rotary_dim % 2:
        name = "head_dim" if isinstance(attention, GroupedConfig) else "qk_rope_head_dim"
        raise ValueError(
            f"{name} must be even, since RoPE rotates pairs: got {attention.rotary_dim}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerGroup:
    """`n_layers` layers alike; `window` is how many tokens back they see, None for all.

    Raises:
        ValueError: a number out of bounds.
    """

    attention: AttentionConfig
    n_layers: int
    window: int | None = None

    def __post_init__(self) -> None:
        validate_int("n_layers", self.n_layers, MAX_LAYERS)
        if self.window is not None:
            validate_int("window", self.window, MAX_CONTEXT_LEN)

    def cached_tokens(self, context_len: int) -> int:
        """Tokens one such layer must keep of a context: all, or the window's."""
        return context_len if self.window is None else min(context_len, self.window)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelConfig:
    """The caching layers of a model, as runs of alike layers; most models have one run.

    Raises:
        ValueError: no layer at all, or more than the bound in all runs together.
    """

    layer_groups: tuple[LayerGroup, ...]

    def __post_init__(self) -> None:
        if not self.layer_groups:
            raise ValueError("a model must have at least one run of layers: got none")
        validate_int("n_layers", self.n_layers, MAX_LAYERS)

    def __iter__(self) -> Iterator[LayerGroup]:
        return iter(self.layer_groups)

    @classmethod
    def uniform(cls, attention: AttentionConfig, n_layers: int) -> ModelConfig:
        """A model whose layers are all alike and see the whole context."""
        return cls(layer_groups=(LayerGroup(attention=attention, n_layers=n_layers),))

    @property
    def n_layers(self) -> int:
        """Layers in all runs."""
        return sum(run.n_layers for run in self.layer_groups)

    @property
    def variant(self) -> str | None:
        """The variant of all layers, or None where they differ."""
        variants = {run.attention.variant for run in self.layer_groups}
        return variants.pop() if len(variants) == 1 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """What a decode step meets: `context_len` tokens cached, its own included, per sequence.

    Raises:
        ValueError: a number out of bounds.
    """

    context_len: int
    batch_size: int = 1

    def __post_init__(self) -> None:
        validate_int("context_len", self.context_len, MAX_CONTEXT_LEN)
        validate_int("batch_size", self.batch_size, MAX_BATCH_SIZE)


def _fill(config: AttentionConfig, name: str, default: int, most: int) -> None:
    """Put a derived default where None was given, so that equal layers compare equal."""
    if getattr(config, name) is None:
        object.__setattr__(config, name, default)
    validate_int(name, getattr(config, name), most)
