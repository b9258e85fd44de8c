"""python -m gqa_core: the command line."""

import sys

from gqa_core.commands.cli import main

if __name__ == "__main__":
    sys.exit(main())
