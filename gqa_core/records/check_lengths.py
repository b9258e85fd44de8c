"""What records of generations and of growing caches have in common: lists that go by length.

Sums of seconds up to a length only rise with it. Free of torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from gqa_core.records import checks
from gqa_core.records.record import Record
from gqa_core.records.specs.decode import MAX_SAMPLES

WORKLOAD = ("context_lens", "batch_size", "dtype", "n_layers")
MAX_LENGTHS = 100


def workload(record: Record) -> Mapping[str, Any]:
    """What the points of these records are made of: `context_lens`, `dtype` and `n_layers`.

    Raises:
        ValueError: it is no workload of one sequence at some lengths.
    """
    given = checks.require_fields("workload", record["workload"], WORKLOAD)
    checks.require_equal("workload.batch_size", given["batch_size"], 1)
    lengths = checks.require_list(
        "workload.context_lens", given["context_lens"], "lengths", range(1, MAX_LENGTHS + 1)
    )
    return {
        "context_lens": tuple(lengths),
        "dtype": checks.text("workload.dtype", given["dtype"]),
        "n_layers": given["n_layers"],
    }


def by_length(name: str, value: object, of: str, lengths: Sequence[int]) -> list[Any]:
    """`value`, if it is a list with one entry a length.

    Raises:
        ValueError: it is not.
    """
    return checks.require_list(name, value, of, [len(lengths)])


def n_samples(name: str, value: object) -> int:
    """How many samples the last length has in a list of lists; the rest is checked later.

    Raises:
        ValueError: it is no list of lists, or has none or too many.
    """
    if not isinstance(value, list) or not value:
        raise ValueError(f"{name} must be a list of lists of seconds: got {checks.shown(value)}")
    return len(checks.require_list(name, value[-1], "seconds", range(1, MAX_SAMPLES + 1)))


def require_samples(name: str, value: object, counts: Sequence[int]) -> None:
    """Nothing, if there are as many seconds at each length as `counts` says.

    Raises:
        ValueError: there are not, or one is no time.
    """
    for samples, count in zip(by_length(name, value, "lists", counts), counts, strict=True):
        for seconds in checks.require_list(name, samples, "seconds", [count]):
            checks.require_number(name, seconds, checks.MIN_S, checks.MAX_S)


def require_totals(name: str, value: object, lengths: Sequence[int]) -> list[float]:
    """The sums of seconds up to each length, if they rise with it.

    Raises:
        ValueError: they do not, or one is no time.
    """
    totals = by_length(name, value, "sums of seconds", lengths)
    for total in totals:
        checks.require_number(name, total, checks.MIN_S, checks.MAX_S)
    for earlier, later in pairwise(totals):
        if later <= earlier:
            raise ValueError(f"{name} must rise with the length: got {earlier:g} and {later:g}")
    return totals
