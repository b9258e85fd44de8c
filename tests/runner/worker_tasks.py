"""Functions that the workers of the tests run."""

import itertools
import os
import time
from pathlib import Path

BUSY_TICKS = 5  # hundredths of a second


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


def report_then_write(path, *, on_progress):
    on_progress("about to write")
    time.sleep(0.5)
    Path(path).write_text("")
    return "written"


def note_pid_and_sleep(path):
    Path(path).write_text(str(os.getpid()))
    time.sleep(600)


def print_pid_and_hold_lock(_):
    print(os.getpid(), flush=True)
    sum(itertools.repeat(0))  # never gives Python's lock back


def count_compiles(point, cache_home):
    """The numbers of functions numba compiled before the samples of a point, and during them."""
    os.environ["XDG_CACHE_HOME"] = cache_home
    from numba.core.event import RecordingListener, install_listener

    from gqa_core.measure import decode

    take_samples, before = decode.take_samples, []

    def noting(*arguments, **options):
        before.append(len(compiled.buffer))
        return take_samples(*arguments, **options)

    decode.take_samples = noting
    with install_listener("numba:compile", RecordingListener()) as compiled:
        decode.measure_decode([point], "cpu")
    return before[0], len(compiled.buffer) - before[0]


def cores_used(kernel, dtype):
    """CPU seconds per second of a point's samples, and the number of threads that ran them."""
    from gqa_core.configs import GroupedConfig, Workload, default_mla_for
    from gqa_core.measure import decode
    from gqa_core.records.specs.decode import FORMS, DecodeSpec

    grouped, latent = GroupedConfig(n_heads=16, n_kv_heads=4, head_dim=64), kernel in FORMS
    point = DecodeSpec(
        attention=default_mla_for(16, 64) if latent else grouped,
        workload=Workload(context_len=16384),
        kernel=kernel,
        dtype=dtype,
        n_samples=12,
    )
    take_samples, spent = decode.take_samples, {}

    def watching(*arguments, **options):
        before, cpu, wall = _thread_ticks(), time.process_time(), time.perf_counter()
        samples = take_samples(*arguments, **options)
        spent["cores"] = (time.process_time() - cpu) / (time.perf_counter() - wall)
        ticks = {thread: n - before.get(thread, 0) for thread, n in _thread_ticks().items()}
        spent["n_busy"] = sum(n > BUSY_TICKS for n in ticks.values())
        return samples

    decode.take_samples = watching
    (answer,) = decode.measure_decode([point], "cpu")
    ran = {"n_threads": answer.device.n_threads, "attend_kernel": answer.attend_kernel}
    return ran | spent


def threads_after_split_kv(caching):
    """torch's threads after attending for the first time with one, and after that."""
    import torch

    from gqa_core.engine import KVCache, decode_attention
    from gqa_core.measure.timing import one_thread

    q, k = torch.randn(1, 4, 1, 16), torch.randn(1, 2, 64, 16)
    with one_thread():
        if caching == "cached":
            KVCache.from_tensors(k, k, "split_kv").attend(q)
        else:
            decode_attention(q, k, k, kernel="split_kv")
        inside = torch.get_num_threads()
    return inside, torch.get_num_threads()


def _thread_ticks():
    """Ticks of the clock that each thread of this process has run, by its id."""
    ticks = {}
    for task in Path("/proc/self/task").iterdir():
        fields = (task / "stat").read_text().rpartition(")")[2].split()
        ticks[task.name] = int(fields[11]) + int(fields[12])  # in user code and in the kernel's
    return ticks
