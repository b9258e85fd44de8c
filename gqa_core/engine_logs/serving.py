"""Engine, format and split over GPUs of a served model, as far as a log or its reader says."""

from __future__ import annotations

from dataclasses import dataclass

from gqa_core.configs import ModelConfig
from gqa_core.engine_logs.log import EngineName
from gqa_core.theory.sharding import shard_model

__all__ = ["Serving", "Split", "serving_splits"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """Engine, format and split of the model; None for what neither the log nor the user says.

    `default_kv_format` is what the engine takes if it is told nothing. `max_model_len` is the
    longest request: as printed, or else the model's own maximum.
    """

    engine: EngineName
    kv_format: str | None = None
    default_kv_format: str = "bf16"
    tp: int | None = None
    dcp: int | None = None
    pp: int | None = None
    dp: int | None = None
    max_model_len: int | None = None
    batched_tokens: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Ranks over which heads are split, ranks over which tokens are, and stages of layers."""

    heads: int = 1
    dcp: int = 1
    pp: int = 1
    assumption: str | None = None


def serving_splits(model: ModelConfig, serving: Serving) -> list[Split]:
    """The possible splits of the cache over GPUs; one if the sizes are known.

    Raises:
        ValueError: the known sizes cannot split the model.
    """
    pp = serving.pp or 1
    if serving.tp is not None:
        tp, dcp = serving.tp, serving.dcp or 1
        if tp % dcp:
            raise ValueError(f"dcp must divide tp: got {dcp} and {tp}")
        shard_model(model, tp)
        splits = [Split(heads=tp // dcp, dcp=dcp, pp=pp)]
        if serving.dcp is None and tp > 1:
            splits += [
                Split(heads=tp // n, dcp=n, pp=pp, assumption=_dcp_note(n)) for n in _divisors(tp)
            ]
        if serving.engine == "SGLang" and serving.dp and serving.dp > 1 and not tp % serving.dp:
            note = f"data-parallel attention: heads are split over {tp // serving.dp} GPUs"
            splits.append(Split(heads=tp // serving.dp, pp=pp, assumption=note))
        return splits
    dcp = serving.dcp or 1
    other_sizes = [2**power for power in range(1, 7)]
    one_gpu = Split(heads=1, dcp=dcp, pp=pp)
    return [
        one_gpu,
        *(Split(heads=n, dcp=dcp, pp=pp, assumption=f"tensor parallel {n}") for n in other_sizes),
    ]


def _dcp_note(n_ranks: int) -> str:
    return f"decode context parallel {n_ranks}: the tokens of {n_ranks} GPUs are counted"


def _divisors(number: int) -> list[int]:
    return [n for n in range(2, number + 1) if number % n == 0]
