"""llama.cpp's start-up lines: one cache per kind of layer, with K and V apart.

A line says cells per stream, layers, sequences and streams. Recurrent caches (R and S) list all of
a model's layers and hold one cell per sequence, more where drafted tokens can be taken back.
Source: ggml-org/llama.cpp, src/llama-kv-cache.cpp, src/llama-kv-cache-iswa.cpp and
src/llama-memory-recurrent.cpp.
"""

from __future__ import annotations

import re
from dataclasses import replace

from gqa_core.engine_logs.draft import StartDraft
from gqa_core.engine_logs.lines import LogLine
from gqa_core.engine_logs.log import CachePool
from gqa_core.engine_logs.prints import NUMBER, PrintedSize, pattern, printed_size
from gqa_core.engine_logs.settings import KV_FORMATS

__all__ = ["SIGNS", "VERSION", "WORDS", "begins_start", "read_line"]

SIGNS: tuple[str, ...] = (
    "llama_kv_cache",
    "llama_memory_recurrent",
    "KV self size",
    "llama_context:",
    "llama.cpp",
)
SIGNS += ("llama_init_from_model", "llama_new_context_with_model", "llama_model_loader")
VERSION = pattern("build", r"build:? ?=? ?(\d{1,8})(?= |$|\()")
SP = r"[ ]{0,12}+"

CELLS = pattern(
    " cells,",
    rf"size ={SP}{NUMBER}{SP}Mi?B \({SP}(\d{{1,9}}) cells,{SP}(\d{{1,4}}) layers"
    rf"(?:,{SP}(\d{{1,7}})(?:/(\d{{1,7}}))? seqs(?:{SP},?{SP}(\d{{1,5}}) rs_seq)?)?{SP}\)",
)
PART = re.compile(rf"\b([KVRS]) \(([a-z0-9_]{{2,12}}+)\):{SP}{NUMBER}{SP}Mi?B")
SELF_SIZE = pattern(" self size", rf"(?:KV|kv) self size{SP}={SP}{NUMBER}{SP}Mi?B")
KV_SIZE = pattern("kv_size", rf"kv_size{SP}={SP}(\d{{1,9}})")
N_LAYERS = pattern("n_layer", rf"n_layer{SP}={SP}(\d{{1,4}})(?!\d)")
CONTEXT = pattern(
    ": n_ctx ",
    rf"(?:llama_context|llama_new_context_with_model|llama_init_from_model): n_ctx{SP}={SP}"
    r"(\d{1,9})",
)
WORDS = frozenset(
    {
        " cells,",
        "build: ",
        " self size",
        "kv_size",
        ": n_ctx ",
        "SWA KV cache",
        "n_seq_max",
        " buffer size",
    }
)
OTHER = ("KV buffer size", "RS buffer size", "model buffer size", "compute buffer size")


def read_line(line: LogLine, draft: StartDraft) -> bool:
    """Read one line into the draft; returns True if any pattern knows it."""
    if "creating" in line.text and "SWA KV cache" in line.text:
        draft.next_kind = "full layers" if "non-SWA" in line.text else "window layers"
        return True
    if match := CELLS.search(line.text):
        _add_cells(line, match, draft)
        return True
    if match := SELF_SIZE.search(line.text):
        _add_self_size(line, match, draft)
        return True
    if match := KV_SIZE.search(line.text):
        # Printed before the size, by versions that do not print cells with it.
        draft.n_cells = int(match[1])
        layers = N_LAYERS.search(line.text)
        draft.n_layers = int(layers[1]) if layers else None
        return True
    if match := CONTEXT.search(line.text):
        draft.model_len = int(match[1]) or None
        return True
    return any(sign in line.text for sign in OTHER)


def begins_start(line: LogLine, draft: StartDraft) -> bool:
    """True if the line can only be from a start after the one in the draft."""
    return draft.is_complete and "n_seq_max" in line.text


def _add_cells(line: LogLine, match: re.Match[str], draft: StartDraft) -> None:
    cells, n_layers = int(match[2]), int(match[3])
    streams = int(match[5] or 1)
    pool = _pool(line.text, match[1], cells * streams * (1 + int(match[6] or 0)))
    if pool is None or not n_layers:
        return
    kind = pool.kind if pool.kind == "states" else draft.next_kind
    # A second cache of all layers holds an indexer's keys.
    draft.add_pool(line.worker, replace(pool, kind=kind, n_layers=n_layers))


def _add_self_size(line: LogLine, match: re.Match[str], draft: StartDraft) -> None:
    n_cells = draft.n_cells or draft.model_len
    if n_cells and (pool := _pool(line.text, match[1], n_cells)):
        draft.add_pool(line.worker, replace(pool, n_layers=draft.n_layers))


def _pool(text: str, total: str, n_cells: int) -> CachePool | None:
    """The cache of a line; None if it has no cells."""
    parts = {name: (dtype, printed_size(size, "MiB")) for name, dtype, size in PART.findall(text)}
    size = printed_size(total, "MiB")
    if not n_cells:
        return None
    is_states = "R" in parts or "S" in parts
    first, second = ("R", "S") if is_states else ("K", "V")
    return CachePool(
        kind="states" if is_states else "all layers",
        n_tokens=n_cells,
        size=size,
        slack_tokens=0,  # cells are allocated as they are printed
        k_size=_size(parts, first),
        v_size=_size(parts, second),
        k_format=_format(parts, first),
        v_format=_format(parts, second),
    )


def _size(parts: dict[str, tuple[str, PrintedSize]], name: str) -> PrintedSize | None:
    return parts[name][1] if name in parts else None


def _format(parts: dict[str, tuple[str, PrintedSize]], name: str) -> str | None:
    """The format's name as we spell it, or as llama.cpp does if we do not know it."""
    return KV_FORMATS.get(parts[name][0], parts[name][0]) if name in parts else None
