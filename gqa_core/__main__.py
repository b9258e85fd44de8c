"""python -m gqa_core: the command line."""

import os
import sys

from gqa_core.commands.cli import main

if __name__ == "__main__":
    if "GQA_CHILD_BYTES" in os.environ:  # a dashboard started it
        from gqa_core.runner.visitor_run import supervise

        supervise()
    sys.exit(main())
