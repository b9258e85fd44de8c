"""Sentences and numbers of the page about several GPUs."""

from __future__ import annotations

from collections.abc import Sequence

from dashboard.data.several_gpus import GpuShare, smallest_dcp
from dashboard.report.metric import Metric
from dashboard.settings.several_gpus import SeveralGpusSettings
from gqa_core import units
from gqa_core.configs import GroupedConfig

__all__ = ["METHOD", "answer", "copies_takeaway", "dcp_takeaway", "metrics", "wire_takeaway"]

METHOD = (
    "**Tensor parallel (tp).** The GPUs split the query heads, and the K/V heads while there are "
    "enough. A GPU keeps max(1, K/V heads / tp) of them, so beyond that number each head is "
    "stored tp / K/V heads times. MLA's latent has no heads: every GPU keeps all of it. After the "
    "output projection one all-reduce adds up the parts.\n\n"
    "**Decode context parallel (dcp).** It divides tp. K/V heads are split over tp / dcp GPUs, and "
    "token i of a sequence is kept by GPU i mod dcp of its group. The group gathers its queries, "
    "each GPU attends to its own tokens, and the partial outputs are merged by their log-sum-exp.\n"
    "\n**On the wire.** A ring all-reduce sends 2 (tp - 1) / tp of the output. A gather sends "
    "(dcp - 1) times a GPU's part; a reduce-scatter (dcp - 1) / dcp of the partial outputs. "
    "Counted for attention alone: the feed-forward layers need an all-reduce of their own.\n\n"
    "**Source.** vLLM, get_num_kv_heads and docs/serving/context_parallel_deployment.md; Helix "
    "Parallelism, arXiv:2507.07120; Patarasuk and Yuan, doi 10.1016/j.jpdc.2008.09.002, for the "
    "ring.\n\n"
    "**Limits.** All layers are taken to be of one kind, without windows. Where dcp does not "
    "divide the context, the GPU with most tokens is shown. A network has a latency too, which no "
    "number of bytes tells."
)


def answer(settings: SeveralGpusSettings, shares: Sequence[GpuShare]) -> str:
    """The copies of each variant, in Markdown, and a sentence on what dcp changes."""
    if settings.tp == 1:
        return (
            "**One GPU keeps everything once and sends nothing.** Move **GPUs** to see from where "
            f"bytes are kept more than once. {_format(settings)}"
        )
    ranks = f"On {settings.tp} GPUs" + (f" with dcp {settings.dcp}" if settings.dcp > 1 else "")
    clauses = [
        f"{_names(group)} {'is' if len(group) == 1 else 'are'} kept {_times(copies)}"
        for copies, group in _by_copies(shares).items()
    ]
    rest = " ".join(filter(None, (_what_dcp_does(settings, shares), _format(settings))))
    return f"**{ranks}, {', '.join(clauses)}.** {rest}"


def metrics(shares: Sequence[GpuShare]) -> list[Metric]:
    """Bytes of K and V on a GPU per variant, with the copies, and the bytes it sends."""
    sizes = units.decimal_in_one_unit([share.kv_bytes for share in shares])
    return [
        Metric(
            f"{share.name} per GPU and layer",
            size,
            f"kept {_times(share.copies)}; sends {units.decimal(share.wire_bytes_per_token)}/token",
            share.attention.variant,
        )
        for share, size in zip(shares, sizes, strict=True)
    ]


def copies_takeaway(shares: Sequence[GpuShare]) -> str:
    """The chart over tensor parallel GPUs in words."""
    heads = [
        f"{share.name} is split up to {share.attention.n_kv_heads} GPUs"
        for share in shares
        if isinstance(share.attention, GroupedConfig) and share.attention.variant == "GQA"
    ]
    return "; ".join([*heads, "MQA and MLA are kept by every GPU"]) + "."


def dcp_takeaway(settings: SeveralGpusSettings, shares: Sequence[GpuShare]) -> str:
    """The chart over context parallel GPUs in words."""
    parts = [
        f"{share.name} from dcp {smallest_dcp(share.attention, settings.tp)}" for share in shares
    ]
    return f"On {settings.tp} GPUs each byte is kept once: {', '.join(parts)}."


def wire_takeaway(shares: Sequence[GpuShare]) -> str:
    """The chart of bytes on the wire in words."""
    parts = [f"{share.name} {units.decimal(share.wire_bytes_per_token)}" for share in shares]
    return f"Each GPU sends per token and layer: {', '.join(parts)}."


def _what_dcp_does(settings: SeveralGpusSettings, shares: Sequence[GpuShare]) -> str:
    """A sentence about the smallest dcp that keeps each byte once, or about its price."""
    if copied := [share for share in shares if share.copies > 1]:
        first, *rest = _by_smallest_dcp(settings, copied).items()
        verb = "is" if len(first[1]) == 1 else "are"
        more = "".join(f", {_names(group)} from dcp {dcp}" for dcp, group in rest)
        return (
            f"Where dcp splits the tokens too, {_names(first[1])} {verb} kept once from dcp "
            f"{first[0]}{more}; more than that adds only bytes on the wire."
        )
    if settings.dcp == 1:
        return ""
    most = max(shares, key=lambda share: share.wire_bytes_per_token)
    enough = max(smallest_dcp(share.attention, settings.tp) for share in shares)
    if enough < settings.dcp:
        return (
            f"Dcp {enough} is enough for that: more adds only bytes on the wire, of which "
            f"{most.name} sends most, {units.decimal(most.wire_bytes_per_token)} per token and "
            "layer from each GPU."
        )
    return (
        f"The price is on the wire: {most.name} sends most, "
        f"{units.decimal(most.wire_bytes_per_token)} per token and layer from each GPU."
    )


def _by_smallest_dcp(
    settings: SeveralGpusSettings, shares: Sequence[GpuShare]
) -> dict[int, list[GpuShare]]:
    """The shares by the smallest dcp that keeps each of their bytes once, smallest first."""
    needed = {share.name: smallest_dcp(share.attention, settings.tp) for share in shares}
    return {
        dcp: [share for share in shares if needed[share.name] == dcp]
        for dcp in sorted(set(needed.values()))
    }


def _format(settings: SeveralGpusSettings) -> str:
    """The number format in which the page counts bytes."""
    return f"Bytes are those of {settings.dtype}."


def _by_copies(shares: Sequence[GpuShare]) -> dict[int, list[GpuShare]]:
    """The shares by their number of copies, fewest first."""
    counts = sorted({share.copies for share in shares})
    return {count: [share for share in shares if share.copies == count] for count in counts}


def _names(shares: Sequence[GpuShare]) -> str:
    *first, last = [share.name for share in shares]
    return f"{', '.join(first)} and {last}" if first else last


def _times(copies: int) -> str:
    return "once" if copies == 1 else f"{copies} times"
