"""Whether a record of kind check holds together: the verdict against the error and the tolerance.

Free of torch.
"""

from __future__ import annotations

from gqa_core.configs import Workload
from gqa_core.records import checks
from gqa_core.records.record import Record
from gqa_core.records.specs.verify import TOLERANCE, VerifySpec

FIELDS = (
    "config",
    "workload",
    "comparison",
    "planted",
    "max_difference",
    "relative_error",
    "tolerance",
    "passed",
)
WORKLOAD = ("context_len", "batch_size", "dtype")
MAX_APART = 1e6


def check_comparison(record: Record) -> None:
    """Nothing, if the fields of kind check could be a comparison's.

    Raises:
        ValueError: one could not; names it, the rule and what came.
    """
    workload = checks.require_fields("workload", record["workload"], WORKLOAD)
    if not isinstance(record["planted"], bool):
        raise ValueError(f"planted must be true or false: got {checks.shown(record['planted'])}")
    point = VerifySpec(
        comparison=checks.text("comparison", record["comparison"]),
        attention=checks.layer(record["config"], grouped=True),
        workload=Workload(context_len=workload["context_len"], batch_size=workload["batch_size"]),
        dtype=checks.text("workload.dtype", workload["dtype"]),
        planted=record["planted"],
    )
    difference, error = record["max_difference"], record["relative_error"]
    checks.require_number("max_difference", difference, 0, MAX_APART)
    checks.require_number("relative_error", error, 0, MAX_APART)
    if (difference == 0) != (error == 0):
        raise ValueError(
            "relative_error must be 0 where max_difference is, and only there: "
            f"got {checks.shown(error)} and {checks.shown(difference)}"
        )
    checks.require_equal("tolerance", record["tolerance"], TOLERANCE[point.dtype])
    checks.require_equal("passed", record["passed"], error <= TOLERANCE[point.dtype])
