"""The command line as a process: what it prints, and one sentence for whatever is wrong."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gqa_core.commands.cli import main
from gqa_core.records.kinds import encode_record
from gqa_core.runner.events import Finished, Note, Progress, decode_event
from tests.hf_config.configs import LLAMA
from tests.model_files.gguf_writer import LLAMA as GGUF_LLAMA
from tests.model_files.gguf_writer import gguf_bytes
from tests.records import fake_records as samples
from tests.records.fake_records import RECORD_FIELDS

ROOT = Path(__file__).parents[1]
SIZE = "size --n-layers 32 --n-heads 32 --n-kv-heads 8 --head-dim 128 --context-len 8192"
MLA_SIZE = (
    "size --n-layers 61 --n-heads 128 --kv-lora-rank 512 --qk-rope-head-dim 64 "
    "--qk-nope-head-dim 128 --v-head-dim 128 --context-len 100000"
)
BENCH = "bench --n-heads 4 --n-kv-heads 4,2,1 --head-dim 16 --context-len 16,64 --samples 3"
NAMES = "MHA, GQA-2, MQA, MLA absorbed, MLA naive"
ONE_POINT = BENCH.replace("4,2,1", "2").replace("16,64", "16")
CROSSOVER = "crossover --n-heads 4 --n-kv-heads 2,1 --head-dim 16 --max-context-len 100 --samples 3"
GENERATE = (
    "generate --n-heads 2 --head-dim 16 --context-len 4,8 --cached-context-len 24 --block-len 5"
)


@pytest.fixture
def gqa(tmp_path):
    """Runs `python -m gqa_core` with a log of its own; decode steps take their least samples."""
    environment = os.environ | {"GQA_RUN_LOG": str(tmp_path / "runs.sqlite")}

    def run(line, stdin="", **more):
        module = "tests.brief_runs" if line.startswith(("bench", "crossover")) else "gqa_core"
        return subprocess.run(
            [sys.executable, "-m", module, *line.split()],
            cwd=ROOT,
            env=environment | more,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    run.environment = environment
    return run


@pytest.fixture
def refusal(tmp_path, monkeypatch, capsys):
    """Runs a line in this process; returns its exit code, its output and its lines of errors."""
    monkeypatch.setenv("GQA_RUN_LOG", str(tmp_path / "runs.sqlite"))

    def run(line):
        code = main(line.split())
        written = capsys.readouterr()
        return code, written.out, written.err.splitlines()

    return run


def test_size_of_llama_3_1_8b(gqa):
    done = gqa(f"{SIZE} --json")
    assert (done.returncode, done.stderr) == (0, "")
    # 2 x 8 x 128 x 32 x 2 B = 131,072 B a token; x 8,192 = 2^30.
    assert json.loads(done.stdout) == {
        "variant": "GQA",
        "n_layers": 32,
        "kv_bytes_per_token": 131_072,
        "kv_cache_bytes": 2**30,
        "kv_read_bytes": 2**30,
        "reduction_vs_mha": 4.0,
        "parts": [
            {
                "kind": "token cache",
                "n_layers": 32,
                "bytes_per_token": 131_072,
                "bytes_per_sequence": 0,
                "cap": None,
                "detail": "",
            }
        ],
        "indexer_bytes_per_token": 0,
        "state_bytes": 0,
        "total_bytes": 2**30,
    }


def test_size_of_deepseek_v3(gqa):
    answer = json.loads(gqa(f"{MLA_SIZE} --json").stdout)
    assert answer["variant"] == "MLA"
    assert answer["kv_bytes_per_token"] == 70_272
    assert round(answer["reduction_vs_mha"], 2) == 56.89
    assert "6.54 GiB (7.03 GB)" in gqa(MLA_SIZE).stdout


def test_size_takes_batch_and_format(gqa):
    answer = json.loads(gqa(f"{SIZE} --batch-size 3 --kv-format fp8 --json").stdout)
    assert answer["kv_cache_bytes"] == 3 * 2**29


def test_bench_prints_one_record_a_line_and_logs_them(gqa):
    done = gqa(f"{BENCH} --mla --out -")
    assert done.returncode == 0
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert all(tuple(record) == RECORD_FIELDS for record in records)
    assert [record["point"] for record in records] == list(range(10))
    ran = [(r["workload"]["context_len"], r["variant"], r["kernel_ran"]) for r in records]
    rows = [("MHA", "packed"), ("GQA", "packed"), ("MQA", "packed")]
    rows += [("MLA", "absorbed"), ("MLA", "naive")]
    assert ran == [(16, *name) for name in rows] + [(64, *name) for name in rows]
    for record in records:
        assert record["memory"]["tensor_bytes"] == record["memory"]["formula_bytes"]
        assert record["samples_s"].keys() == {"project", "append", "attend", "output", "step"}
    assert records[3]["config"] == {
        "n_heads": 4,
        "kv_lora_rank": 64,
        "qk_rope_head_dim": 8,
        "qk_nope_head_dim": 16,
        "v_head_dim": 16,
        "q_lora_rank": None,
        "dim": 64,
    }
    assert done.stderr.startswith(f"0 of 10: timing {NAMES} in turns at 16 tokens, float32\n")
    logged = gqa("log --json")
    assert json.loads(logged.stdout) == records
    assert len(gqa("log").stdout.splitlines()) == 10


def test_a_crossover_is_searched_for_with_decode_records_of_one_run_and_told(gqa):
    done = gqa(f"{CROSSOVER} --mla --out -")
    assert done.returncode == 0, done.stderr
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert all(tuple(record) == RECORD_FIELDS for record in records)
    assert {record["kind"] for record in records} == {"decode"}
    assert len({record["run_id"] for record in records}) == 1
    contexts = [record["workload"]["context_len"] for record in records]
    assert contexts[:10] == [64] * 5 + [100] * 5
    assert 10 <= len(records) <= 25
    assert [record["variant"] for record in records[:5]] == ["MHA", "GQA", "MQA", "MLA", "MLA"]
    assert done.stderr.startswith(f"0 of 25: timing {NAMES} in turns at 64 tokens, float32\n")
    named = re.findall("^(.*) (?:beats MHA|was disturbed)", done.stderr, re.MULTILINE)
    assert named == ["GQA-2", "MQA", "MLA absorbed", "MLA naive"]
    assert json.loads(gqa("log --json").stdout) == records


def test_why_prints_both_ways_and_three_policies_and_logs_them(gqa):
    done = gqa(f"{GENERATE} --samples 2 --out -")
    assert done.returncode == 0, done.stderr
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert [record["kind"] for record in records] == ["generate"] * 2 + ["growth"] * 3
    assert [record["workload"]["context_lens"] for record in records] == (
        [[4, 8, 24], [4, 8], *[[4, 8, 24]] * 3]
    )
    assert len({record["run_id"] for record in records}) == 1
    assert records[4]["block_len"] == 5
    assert json.loads(gqa("log --json").stdout) == records
    lines = gqa("log").stdout.splitlines()
    assert "8 tokens generated by recomputing, 2 of 2 heads x 16, float32" in lines[1]
    assert "24 tokens appended, concatenate, 2 of 2 heads x 16, float32" in lines[2]


def test_events_are_json_lines_and_the_text_for_people_is_the_same_events(gqa):
    events = [decode_event(line) for line in gqa(f"{ONE_POINT} --events").stderr.splitlines()]
    started, timing, *samples_so_far, finished = events
    assert (started.n_points, started.device_info.type) == (1, "cpu")
    activity = "timing GQA with 2 K/V heads, context 16, float32"
    assert timing == Progress(n_done=0, n_points=1, activity=activity)
    assert finished == Finished(n_points=1, n_failed=0, n_not_logged=0)
    first, *between, last = gqa(ONE_POINT).stderr.splitlines()
    assert [first, last] == [str(timing), str(finished)]
    for line in (*between, *map(str, samples_so_far)):  # where a point takes over two seconds
        assert re.fullmatch(rf"[01] of 1: {activity}: \d+ samples in \d+ s", line)
    search = CROSSOVER.replace("2,1", "1").replace("100", "64")  # of one length
    notes = [decode_event(line) for line in gqa(f"{search} --events").stderr.splitlines()]
    assert isinstance(notes[-1], Note)


def test_bench_without_a_log_keeps_nothing_and_can_write_a_file(gqa, tmp_path):
    out = tmp_path / "records.jsonl"
    done = gqa(f"{ONE_POINT} --no-log --out {out}")
    assert (done.returncode, done.stdout) == (0, "")
    assert len(out.read_text().splitlines()) == 1
    assert json.loads(gqa("log --json").stdout) == []


def test_records_go_from_one_log_into_another_and_say_that_they_did(gqa, tmp_path):
    out, other = tmp_path / "records.jsonl", tmp_path / "other.sqlite"
    assert gqa(f"{BENCH.replace('16,64', '16')} --out {out}").returncode == 0
    done = gqa(f"import {out} --log {other}")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "3 imported, 0 refused\n")
    assert gqa(f"log --log {other} --json").stdout == gqa("log --json").stdout
    assert gqa(f"log --log {other}").stdout.count("measured elsewhere") == 3
    assert gqa("log").stdout.count("measured here") == 3


def test_an_import_names_wrong_lines_and_keeps_the_rest(gqa):
    lines = (
        "\n".join(encode_record(samples.record(index=index)) for index in (0, 0, 1)) + "\nnone\n"
    )
    done = gqa("import -", stdin=lines)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines() == [
        "line 2: point 0 of run run-1 stands in line 1 already",
        "line 4: record must be one JSON object: Expecting value, line 1 column 1",
        "2 imported, 2 refused",
    ]
    assert len(json.loads(gqa("log --json").stdout)) == 2


def test_the_log_can_be_named(gqa, tmp_path):
    log = tmp_path / "other.sqlite"
    assert gqa(f"{ONE_POINT} --log {log}").returncode == 0
    assert len(json.loads(gqa(f"log --log {log} --json").stdout)) == 1
    assert json.loads(gqa("log --json").stdout) == []


def test_device_tells_its_name_threads_and_torch(gqa):
    answer = json.loads(gqa("device --json --device cpu").stdout)
    fields = {"type", "name", "n_threads", "torch_version", "free_bytes", "requestable"}
    assert answer.keys() == {*fields, "bandwidth_bytes_per_s", "machine"}
    assert answer["type"] == "cpu"
    assert answer["requestable"][-1] == "cpu"
    assert answer["name"] in gqa("device --device cpu").stdout


def test_size_reads_a_gguf_file_a_folder_and_ollama_s_text(gqa, tmp_path):
    (tmp_path / "model.gguf").write_bytes(gguf_bytes(GGUF_LLAMA))
    (tmp_path / "config.json").write_text(json.dumps(LLAMA))
    ollama = "".join(f"    {key}    {value}\n" for key, value in GGUF_LLAMA.items())
    for source in (tmp_path / "model.gguf", tmp_path / "config.json", tmp_path, "-"):
        done = gqa(f"size {source} --context-len 8192 --json", stdin=ollama)
        assert done.stderr == ""
        assert json.loads(done.stdout)["kv_cache_bytes"] == 2**30


@pytest.mark.parametrize(
    ("line", "exit_code"),
    [
        (BENCH.replace("4,2,1", "12"), 2),
        (BENCH.replace("16,64", "16,16777216") + " --batch-size 65536", 2),
        (f"{BENCH} --out /nowhere/at/all", 3),
    ],
)
def test_what_is_refused_is_one_line_and_the_exit_code_of_the_process(gqa, line, exit_code):
    done = gqa(line)
    assert (done.returncode, done.stdout) == (exit_code, "")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (BENCH.replace("4,2,1", "12"), "n_kv_heads must divide n_heads: got 12 and 4"),
        (BENCH.replace("4,2,1", "2,x"), "n_kv_heads must be a whole number: got 'x'"),
        (BENCH.replace("16,64", "0"), "context_len must be between 1 and 16777216: got 0"),
        (BENCH.replace("16,64", "16,-1"), "context_len must be between 1 and 16777216: got -1"),
        (BENCH.replace("16,64", "1.5"), "context_len must be a whole number: got '1.5'"),
        (BENCH.replace("16,64", "9" * 5000), "context_len must be a whole number: got '9999"),
        (f"{BENCH} --dtype fp8", "dtype must be one of float32, bfloat16, float16: got 'fp8'"),
        (f"{BENCH} --kernel swift", "kernel must be one of auto, eager, sdpa"),
        (f"{BENCH} --samples 0", "samples must be between 1 and 10000: got 0"),
        (f"{BENCH} --device tpu", "device must be auto, cpu, cuda, cuda:N or mps: got 'tpu'"),
        (f"{BENCH} --device cuda:99", "device must be (one that torch .* can use here|at most)"),
        (f"{BENCH} --kv-lora-rank 8", "--kv-lora-rank must come with --mla: got no --mla"),
        (BENCH.replace("--head-dim 16", "--head-dim 15"), "head_dim must be even"),
        (CROSSOVER.replace("2,1", "4"), "n_kv_heads must hold a number below n_heads, or --mla"),
        (CROSSOVER.replace("100", "-5"), "max_context_len must be between 1 and 16777216: got -5"),
        (f"{CROSSOVER} --context-len 64", "No such option .?--context-len"),
        (
            BENCH.replace("16,64", "16,16777216") + " --batch-size 65536",
            r"it takes [\d,.]+ TiB \(cache [\d,.]+ TiB\) and [\d,.]+ .iB are free",
        ),
        (f"{SIZE} --v-head-dim 64", "a layer is given by --n-kv-heads --head-dim or by --kv-lora"),
        (f"{MLA_SIZE} --n-kv-heads 4", "a layer is given by --n-kv-heads --head-dim or by"),
        ("size --n-layers 1 --n-heads 1 --context-len 1", "got none of them"),
        (f"{SIZE} --kv-format int3", "kv_format must be one of fp32, bf16, .*: got 'int3'"),
        (SIZE.replace("32", "1001", 1), "n_layers must be between 1 and 1000: got 1001"),
        (
            f"{GENERATE} --context-len 8,8",
            r"context_len must be lengths that rise: got \[8, 8, 24\]",
        ),
        (f"{GENERATE} --head-dim 15", "head_dim must be even"),
        (f"{GENERATE} --block-len 0", "block_len must be between 1 and 16777216: got 0"),
        (f"{GENERATE} --kernel swift", "kernel must be one of auto, eager, sdpa"),
        (f"{GENERATE} --context-len 4,1048576 --cached-context-len 2097152", "and .* are free"),
        ("size --json", "Missing option .?--context-len"),
        ("size --context-len 1", "must be given by --n-layers --n-heads too"),
        (f"{SIZE} --color red", "No such option .?--color"),
        (f"{BENCH} --no-log --log x.sqlite", "--no-log and --log exclude each other: got both"),
        (f"{BENCH} --log=", "log must be the name of a file: got an empty one"),
        ("paint", "No such command 'paint'"),
        ("", "Missing command"),
        ("import", "Missing argument .?FILE"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(refusal, line, sentence):
    code, output, errors = refusal(line)
    assert (code, output) == (2, "")
    (error,) = errors
    assert re.search(sentence, error)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (f"{BENCH} --out /nowhere/at/all", "out /nowhere/at/all cannot be written"),
        (f"{BENCH} --log /etc/hostname", "log /etc/hostname cannot be written: file is not a"),
        (f"{BENCH} --log /proc/runs.sqlite", "log /proc/runs.sqlite cannot be written"),
        ("log --log /nowhere.sqlite", "log /nowhere.sqlite cannot be read: no such file"),
        ("import /nowhere/at/all", "file /nowhere/at/all cannot be read: No such file"),
        ("import /", "file / cannot be read: Is a directory"),
        ("log --log /etc/hostname", "log /etc/hostname cannot be read: file is not a database"),
    ],
)
def test_a_file_that_cannot_be_accessed_is_one_sentence_and_exit_code_3(refusal, line, sentence):
    code, output, errors = refusal(line)
    assert (code, output) == (3, "")
    (error,) = errors
    assert re.search(sentence, error)


def test_sizes_are_told_without_waiting_for_torch_or_pandas(gqa):
    code = (
        "import sys; from gqa_core.commands.cli import main; main(sys.argv[1:]);"
        "print({'torch', 'pandas', 'streamlit'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *SIZE.split()], cwd=ROOT, capture_output=True, text=True
    )
    assert done.stdout.endswith("set()\n")


def test_ctrl_c_keeps_what_was_measured(gqa):
    line = "bench --n-heads 32 --n-kv-heads 32 --head-dim 128 --context-len 16,8192"
    child = subprocess.Popen(
        [sys.executable, "-m", "gqa_core", *line.split()],
        cwd=ROOT,
        env=gqa.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Started in the background, a shell ignores SIGINT, and its children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert json.loads(child.stdout.readline())["point"] == 0
    time.sleep(0.2)
    child.send_signal(signal.SIGINT)
    _, stderr = child.communicate(timeout=60)
    assert child.returncode == 130
    assert stderr.endswith("interrupted: every finished record is kept\n")
    assert "Traceback" not in stderr
    assert len(json.loads(gqa("log --json").stdout)) == 1


def test_a_reader_that_goes_away_is_no_traceback(gqa):
    line = BENCH.replace("4,2,1", "2")  # of two contexts, so that a record comes after the first
    command = f"{sys.executable} -m tests.brief_runs {line} | head -n 1"
    done = subprocess.run(
        command, shell=True, cwd=ROOT, env=gqa.environment, capture_output=True, text=True
    )
    assert "Traceback" not in done.stderr
    assert len(done.stdout.splitlines()) == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
@pytest.mark.parametrize("line", [f"{SIZE} --json", BENCH])
def test_a_full_disk_behind_stdout_is_one_sentence_and_the_record_is_kept(gqa, line):
    environment = gqa.environment | {"PYTHONUNBUFFERED": ""}
    done = subprocess.run(
        f"{sys.executable} -m tests.brief_runs {line} > /dev/full",
        shell=True,
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 3
    assert done.stderr.endswith("output cannot be written: No space left on device\n")
    assert "Traceback" not in done.stderr
    if line == BENCH:
        assert len(json.loads(gqa("log --json").stdout)) == 1
