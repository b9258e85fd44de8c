"""The settings of an engine that its log prints: parallel sizes, format of the cache, lengths.

An engine prints them as keywords (`tensor_parallel_size=8`), as a dictionary
(`'tensor_parallel_size': 8`) or as the command line (`--tensor-parallel-size 8`).
"""

from __future__ import annotations

import re
from itertools import islice

from gqa_core.engine_logs.draft import StartDraft
from gqa_core.engine_logs.lines import LogLine

__all__ = ["KV_FORMATS", "WORDS", "read_settings"]

KV_FORMATS = {  # the engines' names, by ours
    "bf16": "bf16",
    "bfloat16": "bf16",
    "f16": "fp16",
    "f32": "fp32",
    "float": "fp32",
    "float16": "fp16",
    "float32": "fp32",
    "half": "fp16",
    "fp8": "fp8",
    "fp8_ds_mla": "fp8_ds_mla",
    "fp8_e4m3": "fp8",
    "fp8_e5m2": "fp8",
    "fp8_inc": "fp8",
    "float8_e4m3fn": "fp8",
    "float8_e4m3fnuz": "fp8",
    "float8_e5m2": "fp8",
    "iq4_nl": "iq4_nl",
    "q4_0": "q4_0",
    "q4_1": "q4_1",
    "q5_0": "q5_0",
    "q5_1": "q5_1",
    "q8_0": "q8_0",
}
PARALLEL = {
    "tensor_parallel_size": "tp",
    "tp_size": "tp",
    "tp": "tp",
    "data_parallel_size": "dp",
    "dp_size": "dp",
    "dp": "dp",
    "decode_context_parallel_size": "dcp",
    "dcp_size": "dcp",
    "dcp": "dcp",
    "dcp_world_size": "dcp",
    "pipeline_parallel_size": "pp",
    "pp_size": "pp",
    "pp": "pp",
    "world_size": "world_size",
}
LENGTHS = {
    "block_size": "block_size",
    "page_size": "block_size",
    "max_num_batched_tokens": "max_batched_tokens",
}
KEY = re.compile(
    r"(?<![A-Za-z0-9_-])-{0,2}+([a-z][a-z_-]{1,40}+)['\"]?[ ]?[=: ][ ]?([0-9]{1,7}+)(?![0-9.])"
)
KV_DTYPE = re.compile(
    r"kv[_-]cache[_-](?:torch[_-])?dtype['\"]?[ ]?[=: ][ ]?['\"]?(?:torch\.)?([a-z0-9_]{2,20})"
)
KV_SENTENCE = re.compile(
    r"Using (?:KV cache dtype: )?(?:torch\.)?([a-z0-9_]{2,20})(?: data type to store kv cache|$|\s)"
)
WORLD = re.compile(r"in world size (\d{1,5}) is assigned")
RANK = re.compile(r"(?<![A-Za-z])(TP|DP|PP|DCP)(\d{1,4})(?!\d)")
MAX_PARALLEL = 2**14
MAX_SETTINGS = 500  # per line
SIZE_HINTS = (
    "parallel",
    "_size=",
    "-size",
    "_size'",
    "--tp",
    "--dp",
    "--pp",
    "world_size",
    "world size",
    "max_num_batched_tokens",
)
WORDS = frozenset((*SIZE_HINTS, "fp8_ds_mla", "kv_cache", "kv-cache", "KV cache dtype", "kv cache"))


def read_settings(line: LogLine, draft: StartDraft) -> bool:
    """Read the settings in a line; returns True if it has any.

    A line of settings names at least one of the sizes above by its full name.
    """
    for rank, index in RANK.findall(line.worker):
        draft.ranks.add(f"{rank.lower()}{int(index)}")
    known = _read_kv_format(line.text, draft)
    if match := WORLD.search(line.text):
        draft.sizes["world_size"] = int(match[1])
        return True
    if not any(hint in line.text for hint in SIZE_HINTS):
        return known
    for match in islice(KEY.finditer(line.text), MAX_SETTINGS):
        known |= _read_number(match[1].replace("-", "_"), int(match[2]), draft)
    return known


def _read_number(key: str, number: int, draft: StartDraft) -> bool:
    if (name := PARALLEL.get(key)) and 1 <= number <= MAX_PARALLEL:
        draft.sizes[name] = number
    elif (name := LENGTHS.get(key)) and number:
        setattr(draft, name, number)
    else:
        return False
    return True


def _read_kv_format(text: str, draft: StartDraft) -> bool:
    if "fp8_ds_mla" in text:
        draft.kv_format = "fp8_ds_mla"
        return True
    match = KV_DTYPE.search(text) if "cache" in text else None
    if not match and ("KV cache dtype: " in text or "data type to store kv cache" in text):
        match = KV_SENTENCE.search(text)
    if match and (kv_format := KV_FORMATS.get(match[1])):
        draft.kv_format = kv_format
    return match is not None
