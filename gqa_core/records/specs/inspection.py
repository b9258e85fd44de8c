"""Spec of a head inspection: the text, the layer, and the numbers of K/V heads to convert to.

Without torch, a page can refuse a text before a process is started for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from gqa_core.configs import validate_int
from gqa_core.records.specs.training import Pooling, TrainingConfig, validate_pooling

__all__ = ["TEXT_BYTES", "InspectionSpec"]

TEXT_BYTES = (8, 96)  # CKA of fewer tokens means nothing; maps of more fit on no screen


@dataclass(frozen=True, slots=True, kw_only=True)
class InspectionSpec:
    """The heads of one layer on `text`, for each number of K/V heads that they are pooled to.

    `layer` counts from 0, and `start` is the pooling method.

    Raises:
        ValueError: the text is too short, too long or one byte repeated; n_kv_heads do not divide
            n_heads or repeat; the model has no such layer; the pooling is unknown.
    """

    text: str
    n_kv_heads: tuple[int, ...]
    start: Pooling
    layer: int
    training_config: TrainingConfig = field(default_factory=TrainingConfig)

    def __post_init__(self) -> None:
        _validate_text(self.tokens)
        validate_pooling(self.start)
        validate_int("layer", self.layer, self.training_config.n_layers - 1, least=0)
        for count in self.n_kv_heads:
            self.training_config.attention(count)
        if not self.n_kv_heads or len(set(self.n_kv_heads)) < len(self.n_kv_heads):
            raise ValueError(f"n_kv_heads must come once each: got {list(self.n_kv_heads)}")

    @property
    def tokens(self) -> bytes:
        """The bytes of the text; bytes from a terminal that are not UTF-8 stay as they are."""
        return self.text.encode("utf-8", errors="surrogateescape")

    @property
    def arguments(self) -> Sequence[str]:
        """The command line, without `python -m gqa_core`."""
        counts = ",".join(map(str, self.n_kv_heads))
        return [
            "inspect-heads",
            f"--text={self.text}",  # one word, since a text may begin with a dash
            f"--n-kv-heads={counts}",
            f"--start={self.start}",
            f"--layer={self.layer}",
        ]


def _validate_text(tokens: bytes) -> None:
    least, most = TEXT_BYTES
    if not least <= len(tokens) <= most:
        raise ValueError(f"text must have {least} to {most} bytes: got {len(tokens)}")
    if len(set(tokens)) == 1:
        raise ValueError(f"text must have different bytes: got {len(tokens)} times the same")
    if 0 in tokens:
        raise ValueError("text must not hold the byte 0: got one")
