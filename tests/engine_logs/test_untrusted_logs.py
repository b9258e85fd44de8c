"""Any text is either a log or rejected with one sentence, in linear time and little memory."""

import random
import time
import tracemalloc

import pytest

from gqa_core.catalog.models import model
from gqa_core.engine_logs.lines import MAX_LINE, MAX_LINES, MAX_LOG_BYTES, MAX_READ_LINES
from gqa_core.engine_logs.read import read_engine_log
from gqa_core.engine_logs.reconcile import reconcile
from tests.cpu_time import cpu_seconds
from tests.engine_logs import lines
from tests.engine_logs.models import MODELS
from tests.scale import FACTOR

N_FUZZED = 500 * FACTOR  # 10,000 in .ci/nightly
MAX_SECONDS, MAX_MEMORY = 1.0, 200 * 2**20
PIECES = [line for text in lines.ALL.values() for line in text.splitlines()]
ODD = (
    "",
    "0",
    "-1",
    "1e999",
    "nan",
    "9" * 400,
    "0.00",
    ",",
    "1,2,3",
    "\x00",
    "\ud800",
    "☃",
    "\x1b[",
)
ODD += (" " * 300, "(" * 300, "GiB", "1" * 18, "999,999,999,999,999,999", "\u0668")
KNOWN = [model("Llama 3.1 8B").config, model("Gemma 3 1B").config, MODELS["Qwen3.5-9B"]]
KNOWN += [MODELS["GLM-5 with indexer"], model("gpt-oss 20B").config]


def changed(random_, line):
    """A line with a number, or a run of characters, replaced by something odd."""
    if random_.random() < 0.3:
        return line
    words = line.split(" ")
    words[random_.randrange(len(words))] = random_.choice(ODD)
    text = " ".join(words)
    if random_.random() < 0.2:
        start = random_.randrange(len(text) + 1)
        text = text[:start] + random_.choice(ODD) + text[start + random_.randrange(9) :]
    return text


def fuzzed(random_):
    chosen = [changed(random_, random_.choice(PIECES)) for _ in range(random_.randint(1, 12))]
    return random_.choice(["\n", "\r\n", "\n\n"]).join(chosen)


def read_and_reconcile(text, random_):
    """The sentence that rejects a text, or None."""
    try:
        log = read_engine_log(text)
        reconcile(
            log,
            random_.choice(KNOWN),
            kv_format=random_.choice([None, "fp8", "bf16", "q4_0"]),
            tp=random_.choice([None, 1, 2, 8]),
            dcp=random_.choice([None, None, 2]),
            max_context_len=random_.choice([None, 8192]),
        )
    except ValueError as error:
        return str(error)
    return None


@pytest.mark.no_cover
def test_any_log_is_reconciled_or_rejected_with_one_sentence():
    random_ = random.Random(14)
    longest, n_reconciled = 0.0, 0
    for _ in range(N_FUZZED):
        text = fuzzed(random_)
        start = time.thread_time()
        sentence = read_and_reconcile(text, random_)
        longest = max(longest, time.thread_time() - start)
        n_reconciled += sentence is None
        assert sentence is None or len(sentence.splitlines()) == 1
    print(f"{n_reconciled} of {N_FUZZED} reconciled; the slowest took {longest * 1e3:.0f} ms")
    assert longest < MAX_SECONDS
    assert n_reconciled > N_FUZZED // 10


REPEATED = (
    "1",
    "1,",
    "1.",
    " ",
    "(",
    "[",
    "\x1b[1",
    "size =",
    "size: 1",
    "K (",
    "TP0 ",
    "tp_size=1 ",
    "# GPU blocks: ",
    "Available KV cache memory: ",
    "1 GiB KV cache is needed",
    "Load weight end.",
    "kv_cache_dtype=",
    "Free memory on device",
    "llama_kv_cache: size = 1 MiB ( 1 cells,",
    "(Worker_TP0 ",
    "[2026-03-11 13:53:23 TP0",
)


@pytest.mark.no_cover  # it would measure the time of the tracer
@pytest.mark.parametrize("piece", REPEATED)
def test_a_hostile_line_is_read_in_linear_time(piece):
    known = "GPU KV cache size: 1,024 tokens, llama_kv_cache, KV Cache is allocated\n"
    hostile = piece * (MAX_LOG_BYTES // len(piece.encode()) - 200)
    in_lines = "\n".join([hostile[:MAX_LINE]] * (MAX_LOG_BYTES // (MAX_LINE + 9) - 9))
    short_lines = "\n".join([piece] * (MAX_READ_LINES - 9))[: MAX_LOG_BYTES - 100]
    for text in (known + hostile, known + in_lines, known + short_lines):
        assert cpu_seconds(read_engine_log, text, within=MAX_SECONDS) < MAX_SECONDS


def test_the_largest_log_takes_little_memory():
    text = "GPU KV cache size: 1,024 tokens\n" * 9000 + "x" * 35 + "\n"
    text += ("x" * 41 + "\n") * (MAX_LINES - 9002)
    tracemalloc.start()
    log = read_engine_log(text)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert log.n_unknown_lines == MAX_LINES - 9001
    assert peak < MAX_MEMORY


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "got none that is known"),
        ("hello", "log must have start-up lines of vLLM, SGLang or llama.cpp"),
        (b"\xff\xfe\x00", "got none that is known"),
        ("x" * (MAX_LOG_BYTES + 1), f"log must be at most {MAX_LOG_BYTES} bytes"),
        ("\ud800", "got none that is known"),
        ("\n" * MAX_LINES, f"log must be at most {MAX_LINES} lines: got more"),
        ("# GPU blocks: 1\n" * (MAX_READ_LINES + 99), f"at most {MAX_READ_LINES} start-up lines"),
    ],
)
def test_text_that_is_no_log_is_rejected_with_one_sentence(text, sentence):
    with pytest.raises(ValueError, match=sentence) as error:
        read_engine_log(text)
    assert len(str(error.value).splitlines()) == 1
