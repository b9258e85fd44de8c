"""python -m gqa_core: the command line."""

import sys

if __name__ == "__main__":
    from gqa_core.server_watch import watch_server

    watch_server()  # before all else is imported
    from gqa_core.commands.cli import main

    sys.exit(main())
