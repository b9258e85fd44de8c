"""A run that a dashboard's visitor started is refused before its first point if over the limits.

The server names the bytes that the run's process may take in the environment.
`gqa_core/server_watch.py` caps the process, and ends it with the server.
"""

from __future__ import annotations

from collections.abc import Sequence

from gqa_core import units
from gqa_core.limits.refusal import limit_error
from gqa_core.limits.settings import limits
from gqa_core.records.specs.spec import Spec
from gqa_core.server_watch import is_visitor_run

__all__ = ["validate_run"]


def validate_run(specs: Sequence[Spec], max_extra: int, free_bytes: int, n_ranks: int = 1) -> None:
    """Raise ValueError if a run takes the machine, or a visitor's run is over the limits.

    Each of `n_ranks` takes the bytes of a spec, and `free_bytes` are free for all of them.
    """
    margin_bytes = free_bytes * limits().memory_margin_percent // 100
    for spec in specs:
        if free_bytes - margin_bytes < n_ranks * spec.required_bytes <= free_bytes:
            raise limit_error(
                "memory_margin_percent",
                f"{spec} takes {units.decimal(n_ranks * spec.required_bytes)} of "
                f"{units.decimal(free_bytes)} that are free",
            )
    if is_visitor_run():
        _validate_visitor_run(specs, max_extra, free_bytes, n_ranks)


def _validate_visitor_run(
    specs: Sequence[Spec], max_extra: int, free_bytes: int, n_ranks: int
) -> None:
    """Raise ValueError if points, threads, samples or bytes are over the limits."""
    if (n_points := len(specs) + max_extra) > limits().run_points:
        raise limit_error("run_points", f"this one would measure {n_points:,}")
    if n_ranks > 1 and 0 < limits().threads < n_ranks:
        raise limit_error("threads", f"{n_ranks} ranks take one each at least")
    for spec in specs:
        if (n_samples := getattr(spec, "n_samples", 0)) > limits().run_samples:
            raise limit_error("run_samples", f"{spec} would take {n_samples:,}")
        if (n_bytes := n_ranks * spec.required_bytes) > limits().run_bytes:
            raise limit_error(
                "run_bytes",
                f"{spec} takes {units.decimal(n_bytes)}, and {units.decimal(free_bytes)} are free",
            )
