"""Each kind of record in words: what was measured and what came out, in one line or two columns."""

from __future__ import annotations

from gqa_core import units
from gqa_core.configs import AttentionConfig, GroupedConfig
from gqa_core.records.decode_row import DecodeRow
from gqa_core.records.kinds import (
    DecodeRecord,
    GenerateRecord,
    GrowthRecord,
    QualityRecord,
    Record,
    ShardedRecord,
    VerifyRecord,
)
from gqa_core.records.quartiles import TimeSummary
from gqa_core.records.specs.verify import COMPARISONS

__all__ = ["line", "rank_line", "summarize"]

OtherRecord = ShardedRecord | VerifyRecord | GenerateRecord | GrowthRecord | QualityRecord


def line(record: Record) -> str:
    """A record of any kind in one line."""
    if isinstance(record, DecodeRecord):
        return decode_line(record)
    what, result = summarize(record)
    return f"{what:<76}  {result}"


def decode_line(record: DecodeRecord) -> str:
    """A decode step in one line: its layer, batch, context, kernel and times, and a verdict."""
    row = DecodeRow.from_record(record)
    bound = "withheld" if row.bound_s is None else units.duration(row.bound_s)
    kv_format = f"  {row.kv_format}" if row.is_quantised else ""
    samples = "" if row.verdict.name == "quiet" else f"  {row.verdict.name} samples"
    return (
        f"{row.variant:<4} {describe_heads(record.config):<28}"
        f"  {record.workload.batch_size} x {row.context_len:<8}  {row.dtype:<9}"
        f"  {record.kernel_ran:<9}"
        f"  attend {units.duration(row.attend.p5):>8}"
        f"  bound {bound:>8}"
        f"  step {units.duration(row.step.p5):>8}{kv_format}{samples}"
    )


def describe_heads(attention: AttentionConfig) -> str:
    """The heads of a layer: "8 of 32 heads x 128", "latent 512 + 64, 128 heads"."""
    if isinstance(attention, GroupedConfig):
        return f"{attention.n_kv_heads} of {attention.n_heads} heads x {attention.head_dim}"
    latent = f"latent {attention.kv_lora_rank} + {attention.qk_rope_head_dim}"
    return f"{latent}, {units.count(attention.n_heads, 'head')}"


def summarize(record: OtherRecord) -> tuple[str, str]:
    """(what was measured, what came out) of a record of another kind than decode."""
    match record:
        case ShardedRecord():
            return summarize_sharded(record)
        case GenerateRecord():
            return summarize_generate(record)
        case GrowthRecord():
            return summarize_growth(record)
        case VerifyRecord():
            return summarize_verify(record)
        case QualityRecord():
            return summarize_quality(record)


def summarize_sharded(record: ShardedRecord) -> tuple[str, str]:
    """The step and its split; the seconds of the slowest rank and the most bytes on a rank."""
    dcp = f", dcp {record.dcp}" if record.dcp > 1 else ""
    form = f" {record.kernel_ran}" if record.variant == "MLA" else ""
    step = TimeSummary.from_samples(record.samples_s.step).p5
    return (
        f"tp {record.tp}{dcp}, {record.variant}{form}, {describe_heads(record.config)}, "
        f"context {record.workload.context_len}, {record.workload.dtype}",
        f"step {units.duration(step)}, {units.capacity(max(record.bytes_per_rank))} per rank",
    )


def rank_line(record: ShardedRecord) -> str:
    """A step of several ranks in one line: bytes beside the formula, copies, and its seconds."""
    most, copied = max(record.bytes_per_rank), record.copied_bytes
    expected = [rank.formula_bytes for rank in record.ranks]
    matches = "equal to" if list(record.bytes_per_rank) == expected else "NOT equal to"
    each = "each" if len(set(record.bytes_per_rank)) == 1 else "the fullest"
    copies = f"{units.capacity(copied)} in all are copies" if copied else "no copies"
    what, result = summarize_sharded(record)
    samples = "" if record.verdict.name == "quiet" else f" ({record.verdict.name} samples)"
    return (
        f"{what}: {units.capacity(most)} on {each} rank, {matches} the formula, {copies}; "
        f"{result.partition(',')[0]}{samples}"
    )


def summarize_generate(record: GenerateRecord) -> tuple[str, str]:
    """The tokens generated and the mode; the seconds of all steps."""
    mode = "with the cache" if record.mode == "cached" else "by recomputing"
    n_tokens = units.count(record.workload.context_lens[-1], "token")
    seconds = record.totals_s.all_phases_s(-1)
    return (
        f"{n_tokens} generated {mode}, {describe_heads(record.config)}, {record.workload.dtype}",
        f"{units.duration(seconds)} in all",
    )


def summarize_growth(record: GrowthRecord) -> tuple[str, str]:
    """The tokens appended and the policy; the seconds of all appends and the peak."""
    block = record.block_len
    policy = f"{record.policy} blocks of {block}" if block else record.policy
    n_tokens = units.count(record.workload.context_lens[-1], "token")
    seconds, peak = record.totals_s.append[-1], record.memory.peak_bytes
    return (
        f"{n_tokens} appended, {policy}, {describe_heads(record.config)}, {record.workload.dtype}",
        f"{units.duration(seconds)} in all, peak {units.capacity(peak)}",
    )


def summarize_verify(record: VerifyRecord) -> tuple[str, str]:
    """The comparison; the verdict and the error."""
    planted = ", error planted" if record.planted else ""
    return (
        f"{COMPARISONS[record.comparison]}, {record.workload.dtype}{planted}",
        f"{'pass' if record.passed else 'FAIL'}, {record.relative_error:.1e} apart",
    )


def summarize_quality(record: QualityRecord) -> tuple[str, str]:
    """The K/V heads of a small model and their origin; its first and last loss."""
    losses = record.loss_by_percent
    ends = dict.fromkeys((min(losses), max(losses)))
    heads = f"{record.n_kv_heads} of {record.training_config.n_heads} K/V heads"
    start = "from scratch" if record.start == "scratch" else f"by {record.start}"
    shown = ", ".join(f"{losses[percent]:.4f} at {percent}%" for percent in ends)
    return f"{heads} {start}, seed {record.seed}", f"loss {shown}"
