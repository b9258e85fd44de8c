"""vLLM's start-up lines, before version 0.8 (blocks) and since (tokens).

Source: vllm-project/vllm, vllm/worker/worker.py, vllm/executor/executor_base.py (before 0.8),
vllm/v1/worker/gpu_worker.py, vllm/v1/core/kv_cache_utils.py (since).
"""

from __future__ import annotations

from collections.abc import Callable

from gqa_core.engine_logs.draft import StartDraft
from gqa_core.engine_logs.lines import LogLine
from gqa_core.engine_logs.log import RequestMemory
from gqa_core.engine_logs.prints import (
    COUNT,
    NUMBER,
    first_match,
    pattern,
    printed_count,
    printed_size,
)

__all__ = ["SIGNS", "VERSION", "WORDS", "begins_start", "read_line"]

SIGNS = (
    "GPU KV cache size",
    "CUDA blocks",
    "cuda blocks",
    "GPU blocks",
    "reserved for KV Cache is",
    "vllm",
    "vLLM",
    "Available KV cache memory",
    "KV cache is needed",
    "stored in KV cache (",
    "odel loading took",
    "oading model weights took",
    "gpu_memory_utilization",
    "available_kv_cache_memory",
)
VERSION = pattern(
    "v", r"(?:engine \(v|server version |vLLM version:? ?)v?(\d[0-9A-Za-z.+_-]{1,40}+)"
)
UNIT = r"[ ]?(GiB|GB|MiB)"

CACHE_MEMORY = (
    pattern("Available KV cache", rf"Available KV cache memory:? {NUMBER}{UNIT}"),
    pattern("reserved for KV Cache", rf"reserved for KV Cache is {NUMBER}{UNIT}"),
    pattern("kv_cache_size", rf"kv_cache_size ?= ?{NUMBER}{UNIT}"),
    pattern("available_kv_cache", rf"available_kv_cache_memory\s{{1,12}}{NUMBER}{UNIT}"),
)
MEMORY_IN_USE = (
    pattern("kv cache memory in use", rf"kv cache memory in use is {NUMBER}{UNIT}"),
    pattern("KV cache memory:", rf"Current KV cache memory: {NUMBER}{UNIT}"),
)
TOKENS = pattern("GPU KV cache size", rf"GPU KV cache size: {COUNT} tokens")
BLOCKS = pattern(" blocks: ", rf"# (?:cuda|CUDA|GPU|gpu|hpu|HPU|rocm|xpu|XPU) blocks: {COUNT}")
CONCURRENCY = pattern(
    "Maximum concurrency", rf"Maximum concurrency for {COUNT} tokens per request: {NUMBER}x"
)
NEEDED = pattern(
    "KV cache is needed", rf"{NUMBER}{UNIT} KV cache is needed.{{1,60}}?memory \({NUMBER}{UNIT}\)"
)
NEEDED_LEN = pattern("max seq len", rf"max seq len \({COUNT}\)")
ESTIMATED_LEN = pattern("estimated max", rf"estimated maximum model length is {COUNT}")
FULL_CACHE = pattern(
    "is larger than the maximum number of tokens",
    rf"max seq len \({COUNT}\) is larger than the maximum number of tokens that can be stored in "
    rf"KV cache \({COUNT}\)",
)
WEIGHTS = (
    pattern("odel loading took", rf"odel loading took {NUMBER}{UNIT}"),
    pattern("oading model weights", rf"oading model weights took {NUMBER}{UNIT}"),
    pattern("model weights take", rf"model weights take\s{{1,12}}{NUMBER}{UNIT}"),
    pattern("Actual usage", rf"Actual usage(?: is|:) {NUMBER}{UNIT} for weight"),
)
PARTS = {
    "activations": (
        pattern("activation peak", rf"activation peak memory(?: takes)?\s{{1,12}}{NUMBER}{UNIT}"),
        pattern("peak activation", rf"{NUMBER}{UNIT} for peak activation"),
    ),
    "non_torch": (
        pattern("non_torch", rf"non_torch_memory(?: takes|=|\s)\s{{0,12}}{NUMBER}{UNIT}"),
        pattern("non-torch", rf"{NUMBER}{UNIT} for non-torch memory"),
    ),
    "graphs": (
        pattern("CUDAGraph", rf"{NUMBER}{UNIT} for CUDAGraph memory"),
        pattern(
            "capturing finished", rf"capturing finished in \d{{1,6}} secs?, took {NUMBER}{UNIT}"
        ),
    ),
    "device_memory": (
        pattern("total_gpu_memory", rf"total_gpu_memory(?: \(|=|\s{{1,12}}){NUMBER}{UNIT}"),
        pattern(
            "memory on device", rf"memory on device.{{0,12}} \([0-9.]{{1,16}}/{NUMBER}{UNIT}\)"
        ),
    ),
}
UTILISATION = (
    pattern("gpu_memory_util", rf"gpu_memory_utilization(?: \(|=|\s{{1,12}}){NUMBER}"),
    pattern("Desired GPU memory", rf"Desired GPU memory utilization is \({NUMBER},"),
)
PADDING = pattern("padding layers", r"Add (\d{1,4}) padding layers")
ATTENTION_BLOCK = pattern("attention block", r"Setting attention block size to (\d{1,7}) tokens")
CONTEXT_PARALLEL = pattern("cp_world_size", r"KV cache size by the d?cp_world_size (\d{1,4})")


WORDS = frozenset(
    entry.words
    for entry in (
        *CACHE_MEMORY,
        *MEMORY_IN_USE,
        *WEIGHTS,
        *(part for parts in PARTS.values() for part in parts),
        *UTILISATION,
        *(TOKENS, BLOCKS, CONCURRENCY, NEEDED, FULL_CACHE, PADDING, ATTENTION_BLOCK),
        CONTEXT_PARALLEL,
    )
)


def read_line(line: LogLine, draft: StartDraft) -> bool:
    """Read one line into the draft; returns True if any pattern knows it."""
    known = [reader(line, draft) for reader in READERS]  # every one: a line may say several things
    return any(known)


def begins_start(line: LogLine, draft: StartDraft) -> bool:
    """True if the line can only be from a start after the one in the draft."""
    if not draft.is_complete:
        return False
    is_config = "Initializing a" in line.text and "with config" in line.text
    is_memory = "KV cache memory: " in line.text or "reserved for KV Cache" in line.text
    return is_config or (is_memory and line.worker in draft.cache_memory)


def _read_cache_memory(line: LogLine, draft: StartDraft) -> bool:
    match, in_use = first_match(CACHE_MEMORY, line.text), None
    if match:
        size = printed_size(match[1], match[2])
        draft.add_cache_memory(line.worker, size)
    elif in_use := first_match(MEMORY_IN_USE, line.text):
        draft.memory_in_use = printed_size(in_use[1], in_use[2])
    return bool(match or in_use)


def _read_counts(line: LogLine, draft: StartDraft) -> bool:
    tokens, blocks = TOKENS.search(line.text), BLOCKS.search(line.text)
    if tokens and (count := printed_count(tokens[1])):
        draft.token_counts.append(count)
    if blocks and (count := printed_count(blocks[1])):
        draft.block_counts.append(count)
    return bool(tokens or blocks)


def _read_concurrency(line: LogLine, draft: StartDraft) -> bool:
    match = CONCURRENCY.search(line.text)
    if match and printed_count(match[1]) and float(match[2]):
        length, factor = printed_count(match[1]), float(match[2])
        if draft.max_concurrency is None or factor < draft.max_concurrency:
            draft.model_len, draft.max_concurrency = length, factor
    return match is not None


def _read_error(line: LogLine, draft: StartDraft) -> bool:
    """The sentence that refuses a context: what a request needs, and what the memory holds."""
    if match := FULL_CACHE.search(line.text):
        draft.model_len = printed_count(match[1]) or draft.model_len
        draft.token_counts += [count] if (count := printed_count(match[2])) else []
        return True
    if not (match := NEEDED.search(line.text)):
        return False
    needed = printed_size(match[1], match[2])
    available = printed_size(match[3], match[4])
    if length := NEEDED_LEN.search(line.text):
        draft.model_len = printed_count(length[1]) or draft.model_len
        _add_request(draft, length[1], needed.least_bytes, needed.most_bytes)
    if (estimate := ESTIMATED_LEN.search(line.text)) and printed_count(estimate[1]):
        # The longest length that still fits: the memory that is left over is below one block's.
        n_tokens = printed_count(estimate[1])
        a_block_less = n_tokens / (n_tokens + 2 * (draft.block_size or 16))
        _add_request(draft, estimate[1], available.least_bytes * a_block_less, available.most_bytes)
    draft.cache_memory.setdefault(line.worker, available)
    return True


def _add_request(draft: StartDraft, length: str, least: float, most: float) -> None:
    if n_tokens := printed_count(length):
        request = RequestMemory(model_len=n_tokens, least_bytes=least, most_bytes=most)
        if request not in draft.requests:
            draft.requests.append(request)


def _read_parts(line: LogLine, draft: StartDraft) -> bool:
    known = False
    if match := first_match(WEIGHTS, line.text):
        known = True
        if line.worker not in draft.weights:
            draft.weights[line.worker] = printed_size(match[1], match[2])
    for name, patterns in PARTS.items():
        if match := first_match(patterns, line.text):
            known = True
            setattr(draft, name, printed_size(match[1], match[2]))
    if match := first_match(UTILISATION, line.text):
        draft.utilisation, known = float(match[1]), True
    return known


def _read_rules(line: LogLine, draft: StartDraft) -> bool:
    if match := PADDING.search(line.text):
        draft.n_padding_layers = int(match[1])
    elif match := ATTENTION_BLOCK.search(line.text):
        draft.block_size = int(match[1]) or None
    elif (match := CONTEXT_PARALLEL.search(line.text)) and int(match[1]):
        draft.sizes["dcp"] = int(match[1])
    return match is not None


READERS: tuple[Callable[[LogLine, StartDraft], bool], ...] = (
    _read_cache_memory,
    _read_counts,
    _read_concurrency,
    _read_error,
    _read_parts,
    _read_rules,
)
