"""gqa_core: size, bench, crossover, check, why, quality, heads, train, device, runs and import.

Bad input is one sentence on stderr and exit code 2; 1 means that something went wrong on the way,
and what was measured until then is kept. Each subcommand imports what it needs when it runs, so
that a size is told without waiting for torch.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from gqa_core.commands.arguments import NotANumberError, parser
from gqa_core.commands.device import device
from gqa_core.commands.measure import bench, check, crossover, why
from gqa_core.commands.quality import heads, quality, train
from gqa_core.commands.records import import_, runs
from gqa_core.commands.size import size

MAX_SENTENCE = 400  # characters: an argument may be quoted in it


def main(argv: Sequence[str] | None = None) -> int:
    """The exit code of `python -m gqa_core` with these arguments."""
    try:
        measuring = (bench, crossover, check, why, quality, heads, train)
        commands = (size, *measuring, device, runs, import_)
        arguments = parser(commands, description=__doc__).parse_args(argv)
        code = arguments.run(arguments)
        sys.stdout.flush()
        return code
    except (ValueError, NotANumberError) as error:
        print(str(error)[:MAX_SENTENCE], file=sys.stderr)
        return 2
    except OSError as error:
        # What is left in the buffer must not fail once more when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):  # a reader that left wants no sentence
            print(f"output cannot be written: {error.strerror or error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped; every record of a point that was done is kept", file=sys.stderr)
        return 130
