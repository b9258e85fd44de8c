"""A fresh process for each point, so that its memory is its own and a kill takes nothing else.

Processes are forked from a server that has imported torch and done nothing with it (where there is
no fork, they start anew). A worker ends with the process that asked, however that one ends. The
asking process itself never imports torch.
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
from multiprocessing.util import get_temp_dir
from typing import Any


class WorkerError(RuntimeError):
    """A worker could not do what it was asked, or died of it; the message is one sentence."""


class Workers:
    """Runs functions of importable modules, each call in a process of its own; preloads one."""

    def __init__(self, preload: str) -> None:
        method = "spawn" if sys.platform == "win32" else "forkserver"
        self._context = multiprocessing.get_context(method)
        if method == "forkserver":
            self._context.set_forkserver_preload([preload])
            get_temp_dir()  # made before the first worker, so that each knows which it is

    def call(
        self,
        module: str,
        function: str,
        *arguments: Any,
        tell: Callable[[str], None] | None = None,
    ) -> Any:
        """What `module.function(*arguments)` returns in a new process.

        By name, so that the asking process need not import the module. Where `tell` is given, the
        function gets one too, and what it tells is told here at once.

        Raises:
            ValueError: the function raised it.
            WorkerError: it raised something else, or the process died.
        """
        receiver, sender = self._context.Pipe(duplex=False)
        process = self._context.Process(
            target=_serve,
            args=(sender, module, function, arguments, tell is not None),
            daemon=True,
        )
        process.start()
        sender.close()
        try:
            while (received := receiver.recv())[0] == "told":
                tell(received[1])
        except EOFError:
            process.join()
            raise WorkerError(_obituary(process.exitcode)) from None
        finally:
            receiver.close()
            process.kill()
            process.join()
        kind, answer = received
        if kind == "value":
            return answer
        raise ValueError(answer) if kind == "refusal" else WorkerError(answer)


def _serve(sender: Connection, module: str, function: str, arguments: tuple, tells: bool) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the asking process decides when to stop
    threading.Thread(target=_follow_parent, daemon=True).start()
    # It starts none of its own; numba then makes no semaphore, which a kill would leave behind.
    multiprocessing.set_start_method("spawn", force=True)
    how = {"tell": lambda text: sender.send(("told", text))} if tells else {}
    try:
        run = getattr(importlib.import_module(module), function)
        sender.send(("value", run(*arguments, **how)))
    except ValueError as error:
        sender.send(("refusal", _sentence(error)))
    except Exception as error:  # noqa: BLE001 - whatever it was, the asking process must hear of it
        sender.send(("error", _sentence(error)))


def _follow_parent() -> None:
    parent = multiprocessing.parent_process()
    wait([parent.sentinel])
    # A killed parent cannot remove the folder of the sockets by which it reached its workers.
    shutil.rmtree(get_temp_dir(), ignore_errors=True)
    os._exit(1)


def _sentence(error: BaseException) -> str:
    """The first line of an error: torch appends pages of advice to its own."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _obituary(exitcode: int | None) -> str:
    if exitcode is None or exitcode >= 0:
        return f"its process ended without a result (exit code {exitcode})"
    name = signal_name(-exitcode)
    likely = ", most likely for lack of memory" if name == "SIGKILL" else ""
    return f"its process was killed by {name}{likely}"


def signal_name(number: int) -> str:
    """SIGKILL for 9; the number itself where it has no name, as real-time signals have none."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
