"""Reads the start-up lines of an inference engine: vLLM, SGLang or llama.cpp.

A log is untrusted text. Its size is bounded, every line is cut, and no pattern backtracks. A line
that no pattern knows is counted and yields no figure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from types import ModuleType

from gqa_core.engine_logs import llama_cpp, sglang, vllm
from gqa_core.engine_logs.draft import StartDraft
from gqa_core.engine_logs.lines import LogLine, log_lines
from gqa_core.engine_logs.log import EngineLog, EngineName, EngineStart
from gqa_core.engine_logs.settings import WORDS as SETTING_WORDS
from gqa_core.engine_logs.settings import read_settings

__all__ = ["read_engine_log"]

ENGINES: dict[EngineName, ModuleType] = {
    "SGLang": sglang,
    "llama.cpp": llama_cpp,
    "vLLM": vllm,
}
MAX_STARTS = 1000
WORDS = SETTING_WORDS.union(*(engine.WORDS | {*engine.SIGNS} for engine in ENGINES.values()))


def read_engine_log(text: str | bytes) -> EngineLog:
    """The figures that an engine's log reports, by start.

    Raises:
        ValueError: the text is too large, or no line of it is a start-up line of these engines.
    """
    log = log_lines(text, WORDS)
    name = _engine(log.lines)
    engine = ENGINES[name]
    starts: list[EngineStart] = []
    draft, n_known, version = StartDraft(), 0, None
    for line in log.lines:
        if engine.begins_start(line, draft) and len(starts) < MAX_STARTS:
            starts.append(draft.finish())
            draft = StartDraft()
        known = engine.read_line(line, draft)
        known |= name != "llama.cpp" and read_settings(line, draft)
        if version is None and (match := engine.VERSION.search(line.text[:400])):
            version, known = match[1], True
        n_known += known
    starts.append(draft.finish())
    return EngineLog(
        engine=name,
        version=version,
        starts=tuple(starts),
        n_lines=log.n_lines,
        n_known_lines=n_known,
    )


def _engine(lines: Sequence[LogLine]) -> EngineName:
    """The engine whose signs most lines have.

    Raises:
        ValueError: no line has one.
    """
    signs: Counter[EngineName] = Counter()
    for line in lines:
        for name, engine in ENGINES.items():
            signs[name] += any(sign in line.text for sign in engine.SIGNS)
    most = signs.most_common(1)
    if not most or not most[0][1]:
        raise ValueError(
            "log must have start-up lines of vLLM, SGLang or llama.cpp: got none that is known"
        )
    return most[0][0]
