"""Doubts about measured rows in words: disturbance by other work, withheld bounds, warnings."""

from __future__ import annotations

from collections.abc import Sequence

from dashboard.data.decode_rows import Row, run_verdict, usable, variant_name


def verdict_sentence(rows: Sequence[Row]) -> str:
    """The worst verdict on these rows: of how many, one of them, and its reason."""
    worst = run_verdict(rows)
    if worst.name == "quiet":
        return "Other work did not disturb the samples."
    rows_like_it = [row for row in rows if row.verdict.name == worst.name]
    first = rows_like_it[0]
    point = f"{variant_name(first)} at {first.context_len} tokens"
    if len(rows) > 1:
        is_each = len(rows_like_it) == len(rows)
        n_points = f"All {len(rows)}" if is_each else f"{len(rows_like_it)} of {len(rows)}"
        point = f"{n_points} points, such as {point}"
    return f"{point}: {first.verdict.reason}."


def unusable_sentence(rows: Sequence[Row]) -> str:
    """The reason why there are no figures for these rows, one of which is unusable."""
    return (
        f"The samples are unusable. {verdict_sentence(rows)} Run again when the machine is quiet."
    )


def doubt_sentences(rows: Sequence[Row]) -> list[str]:
    """Some points not counted as unusable, withheld bounds, and the warnings of the records."""
    sentences = []
    if 0 < len(usable(rows)) < len(rows):
        sentences.append(f"Not counted, for unusable samples: {verdict_sentence(rows)}")
    if doubts := [doubt for row in rows if (doubt := row.bound_doubt)]:
        sentences.append(
            f"The bound of {len(doubts)} of {len(rows)} points is withheld: {doubts[0]}."
        )
    if warnings := [warning for row in rows for warning in row.record.warnings]:
        sentences.append(f"Warnings of the records: {'; '.join(dict.fromkeys(warnings))}.")
    return sentences
