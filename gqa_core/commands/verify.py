"""verify: attention that must be the same, computed in two ways."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from gqa_core.commands.options import (
    RunOptions,
    batch_size_option,
    dtype_option,
    int_option,
    run_options,
)
from gqa_core.commands.run import report_note, run
from gqa_core.configs import MAX_CONTEXT_LEN, MAX_HEAD_DIM, MAX_HEADS, GroupedConfig, Workload
from gqa_core.theory.formats import DtypeName

if TYPE_CHECKING:
    from gqa_core.runner.run import RunResult


@click.command(short_help="Check that variants, forms and kernels agree.")
@int_option("n_heads", MAX_HEADS, required=True, help="Query heads.")
@int_option("n_kv_heads", MAX_HEADS, required=True, help="K/V heads; they divide n_heads.")
@int_option("head_dim", MAX_HEAD_DIM, required=True, help="Width of a head.")
@int_option("context_len", MAX_CONTEXT_LEN, required=True, help="Cached tokens.")
@batch_size_option
@click.option(
    "--plant-errors",
    "planted",
    is_flag=True,
    help="Read the K/V heads in the wrong order, and of quantised caches the scale of the token "
    "before, to see the comparisons fail: those where some heads share, but not all, and those of "
    "quantised caches.",
)
@dtype_option
@run_options
def verify(
    n_heads: int,
    n_kv_heads: int,
    head_dim: int,
    context_len: int,
    batch_size: int,
    planted: bool,
    dtype: DtypeName,
    run_options: RunOptions,
) -> int:
    """Compare variants, forms and kernels that must give the same output.

    Every comparison computes one output in two ways, and passes if their relative L2 error is
    within the tolerance of the dtype or the quantised format. Its record is one JSON object on
    stdout and is added to the run log. The exit code is 1 if a comparison fails and no error was
    planted.

    \b
    Example:
      verify --n-heads 32 --n-kv-heads 8 --head-dim 128 --context-len 8192
    """
    from gqa_core.records.kinds.verify import VerifyRecord
    from gqa_core.records.specs.verify import COMPARISONS, VerifySpec

    attention = GroupedConfig(n_heads=n_heads, n_kv_heads=n_kv_heads, head_dim=head_dim)
    workload = Workload(context_len=context_len, batch_size=batch_size)
    specs = [
        VerifySpec(
            comparison=comparison,
            attention=attention,
            workload=workload,
            dtype=dtype,
            planted=planted,
        )
        for comparison in COMPARISONS
    ]
    n_failed = 0

    def count_failed(result: RunResult) -> None:
        nonlocal n_failed
        passed = [record.passed for record in result.records if isinstance(record, VerifyRecord)]
        n_failed = passed.count(False)
        n_passed = f"{passed.count(True)} of {len(passed)} comparisons pass"
        report_note(f"{n_passed}, with an error planted" if planted else n_passed, run_options)

    exit_code = run(specs, run_options, on_result=count_failed)
    return exit_code or int(n_failed > 0 and not planted)
