"""Method, sources and limits of each view of the page Decode."""

from __future__ import annotations

from collections.abc import Sequence

from dashboard.data.crossover import N_INITIAL_CONTEXTS, work_ratio
from dashboard.settings.measurement import DecodeSettings
from gqa_core import units
from gqa_core.catalog.devices import Device

__all__ = ["bound_method", "crossover_method", "time_method"]

SAMPLE = (
    "**The sample run** ships with the program, so that no page is empty before its first run. It "
    "was measured on another, quiet machine by `sample-runs`; disturbed points were measured "
    "again. Runs of this machine take its place."
)


def time_method() -> str:
    """The method of the attend times, in Markdown."""
    return (
        "**What is measured.** One decode step: one new token per sequence, in a child process, "
        "with a cache full of random values.\n"
        "* *Attend* covers scores, softmax and the weighted sum. *Step* adds the norm, the "
        "projections, RoPE and the write to the cache.\n"
        "* The variants take turns, in an order drawn anew in each round, until their times stop "
        "moving.\n"
        "* Other work on a machine only adds time. A time is therefore the 5th percentile of its "
        "samples, with its 95% interval. Medians, p95 and p99 stand in the table.\n"
        "* Two variants whose intervals overlap are not ranked.\n"
        "* Read (GB/s) is the formula's bytes divided by the attend time. Its percentage refers to "
        "the read bandwidth probed in the same run.\n"
        "* Peak is the memory in use above the level just before the cache was allocated.\n\n"
        "**What is predicted.** The bound is the larger of bytes / read bandwidth and FLOP / "
        "arithmetic rate.\n"
        "* The predicted *attend* is the bound plus the launch overhead, which is the attend time "
        "with one cached token. The lines use the medians of what the machine named below the "
        "chart probed; the table uses the probes of each point's own run.\n"
        "* The predicted *step* adds one read of the projection weights and the write of the new "
        "token.\n\n"
        "**Quantised caches.** A vector of K or V is stored as codes of 8 bits (int8, or float8 "
        "e4m3) and one float32 scale. A latent of MLA has one scale with its RoPE key. The CPU "
        "kernel turns codes into float32 in registers; any other kernel attends over a "
        "dequantised copy, which costs time. Writing a token quantises it.\n\n"
        f"{SAMPLE}\n\n"
        "**Limits.** Tokens/s covers the measured layers only: no feed-forward layers and no "
        "vocabulary. The prediction ignores the norm, RoPE and kernels slower than the device "
        "allows."
    )


def crossover_method(settings: DecodeSettings) -> str:
    """The method of a search for crossovers, and a tutorial that found the opposite."""
    return (
        "**What is measured.** Decode steps, as in the view *Time*: MHA and the variants in turns "
        "at every context.\n"
        "* A variant *wins* if the interval of its 5th percentile lies below MHA's.\n"
        "* Its crossover is the shortest context from which it wins at every longer context "
        "measured.\n"
        f"* A search measures {N_INITIAL_CONTEXTS} contexts, then a few more between the last "
        "context without a win and the first with one.\n"
        "* Faint points do not count: their samples are unusable, since other programs were "
        "running.\n\n"
        f"{_tutorial(settings)}\n\n"
        f"{SAMPLE}\n\n"
        "**Limits.** A crossover is only known to lie between two measured contexts. It belongs "
        "to the machine, the layers and the kernel named. Feed-forward layers and the vocabulary, "
        "which are the same for every variant, are not part of the step; with them the ratios are "
        "closer to 1."
    )


def _tutorial(settings: DecodeSettings) -> str:
    return (
        "**Why a well-known tutorial found the opposite.** Its GPT (width 768, 24 heads, 12 "
        "layers, one user) generated 32,768 tokens at 72 tokens/s with MHA, 63 with "
        "[GQA](https://github.com/rasbt/LLMs-from-scratch/tree/main/ch04/04_gqa) and 67 with "
        "[MLA](https://github.com/rasbt/LLMs-from-scratch/tree/main/ch04/05_mla), on a GPU that "
        "is not named (published).\n"
        "* A token took 14 ms. At its longest, MHA's cache is 2 x 768 x 12 layers x 2 B x 32,768 "
        "= 1.21 GB, which a GPU with 1 TB/s reads in 1.2 ms (formula). Most of the step was not "
        "the cache.\n"
        "* Its GQA copies K and V to every head before attending (`repeat_interleave`). Its MLA "
        "expands the latents of all past tokens in every step (published code). The cache is "
        "small, but what is read is not.\n"
        "* Here, one read of a shared K and V serves all of its queries, and absorbed MLA attends "
        "over the latents themselves.\n"
        f"* Absorbed MLA still computes {units.times(work_ratio(settings))} as much as MHA for "
        "each cached token and head, (c + r + c) / 2d with these settings (formula). It wins where "
        "bytes cost more than FLOP. Naive MLA caches more than MHA, so its cache never makes it "
        "faster.\n"
        "* Try it: 24 query heads, 4 K/V heads, width 32, first with the kernel `eager`, which "
        "copies K and V like the tutorial, then with `auto`."
    )


def bound_method(gpus: Sequence[Device]) -> str:
    """The method of the roofline, with the sources of the published roofs shown."""
    sources = "".join(f"\n* Dashed roof of {gpu.name}: {gpu.citation}" for gpu in gpus)
    return (
        "**Formula.** For each query head and cached token, attention takes 2 x (width of K + "
        "width of V) FLOP, and it reads each byte of the cache once.\n"
        "* FLOP per byte, the arithmetic intensity, is the same for every context and batch.\n"
        "* With h query heads and k K/V heads it is h/k in 16-bit formats, half of that in "
        "float32, and nearly twice that in the quantised formats. So sharing moves a variant to "
        "the right: MHA, GQA, MQA, and MLA, whose one latent serves every head.\n"
        "* No rate can exceed min(intensity x bandwidth, arithmetic rate), the roof. Its two "
        "sides meet at the ridge point: to the left, memory is the limit, to the right, "
        "arithmetic.\n\n"
        "**The solid roof** is the best of the rates probed with the points shown, each between "
        "its own samples.\n"
        "* The share of the bound refers to the point's own run. Where a time is below its bound, "
        "the bound is withheld and the point is not drawn.\n"
        "* Markers are FLOP over the 5th percentile of the attend time, bars its 95% interval; "
        "larger markers have longer contexts.\n"
        "* Naive MLA caches as much as MHA would, so it stands where MHA does.\n\n"
        "**Sources**\n"
        "* Roofline: Williams, Waterman and Patterson, doi 10.1145/1498765.1498785\n"
        "* Absorbed MLA: DeepSeek-V2 report, arXiv:2405.04434, appendix C"
        f"{sources}\n\n"
        f"{SAMPLE}\n\n"
        "**Limits.** A dashed roof is the bandwidth and the dense bf16 rate on the vendor's "
        "label, whatever the number format above; nothing was run on it. The probes are the best "
        "of torch's sum, dot and matrix product and of compiled loops that only read, or only "
        "multiply and add. At short contexts most of a step is launch overhead, which no roof "
        "includes: compare the overhead in the table. Softmax is not counted."
    )
