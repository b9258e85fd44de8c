"""SGLang's start-up lines: one pool of tokens per GPU and kind of layer, states in their own.

Source: sgl-project/sglang, python/sglang/srt/mem_cache/memory_pool.py and
python/sglang/srt/model_executor/model_runner.py.
"""

from __future__ import annotations

import re

from gqa_core.engine_logs.draft import StartDraft
from gqa_core.engine_logs.lines import LogLine
from gqa_core.engine_logs.log import CachePool, PoolKind
from gqa_core.engine_logs.prints import (
    COUNT,
    NUMBER,
    PrintedSize,
    pattern,
    printed_count,
    printed_size,
)
from gqa_core.engine_logs.settings import KV_FORMATS

__all__ = ["SIGNS", "VERSION", "WORDS", "begins_start", "read_line"]

SIGNS: tuple[str, ...] = (
    "KV Cache is allocated",
    "Mamba Cache is allocated",
    "max_total_num_tokens",
    "sglang",
)
SIGNS += ("Load weight end", "mem_fraction_static")
VERSION = pattern(
    "sglang", r"sglang(?:[ =:_-]{1,3}version)?[ =:v'-]{1,4}(\d{1,3}\.\d[0-9A-Za-z.+_-]{0,40}+)"
)
UNIT = r"[ ]?(GB|GiB|MB|MiB)"

MAX_PAGE = 128  # tokens per page, where no line says; the largest that is usual
TOKENS = pattern("#tokens", rf"#tokens: {COUNT}")
SLOTS = pattern("max_mamba_cache_size", rf"max_mamba_cache_size: {COUNT}")
SIZE = re.compile(rf"(?<![A-Za-z_])([A-Za-z][A-Za-z_]{{0,40}}+) size: {NUMBER}{UNIT}")
DTYPE = pattern("dtype", r"dtype: (?:torch\.)?([a-z0-9_]{2,20})")
WEIGHTS = pattern("Load weight end", rf"mem usage={NUMBER}{UNIT}")
POOL_TOKENS = pattern("max_total_num_tokens", rf"max_total_num_tokens={COUNT}")
CONTEXT = pattern("context_len", r"context_len=(\d{1,9})")
WINDOW_POOL = pattern("swa_layer", rf"full_layer_tokens={COUNT}, swa_layer_tokens={COUNT}")
FRACTION = pattern("mem_fraction_static", rf"mem_fraction_static={NUMBER}")
WORDS = frozenset(
    {"Cache is allocated", "Load weight end", "max_total_num_tokens", "swa_layer"}
    | {"mem_fraction_static", "Memory pool end", "Capture cuda graph end", "Load weight begin"}
)
OTHER = ("Memory pool end", "Capture cuda graph end", "Load weight begin", "Init torch distributed")


def read_line(line: LogLine, draft: StartDraft) -> bool:
    """Read one line into the draft; returns True if any pattern knows it."""
    known = _read_pool(line, draft) or _read_states(line, draft) or _read_weights(line, draft)
    if match := WINDOW_POOL.search(line.text):
        draft.window_tokens, known = printed_count(match[2]), True
    if match := FRACTION.search(line.text):
        draft.utilisation, known = float(match[1]), True
    if match := POOL_TOKENS.search(line.text):
        known = True
        if count := printed_count(match[1]):
            draft.token_counts.append(count)
        if length := CONTEXT.search(line.text):
            draft.model_len = int(length[1]) or None
    return known or any(sign in line.text for sign in OTHER)


def begins_start(line: LogLine, draft: StartDraft) -> bool:
    """True if the line can only be from a start after the one in the draft."""
    return bool(draft.token_counts) and "server_args=" in line.text


def _read_pool(line: LogLine, draft: StartDraft) -> bool:
    if "KV Cache is allocated" not in line.text or not (match := TOKENS.search(line.text)):
        return False
    sizes = _sizes(line.text)
    n_tokens = printed_count(match[1])
    if not (n_tokens and sizes):
        return True
    if dtype := DTYPE.search(line.text):
        draft.kv_format = KV_FORMATS.get(dtype[1], draft.kv_format)
    total = sizes.get("KV") or sum(sizes.values(), PrintedSize(0.0, 0.0))
    draft.add_pool(
        line.worker,
        CachePool(
            kind=_kind(draft, n_tokens),
            n_tokens=n_tokens,
            size=total,
            # One page more is allocated, for slots that are only written to.
            slack_tokens=draft.block_size or MAX_PAGE,
            k_size=sizes.get("K"),
            v_size=sizes.get("V"),
        ),
    )
    return True


def _kind(draft: StartDraft, n_tokens: int) -> PoolKind:
    if draft.window_tokens is None:
        return "all layers"
    has_window_pool = any(kind == "window layers" for _, kind in draft.engine_pools)
    is_window = n_tokens == draft.window_tokens
    return "window layers" if is_window and not has_window_pool else "full layers"


def _read_states(line: LogLine, draft: StartDraft) -> bool:
    if "Mamba Cache is allocated" not in line.text:
        return False
    slots, sizes = SLOTS.search(line.text), _sizes(line.text)
    sizes.pop("max_mamba_cache", None)
    if slots and sizes and (n_slots := printed_count(slots[1])):
        draft.add_pool(
            line.worker,
            CachePool(
                kind="states",
                n_tokens=n_slots,
                size=sum(sizes.values(), PrintedSize(0.0, 0.0)),
            ),
        )
    return True


def _read_weights(line: LogLine, draft: StartDraft) -> bool:
    if match := WEIGHTS.search(line.text):
        draft.weights.setdefault(line.worker, printed_size(match[1], match[2]))
    return match is not None


def _sizes(text: str) -> dict[str, PrintedSize]:
    """The sizes of a line by their names: K, V, KV, conv_state, ssm_state."""
    return {name: printed_size(number, unit) for name, number, unit in SIZE.findall(text)}
