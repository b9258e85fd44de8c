"""python -m tests.brief_runs ARGUMENTS: the command line, whose steps take their least samples.

A real run samples a step until its time stops moving, which on a busy machine takes two seconds per
step, and each of its processes imports numba. Everything else is as in `python -m gqa_core`.
"""

import sys

if __name__ == "__main__":
    from gqa_core.commands.cli import main
    from gqa_core.runner import workers

    workers.FIRST_PRELOAD = "tests.brief_sampling"
    sys.exit(main())
