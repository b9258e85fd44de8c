"""Searches the assumptions under which the formula gives what a pool of a log reports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from gqa_core.configs import ModelConfig
from gqa_core.engine_logs.hypotheses import Hypothesis, hypotheses
from gqa_core.engine_logs.log import CachePool, EngineStart, RequestMemory
from gqa_core.engine_logs.serving import Serving

__all__ = ["Explanation", "Verdict", "explain"]

Verdict = Literal["agrees", "explained", "not explained"]
MAX_EXPLANATIONS = 4
OTHER_GPU_FRACTION = 0.05  # by which the memory of a model's GPUs usually differs at most


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Assumptions under which the formula gives what a pool of the log reports."""

    pool: str
    verdict: Verdict
    bytes_per_token: float | None
    assumptions: tuple[str, ...]


def explain(
    pool: CachePool | None, model: ModelConfig, serving: Serving, start: EngineStart
) -> list[Explanation]:
    """The layouts of the fewest assumptions that print like this pool, or one without a layout."""
    kind = pool.kind if pool else "all layers"
    matches: list[Hypothesis] = []
    for each in hypotheses(model, serving, kind):
        if matches and len(each.assumptions) > len(matches[0].assumptions):
            break
        if pool is None and each.request_len:  # says how tokens are printed, and none are
            continue
        if _fits(each, pool, start.requests) and each.assumptions not in [
            match.assumptions for match in matches
        ]:
            matches.append(each)
    if matches:
        return [
            Explanation(
                pool=kind,
                verdict="explained" if match.assumptions else "agrees",
                bytes_per_token=match.slot_bytes,
                assumptions=match.assumptions,
            )
            for match in matches[:MAX_EXPLANATIONS]
        ]
    note = _other_gpu(pool, model, serving, start) if pool else None
    return [
        Explanation(
            pool=kind,
            verdict="explained" if note else "not explained",
            bytes_per_token=None,
            assumptions=(note,) if note else (),
        )
    ]


def _fits(
    hypothesis: Hypothesis, pool: CachePool | None, requests: tuple[RequestMemory, ...]
) -> bool:
    """True if pool and requests are within the rounding of their prints and one block."""
    left_over = hypothesis.block_bytes
    if pool is not None:
        n_bytes = hypothesis.slot_bytes * pool.n_tokens
        slack = max(left_over, hypothesis.slot_bytes * pool.slack_tokens)
        if not pool.size.least_bytes - slack <= n_bytes <= pool.size.most_bytes:
            return False
    return all(
        request.least_bytes - left_over
        <= hypothesis.request_bytes(request.model_len)
        <= request.most_bytes + left_over
        for request in requests
    )


def _other_gpu(
    pool: CachePool, model: ModelConfig, serving: Serving, start: EngineStart
) -> str | None:
    """The tokens of a GPU that is not in the log, if the formula implies a little less memory."""
    n_gpus = (serving.tp or 1) * (serving.pp or 1)
    if n_gpus < 2 or len(start.cache_memory) >= n_gpus:
        return None
    for each in hypotheses(model, serving, pool.kind):
        gap = pool.least_bytes_per_token / each.slot_bytes - 1
        if not each.assumptions and 0 < gap <= OTHER_GPU_FRACTION:
            memory = each.slot_bytes * pool.n_tokens / 2**30
            return (
                "the tokens are those of the GPU with the least memory, which the log does not "
                f"show ({memory:.2f} GiB there)"
            )
    return None
