"""What became of the files of an import: which were refused, read, and left out."""

from __future__ import annotations

from collections.abc import Sequence

from gqa_core import units

__all__ = ["left_out_sentence", "refused_sentence"]


def refused_sentence(refused: Sequence[tuple[str, str]], read: Sequence[str]) -> str:
    """Each refused file with its reason, and the files that were read; "" if none was refused."""
    if not refused:
        return ""
    clauses = [f"{name} was refused: {reason}" for name, reason in refused]
    if read:
        clauses.append(f"read: {', '.join(read)}")
    return f"{'; '.join(clauses)}."


def left_out_sentence(n_read: int, most_compared: int, most_kept: int) -> str:
    """How many of the files that were read are not compared, and not kept; "" if all are."""
    n_kept = min(n_read, most_kept)
    if n_read <= most_compared:
        return ""
    n_left = n_kept - most_compared
    verb = "is" if n_left == 1 else "are"
    sentence = (
        f"At most {most_compared} models are compared: {units.count(n_left, 'more file')} "
        f"{verb} in the list of models alone."
    )
    if n_read == n_kept:
        return sentence
    n_dropped = n_read - n_kept
    kept = f"At most {most_kept} imports are kept: {units.count(n_dropped, 'file')}"
    return f"{sentence} {kept} {'was' if n_dropped == 1 else 'were'} left out."
