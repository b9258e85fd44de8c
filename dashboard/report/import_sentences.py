"""Sentences on the files of an import: those refused, those read, and those left out."""

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


def left_out_sentence(n_read: int, max_models: int, max_imports: int) -> str:
    """Numbers of files that were read but are not compared, or not kept; "" if all are."""
    if n_read <= max_models:
        return ""
    n_left = min(n_read, max_imports) - max_models
    sentence = (
        f"At most {max_models} models are compared: {units.count(n_left, 'more file')} "
        f"{'is' if n_left == 1 else 'are'} in the list of models alone."
    )
    n_dropped = n_read - max_imports
    if n_dropped <= 0:
        return sentence
    return (
        f"{sentence} At most {max_imports} imports are kept: {units.count(n_dropped, 'file')} "
        f"{'was' if n_dropped == 1 else 'were'} left out."
    )
