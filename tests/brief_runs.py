"""python -m tests.brief_runs ARGUMENTS: the command line, whose steps take their least samples.

A real run samples a step until its time stops moving, which on a busy machine takes two seconds per
step, and each of its processes imports numba. Everything else is as in `python -m gqa_core`.
"""

import sys

if __name__ == "__main__":
    from gqa_core.commands.cli import main
    from gqa_core.runner import workers

    workers.FIRST_PRELOAD = "tests.brief_runs"
    sys.exit(main())

# In the fork server, which has to end with its run, and in its workers.
from gqa_core.engine.split_kv import attention, quantised_attention
from gqa_core.measure import sampling
from gqa_core.runner import fork_server

__all__ = ["attention", "fork_server", "quantised_attention"]

sampling.MIN_S = sampling.BUDGET_S = 0.0
