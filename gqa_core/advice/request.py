"""A question for the number of K/V heads: a model, its GPUs, and the limits of an answer."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from gqa_core.configs import (
    MAX_BATCH_SIZE,
    MAX_CONTEXT_LEN,
    MAX_HEADS,
    MAX_PARAMS,
    MAX_RANK,
    AttentionConfig,
    LatentConfig,
    ModelConfig,
    validate_int,
)
from gqa_core.theory.capacity import MAX_BYTES
from gqa_core.theory.engines import EngineName
from gqa_core.theory.kv_heads import main_attention
from gqa_core.theory.overhead import engine_overhead

__all__ = ["AdviceRequest"]

MAX_STEP_S = 3600.0
LATENT_PER_HEAD_DIM = 4  # of DeepSeek-V2: kv_lora_rank = 4 head_dim (arXiv:2405.04434, 2.1.2)


@dataclass(frozen=True, slots=True, kw_only=True)
class AdviceRequest:
    """A model on `tp` equal GPUs, and limits: users at once, and seconds per decode step.

    `weight_bytes` are those of the model with `weights_kv_heads` K/V heads; None there means that
    nobody knows with how many. `params` is the number of parameters, to find models of this size.
    A limit of None is no limit. `mla_ranks` are the latents to consider: by default the model's
    own, else DeepSeek-V2's four times the head width. `bandwidth_bytes_per_s` is the label's, None
    if no source gives it.

    Raises:
        ValueError: the weights are unknown, no layer caches tokens, a number is out of bounds, or
            time is limited on a device of unknown bandwidth.
    """

    model: ModelConfig
    weight_bytes: int | None
    device: str
    memory_bytes: int
    bandwidth_bytes_per_s: float | None
    kv_format: str
    context_len: int
    tp: int = 1
    n_users: int | None = None
    max_step_s: float | None = None
    weights_kv_heads: int | None = None
    weight_bytes_per_param: int = 2
    params: int | None = None
    utilisation: Fraction = Fraction(9, 10)
    overhead_bytes: int = 0
    engine: EngineName = "ideal"
    mla_ranks: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.weight_bytes is None:
            raise ValueError(
                "weight_bytes must be known, since what fits depends on them: got None"
            )
        validate_int("weight_bytes", self.weight_bytes, MAX_BYTES, least=0)
        validate_int("context_len", self.context_len, MAX_CONTEXT_LEN)
        validate_int("tp", self.tp, MAX_HEADS)
        for name, most in (
            ("n_users", MAX_BATCH_SIZE),
            ("weights_kv_heads", MAX_HEADS),
            ("params", MAX_PARAMS),
        ):
            if getattr(self, name) is not None:
                validate_int(name, getattr(self, name), most)
        for rank in self.mla_ranks:
            validate_int("mla_ranks", rank, MAX_RANK)
        if main_attention(self.model) is None:
            raise ValueError("model must have a layer that caches K and V: got states alone")
        self._validate_time()

    @property
    def attention(self) -> AttentionConfig:
        """The layer that represents the model."""
        attention = main_attention(self.model)
        assert attention is not None
        return attention

    @property
    def total_weight_bytes(self) -> int:
        """The weights as given, which are known."""
        assert self.weight_bytes is not None
        return self.weight_bytes

    @property
    def ranks(self) -> tuple[int, ...]:
        """The latents to consider, widest first."""
        own = self.attention
        if isinstance(own, LatentConfig):
            return tuple(sorted({*self.mla_ranks, own.kv_lora_rank}, reverse=True))
        default = (LATENT_PER_HEAD_DIM * own.head_dim,)
        return tuple(sorted({*(self.mla_ranks or default)}, reverse=True))

    @property
    def step_users(self) -> int:
        """The users of a step whose time is predicted: those wanted, one without a number."""
        return self.n_users or 1

    @property
    def safe_overhead_bytes(self) -> int:
        """Bytes besides weights and cache to count on: the engine's worst, or more if given."""
        return max(self.overhead_bytes, engine_overhead(self.engine).safe_bytes)

    def _validate_time(self) -> None:
        if self.max_step_s is None:
            return
        if not 0 < self.max_step_s <= MAX_STEP_S:
            raise ValueError(
                f"max_step_s must be above 0 and at most {MAX_STEP_S:g}: got {self.max_step_s}"
            )
        if self.bandwidth_bytes_per_s is None:
            raise ValueError(
                "bandwidth_bytes_per_s must be known for a limit on the time of a step: got None "
                f"for {self.device}"
            )
