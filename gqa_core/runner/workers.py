"""A fresh process per point, so that it shares no memory with another and a kill ends it alone.

Processes are forked from a server that has imported torch and done nothing with it; a system
without fork starts each anew. A worker exits when its parent does, however that ends; in a
dashboard's run Linux sees to that (`gqa_core/server_watch.py`). The parent never imports torch.
"""

from __future__ import annotations

import importlib
import multiprocessing
import os
import shutil
import signal
import sys
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerContext, SpawnContext
from multiprocessing.util import get_temp_dir
from typing import Any

from gqa_core.server_watch import end_with_parent, is_visitor_run

__all__ = ["WorkerError", "Workers", "signal_name"]

FIRST_PRELOAD = "gqa_core.runner.fork_server"


class WorkerError(RuntimeError):
    """A worker failed or died; the message is one sentence."""


class Workers:
    """Runs functions of importable modules, each call in a process of its own.

    The module `preload` is imported once, before the processes are forked.
    """

    def __init__(self, preload: str) -> None:
        self._context: SpawnContext | ForkServerContext
        if sys.platform == "win32":
            self._context = multiprocessing.get_context("spawn")
        else:
            self._context = multiprocessing.get_context("forkserver")
            self._context.set_forkserver_preload([FIRST_PRELOAD, preload])
            get_temp_dir()  # created before the first worker, so that all share it

    def call(
        self,
        module: str,
        function: str,
        *arguments: Any,
        on_progress: Callable[..., None] | None = None,
    ) -> Any:
        """The result of `module.function(*arguments)` in a new process.

        The function is named, so that this process need not import its module. With `on_progress`,
        it receives a callback of the same name; every call of that is forwarded immediately.

        Raises:
            ValueError: the function raised it.
            WorkerError: it raised something else, or the process died.
        """
        receiver, sender = self._context.Pipe(duplex=False)
        process = self._context.Process(
            target=_child_main,
            args=(sender, module, function, arguments, on_progress is not None),
            daemon=True,
        )
        process.start()
        sender.close()
        try:
            while (message := receiver.recv())[0] == "progress":
                if on_progress is not None:
                    on_progress(*message[1])
        except EOFError:
            process.join()
            raise WorkerError(_exit_reason(process.exitcode)) from None
        finally:
            receiver.close()
            process.kill()
            process.join()
        outcome, payload = message
        if outcome == "value":
            return payload
        raise ValueError(payload) if outcome == "value_error" else WorkerError(payload)


def _child_main(
    sender: Connection, module: str, function: str, arguments: tuple[Any, ...], has_progress: bool
) -> None:
    """Run the function in this process, and send its result or its error."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides when to stop
    if is_visitor_run():
        end_with_parent()  # which is the fork server
    threading.Thread(target=_exit_with_parent, daemon=True).start()
    # A worker starts no process; numba then makes no semaphore, which a kill would leave behind.
    multiprocessing.set_start_method("spawn", force=True)
    kwargs: dict[str, Any] = {}
    if has_progress:
        kwargs["on_progress"] = lambda *message: sender.send(("progress", message))
    try:
        run = getattr(importlib.import_module(module), function)
        sender.send(("value", run(*arguments, **kwargs)))
    except ValueError as error:
        sender.send(("value_error", _first_line(error)))
    except Exception as error:  # noqa: BLE001 - the parent reports any error
        sender.send(("error", _first_line(error)))


def _exit_with_parent() -> None:
    """Wait until the parent is gone, then end this process at once."""
    parent = multiprocessing.parent_process()
    assert parent is not None, "a worker is always a child"
    wait([parent.sentinel])
    # A killed parent cannot remove the folder of the sockets by which it reached its workers.
    shutil.rmtree(get_temp_dir(), ignore_errors=True)
    os._exit(1)


def _first_line(error: BaseException) -> str:
    """The first line of an error: torch appends pages of advice to its errors."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _exit_reason(exitcode: int | None) -> str:
    """The reason why a process ended without a result, in words."""
    if exitcode is None or exitcode >= 0:
        return f"its process ended without a result (exit code {exitcode})"
    name = signal_name(-exitcode)
    likely = ", most likely for lack of memory" if name == "SIGKILL" else ""
    return f"its process was killed by {name}{likely}"


def signal_name(number: int) -> str:
    """SIGKILL for 9; "signal 40" for a real-time signal, which has no name."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
