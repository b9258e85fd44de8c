"""The method behind the numbers of a plan: arithmetic, formulas, sources and limits."""

from __future__ import annotations

from dashboard.data.capacity import Plan
from dashboard.report.capacity_arithmetic import arithmetic
from dashboard.report.capacity_sentences import errors_sentence


def capacity_method(plan: Plan) -> str:
    """The method in Markdown, with the numbers of the variant shown."""
    lines = "".join(f"- {line}\n" for line in arithmetic(plan))
    return (
        f"**The arithmetic**, with your numbers, for {plan.variant}:\n\n{lines}\n"
        "**Formula.** Room = usable memory x utilisation - weights / GPUs - what the engine takes "
        "besides; sequences = room / bytes of one sequence, rounded down. Expected are the "
        "engine's usual needs, to count on those of the worst log. With tensor parallelism, a GPU "
        "caches max(1, K/V heads / GPUs) heads, or MLA's whole latent. If layers have a window, "
        "there are two numbers: *as allocated*, every layer has slots for the whole context; "
        "*ideal*, a layer has slots for its window only.\n\n"
        f"**Source.** Memory of the GPU: {plan.gpu_source or 'typed'}; heads on GPUs: "
        "vllm-project/vllm, QKVParallelLinear.\n\n"
        f"**Limits.** {errors_sentence()} Weights are assumed to be split evenly over tensor "
        "parallel GPUs and stages, equal for every variant, and whole on each data-parallel rank. "
        "Savings from shared prefixes are not counted. Whether that many users are served fast "
        "enough is another question."
    )
