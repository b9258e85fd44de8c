"""The lines of a log from untrusted text: bounded, without colour codes, with who printed each.

An engine runs one process per GPU, and each prints a prefix of its own: `(Worker_TP0 pid=1)` or
`(VllmWorkerProcess pid=12)` in vLLM, `[2026-03-11 13:53:21 DP0 TP1]` in SGLang.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

__all__ = ["MAX_LOG_BYTES", "LogLine", "LogLines", "log_lines"]

MAX_LOG_BYTES = 4 * 2**20
MAX_LINES = 100_000
MAX_READ_LINES = 10_000  # with words of a pattern: a start of 100 processes has a few thousand
CHUNK = 64  # lines that are searched for words at once
MAX_LINE = 2**14  # characters; the longest useful line, an engine's own settings, has about 5,000
PREFIX = 240  # characters in which the process is named

COLOUR_CODE = re.compile(r"\x1b\[[0-9;?]{0,16}[A-Za-z]")
PROCESS = re.compile(r"\(((?:Worker|VllmWorker|EngineCore|RayWorker|Engine|rank)[^()]{0,100})\)")
SGLANG_RANKS = re.compile(
    r"\[\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d[.,\d]{0,8}"
    r"((?: (?:TP|DP|PP|EP|CP|DCP|ATTN_TP)\d{1,4}){1,6})\]"
)
RANK = re.compile(r"(?:rank|TP|DP|PP|EngineCore_)=?\d")
PROCESS_ID = re.compile(r"[ ,]{0,4}pid=\d{1,12}")


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line, and the process that printed it; an empty `worker` is one without a prefix."""

    text: str
    worker: str


@dataclass(frozen=True, slots=True)
class LogLines:
    """The lines that have words of a pattern, and the number of all that are not blank."""

    lines: tuple[LogLine, ...]
    n_lines: int


def log_lines(text: str | bytes, words: Collection[str]) -> LogLines:
    """The lines with any of these words, each cut to a length that any engine's own line has.

    Raises:
        ValueError: the text, or the number of its lines, is too large.
    """
    raw = text.encode(errors="surrogatepass") if isinstance(text, str) else text
    if len(raw) > MAX_LOG_BYTES:
        raise ValueError(f"log must be at most {MAX_LOG_BYTES} bytes: got {len(raw)}")
    lines = raw.decode("utf-8", errors="replace").split("\n", MAX_LINES)
    if len(lines) > MAX_LINES:
        raise ValueError(f"log must be at most {MAX_LINES} lines: got more")
    chosen: list[LogLine] = []
    for start in range(0, len(lines), CHUNK):
        chunk = [line[:MAX_LINE] for line in lines[start : start + CHUNK]]
        joined = "\n".join(chunk)
        if hits := [word for word in words if word in joined]:
            chosen += [_log_line(line) for line in chunk if any(word in line for word in hits)]
        if len(chosen) > MAX_READ_LINES:
            raise ValueError(f"log must have at most {MAX_READ_LINES} start-up lines: got more")
    n_lines = sum(1 for line in lines if line and not line.isspace())
    return LogLines(lines=tuple(chosen), n_lines=n_lines)


def _log_line(line: str) -> LogLine:
    plain = COLOUR_CODE.sub("", line.rstrip())
    return LogLine(text=plain, worker=_worker(plain[:PREFIX]))


def _worker(prefix: str) -> str:
    """The name of the process; its id is left out if its rank tells it apart."""
    if match := SGLANG_RANKS.search(prefix):
        return match[1].strip()
    if not (match := PROCESS.search(prefix)):
        return ""
    name = match[1].strip()
    return PROCESS_ID.sub("", name) if RANK.search(name) else name
