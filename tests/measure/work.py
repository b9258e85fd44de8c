"""What the workers of test_workers.py are asked to do."""

import os
import time
from pathlib import Path


def own_pid():
    return os.getpid()


def refuse(number):
    raise ValueError(f"context_len must be kind: got {number}")


def fail(message):
    raise RuntimeError(message)


def kill_oneself(signal_number):
    os.kill(os.getpid(), signal_number)
    time.sleep(60)


def leave(code):
    os._exit(code)


def note_pid_and_sleep(path):
    Path(path).write_text(str(os.getpid()))
    time.sleep(600)
