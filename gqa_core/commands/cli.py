"""The command line: the group of all subcommands, and one sentence for every error.

Each subcommand imports what it needs when it runs, so that `size` does not wait for torch.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click

from gqa_core.commands.advise import advise
from gqa_core.commands.dashboard import dashboard
from gqa_core.commands.decode import bench, crossover
from gqa_core.commands.device import device
from gqa_core.commands.files import IO_EXIT_CODE
from gqa_core.commands.fit import fit
from gqa_core.commands.generate import generate
from gqa_core.commands.limits import limits_
from gqa_core.commands.log import import_, log_
from gqa_core.commands.prepare import prepare
from gqa_core.commands.quality import inspect_heads_, quality, train
from gqa_core.commands.reconcile import reconcile
from gqa_core.commands.remove_import import remove_import
from gqa_core.commands.sample_runs import sample_runs
from gqa_core.commands.size import size
from gqa_core.commands.verify import verify
from gqa_core.records.log.errors import RunLogError

__all__ = ["gqa_lab", "main"]

CONSOLE_SCRIPT, MODULE = "gqa-lab", "python -m gqa_core"
MAX_MESSAGE = 400  # characters: a message may quote an argument
SUBCOMMANDS = (
    size,
    fit,
    advise,
    reconcile,
    bench,
    crossover,
    verify,
    generate,
    quality,
    inspect_heads_,
    train,
    device,
    sample_runs,
    prepare,
    log_,
    import_,
    remove_import,
    limits_,
    dashboard,
)
EXIT_CODES = """\b
Exit codes:
  0    done
  1    something could not be measured or imported, or a comparison failed; the rest is kept
  2    bad input
  3    a file, the run log or the output cannot be read or written
  130  interrupted; every finished record is kept"""


class Subcommands(click.Group):
    """A group that lists its subcommands in the order in which they were added."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in that order."""
        return list(self.commands)


group = Subcommands(
    no_args_is_help=False,
    commands={command.name or "": command for command in SUBCOMMANDS},
    help="Compute and measure the KV cache of MHA, GQA, MQA and MLA.\n\n"
    "Results go to stdout, progress and errors to stderr. Sizes are in bytes, times in seconds, "
    "bandwidth in bytes per second.",
    epilog=EXIT_CODES,
    context_settings={
        "show_default": True,
        "max_content_width": 100,
        "help_option_names": ["-h", "--help"],
    },
)


def main(argv: Sequence[str] | None = None) -> int:
    """The exit code of the command line with these arguments, sys.argv by default.

    An error is one sentence on stderr. SystemExit passes through.
    """
    if sys.stdout is None:  # closed by the caller
        return _fail("output cannot be written: stdout is closed", IO_EXIT_CODE)
    arguments = list(sys.argv[1:] if argv is None else argv)
    is_script = os.path.basename(sys.argv[0]).startswith(CONSOLE_SCRIPT)
    try:
        # Not `group.main`, which ends silently with exit code 1 where a reader has gone away.
        with group.make_context(CONSOLE_SCRIPT if is_script else MODULE, arguments) as context:
            exit_code = group.invoke(context) or 0
        sys.stdout.flush()
        return exit_code
    except click.exceptions.Exit as done:  # of --help
        return done.exit_code
    except click.ClickException as error:
        return _fail(error.format_message(), error.exit_code)
    except RunLogError as error:
        return _fail(str(error), IO_EXIT_CODE)
    except ValueError as error:
        return _fail(str(error), 2)
    except OSError as error:
        # What is left in the buffer must not fail once more when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _fail(f"output cannot be written: {error.strerror or error}", IO_EXIT_CODE)
    except (click.Abort, KeyboardInterrupt):
        return _fail("interrupted: every finished record is kept", 130)


def gqa_lab() -> int:
    """The exit code of the console script: without arguments it serves the dashboard."""
    return main(sys.argv[1:] or ["dashboard"])


def _fail(message: str, code: int) -> int:
    """Print the message as one line on stderr; returns the exit code.

    Ranks that torchrun started fail alike: the first of a machine says it.
    """
    if os.environ.get("LOCAL_RANK", "0") != "0":
        from gqa_core.measure.sharded.signals import wait_for_end

        wait_for_end()
    click.echo(" ".join(message.split())[:MAX_MESSAGE], err=True)
    return code
