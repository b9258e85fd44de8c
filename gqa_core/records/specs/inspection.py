"""What is asked about the heads of the shipped model: on which text, in which layer, how shared.

Free of torch, so that a page can refuse a text before a process is started for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from gqa_core.configs import validate_int
from gqa_core.records.specs.training import TrainingConfig, require_pooling

TEXT_BYTES = (8, 96)  # fewer say nothing of how alike heads are, more fill no screen


@dataclass(frozen=True, slots=True, kw_only=True)
class InspectionSpec:
    """The model's heads on `text`, once for each number of K/V heads they are pooled to.

    Layers count from 0. `start` is how heads are pooled.

    Raises:
        ValueError: a text too short, too long or of one byte repeated, K/V heads that do not
            divide the heads or come twice, a layer the model does not have, no such pooling.
    """

    text: str
    n_kv_heads: tuple[int, ...]
    start: str
    layer: int
    training_config: TrainingConfig = field(default_factory=TrainingConfig)

    def __post_init__(self) -> None:
        _require_text(self.tokens)
        require_pooling(self.start)
        validate_int("layer", self.layer, self.training_config.n_layers - 1, least=0)
        for count in self.n_kv_heads:
            self.training_config.attention(count)
        if not self.n_kv_heads or len(set(self.n_kv_heads)) < len(self.n_kv_heads):
            raise ValueError(f"n_kv_heads must come once each: got {list(self.n_kv_heads)}")

    @property
    def tokens(self) -> bytes:
        """The text as the model reads it; what a terminal gave that is not UTF-8 stays as it is."""
        return self.text.encode("utf-8", errors="surrogateescape")

    @property
    def arguments(self) -> Sequence[str]:
        """The command line that asks this."""
        counts = ",".join(map(str, self.n_kv_heads))
        return [
            "inspect-heads",
            f"--text={self.text}",  # one word, since a text may begin with a dash
            f"--n-kv-heads={counts}",
            f"--start={self.start}",
            f"--layer={self.layer}",
        ]


def _require_text(tokens: bytes) -> None:
    least, most = TEXT_BYTES
    if not least <= len(tokens) <= most:
        raise ValueError(f"text must have {least} to {most} bytes: got {len(tokens)}")
    if len(set(tokens)) == 1:
        raise ValueError(f"text must have different bytes: got {len(tokens)} times the same")
    if 0 in tokens:
        raise ValueError("text must not hold the byte 0: got one")
