"""Nothing initialises CUDA before the workers fork: neither the parent nor the fork server."""

import subprocess
import sys
from pathlib import Path

from gqa_core.runner.workers import Workers

ROOT = Path(__file__).parents[2]
PARENT = """
import os, sys
from gqa_core.commands.cli import main

if __name__ == "__main__":
    options = "--n-heads 2 --n-kv-heads 2 --head-dim 8 --context-len 8 --samples 1 --no-log"
    code = main(["bench", *options.split(), "--device", "cpu", "--out", os.devnull])
    print(code, "torch" in sys.modules)
"""


def test_the_fork_server_imports_all_that_measures_and_asks_no_gpu_anything():
    workers = Workers(preload="tests.runner.counting_cuda")
    before, after = workers.call("tests.runner.counting_cuda", "initialisations")
    assert before == {}
    assert after["torch.accelerator.current_accelerator"] >= 1, "the count counts nothing"


def test_the_parent_of_a_whole_run_never_imports_torch():
    done = subprocess.run(
        [sys.executable, "-c", PARENT], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["0", "False"]
