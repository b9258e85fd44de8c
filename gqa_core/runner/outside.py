"""Calls a function in a process of its own, so that a large text costs the caller nothing.

The process is of lower priority, may take a bounded amount of memory and of time, and reads one
text at a time. It is started as `python -m gqa_core.runner.outside MODULE FUNCTION`.
"""

from __future__ import annotations

import importlib
import os
import pickle
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from gqa_core.server_watch import end_with_parent

__all__ = ["call_outside"]

PACKAGE_PARENT = Path(__file__).parents[2]
TIME_LIMIT_S = 60.0
MEMORY_BYTES = 2 * 10**9
NICENESS = 5
TURN = threading.Lock()


def call_outside(module: str, function: str, *arguments: Any) -> Any:
    """The result of `module.function(*arguments)` of a new process.

    Raises:
        ValueError: the function raised it, or there is no result in time and within memory.
    """
    if not TURN.acquire(timeout=TIME_LIMIT_S):
        raise ValueError(f"other texts are being read: no turn within {TIME_LIMIT_S:g} s")
    try:
        ended = subprocess.run(
            [sys.executable, "-m", "gqa_core.runner.outside", module, function],
            input=pickle.dumps(arguments),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=PACKAGE_PARENT,
            timeout=TIME_LIMIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ValueError(f"a text must be read within {TIME_LIMIT_S:g} s: got longer") from None
    finally:
        TURN.release()
    if ended.returncode:
        raise ValueError(f"a text must be read within {MEMORY_BYTES // 10**9} GB: got no result")
    is_error, payload = pickle.loads(ended.stdout)
    if is_error:
        raise ValueError(payload)
    return payload


def _main(module: str, function: str) -> None:
    _lower_claims()
    arguments = pickle.load(sys.stdin.buffer)
    outcome: tuple[bool, Any]
    try:
        outcome = False, getattr(importlib.import_module(module), function)(*arguments)
    except (ValueError, RuntimeError) as error:  # RuntimeError: of a log
        outcome = True, str(error)
    pickle.dump(outcome, sys.stdout.buffer)


def _lower_claims() -> None:
    if sys.platform == "win32":
        return
    os.nice(NICENESS)
    if sys.platform == "linux":
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))
        end_with_parent()  # which would have ended it at the time limit


if __name__ == "__main__":
    _main(*sys.argv[1:])
