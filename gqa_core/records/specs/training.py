"""Configuration of a small language model and of its training, and the methods of pooling heads.

The GQA paper's recipe: train with a K and V for every head, pool them into fewer, and train on for
a small part of the steps ("uptraining").
Source: GQA paper (arXiv:2305.13245), section 2.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal, get_args

from gqa_core.configs import GroupedConfig, ModelConfig, Workload, validate_int
from gqa_core.theory.cost import projection_parameters
from gqa_core.theory.memory import kv_cache_bytes

__all__ = [
    "MAX_SEED",
    "N_TOKENS",
    "POOLINGS",
    "Pooling",
    "TrainingConfig",
    "divisors",
    "validate_pooling",
]

Pooling = Literal["mean", "first", "random"]
POOLINGS: tuple[Pooling, ...] = get_args(Pooling)
N_TOKENS = 256  # a token is a byte
MAX_STEPS = 100_000
MAX_SEED = 2**31


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingConfig:
    """A decoder of bytes, and its training; the defaults are those of the pretrained model.

    Training warms up to `lr` in `warmup` steps, then decays to a tenth of it along a cosine;
    uptraining has the constant rate `uptrain_lr`.

    Raises:
        ValueError: a number is out of bounds, or n_heads does not divide dim.
    """

    dim: int = 128
    n_layers: int = 4
    n_heads: int = 8
    hidden_dim: int = 320
    context_len: int = 128
    batch_size: int = 16
    n_steps: int = 600
    warmup: int = 50
    lr: float = 3e-3
    uptrain_lr: float = 1e-3

    def __post_init__(self) -> None:
        for name in ("dim", "n_layers", "n_heads", "hidden_dim", "context_len", "batch_size"):
            validate_int(name, getattr(self, name), 2**16)
        validate_int("n_steps", self.n_steps, MAX_STEPS)
        validate_int("warmup", self.warmup, MAX_STEPS, least=0)
        if self.dim % self.n_heads:
            raise ValueError(f"n_heads must divide dim: got {self.n_heads} and {self.dim}")

    def attention(self, n_kv_heads: int) -> GroupedConfig:
        """The attention of one layer with `n_kv_heads` K/V heads.

        Raises:
            ValueError: n_kv_heads does not divide n_heads.
        """
        head_dim = self.dim // self.n_heads
        return GroupedConfig(
            n_heads=self.n_heads, n_kv_heads=n_kv_heads, head_dim=head_dim, dim=self.dim
        )

    def cache_bytes(self, n_kv_heads: int) -> int:
        """Bytes of the float32 cache of one sequence of context_len tokens."""
        model = ModelConfig.uniform(self.attention(n_kv_heads), self.n_layers)
        return kv_cache_bytes(model, Workload(context_len=self.context_len), "fp32")

    def uptrain_steps(self, percent: int) -> int:
        """`percent` percent of the training steps, at least one unless percent is 0."""
        return 0 if percent == 0 else max(1, self.n_steps * percent // 100)

    def n_params(self, n_kv_heads: int) -> int:
        """The number of parameters: embedding, and per layer attention, feed-forward, two norms."""
        layer = self.attention(n_kv_heads)
        feed_forward = 3 * self.dim * self.hidden_dim
        block = projection_parameters(layer) + feed_forward + 2 * self.dim
        return self.n_layers * block + (N_TOKENS + 1) * self.dim

    @property
    def numbers(self) -> dict[str, float]:
        """All fields by name."""
        return asdict(self)


def divisors(n_heads: int) -> list[int]:
    """The divisors of n_heads, which are the possible numbers of K/V heads, largest first."""
    return [count for count in range(n_heads, 0, -1) if n_heads % count == 0]


def validate_pooling(name: object) -> None:
    """Raise ValueError unless this is the name of a pooling method."""
    if name not in POOLINGS:
        raise ValueError(f"pooling must be one of {', '.join(POOLINGS)}: got {name!r}")
