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


def tell_then_write(path, *, tell):
    tell("about to write")
    time.sleep(0.5)
    Path(path).write_text("")
    return "written"


def note_pid_and_sleep(path):
    Path(path).write_text(str(os.getpid()))
    time.sleep(600)


def count_compiles(point, cache_home):
    """How many functions numba compiled before the samples of a point, and during them."""
    os.environ["XDG_CACHE_HOME"] = cache_home
    from numba.core.event import RecordingListener, install_listener

    from gqa_core.measure import decode

    take_samples, before = decode._take_samples, []

    def noting(*arguments):
        before.append(len(heard.buffer))
        return take_samples(*arguments)

    decode._take_samples = noting
    with install_listener("numba:compile", RecordingListener()) as heard:
        decode.measure_decode(point, "cpu")
    return before[0], len(heard.buffer) - before[0]
