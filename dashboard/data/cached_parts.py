"""Names and descriptions of cached parts, as figures, tables and sentences show them."""

from __future__ import annotations

from gqa_core import units
from gqa_core.theory.sharing import CachedPart


def describe_heads(heads: range, kind: str = "query head") -> str:
    """Consecutive heads: "query heads 12 to 15"."""
    if len(heads) == 1:
        return f"{kind} {heads[0]}"
    return f"{kind}s {heads[0]} to {heads[-1]}"


def describe_part(part: CachedPart) -> str:
    """A cached part in four short lines of HTML: name, readers, bytes and share of the read."""
    return "<br>".join(
        [
            part.name,
            f"read by {describe_heads(part.query_heads)}",
            f"{units.capacity(part.bytes_per_token)} per token and layer",
            f"{units.percent(part.read_share)} of the read",
        ]
    )
