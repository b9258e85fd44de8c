"""Sentences about a measured step of several ranks: bytes against the formula, and its limits."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from dashboard.data.rank_rows import PHASES, RankRow, phase_times, row_name
from gqa_core import units
from gqa_core.records.kinds import ShardedRecord
from gqa_core.records.noise import worst_verdict

__all__ = [
    "bytes_sentence",
    "heading",
    "no_split_reason",
    "nodes_command",
    "phases_takeaway",
    "speed_caveat",
    "torchrun_command",
    "verdict_sentence",
]


def heading(record: ShardedRecord) -> str:
    """The split of a measured run: "Measured on 2 ranks, dcp 2"."""
    dcp = f", dcp {record.dcp}" if record.dcp > 1 else ""
    return f"Measured on {units.count(record.world_size, 'rank')}{dcp}"


def bytes_sentence(rows: Sequence[RankRow]) -> str:
    """A sentence that compares the bytes of every rank with the formula, and names the machine."""
    machine = _describe_machine(rows[0].record)
    different = [row for row in rows if row.differs]
    if not different:
        return (
            "Every rank held exactly the bytes of the formula and sent exactly as many as it "
            f"says. Measured here: {machine}."
        )
    first = different[0]
    return (
        f"{len(different)} of {len(rows)} rows are not as the formula says, first "
        f"{first.name} on rank {first.rank.rank}: it held {first.rank.tensor_bytes:,} B where the "
        f"formula says {first.rank.formula_bytes:,} B. Measured here: {machine}."
    )


def speed_caveat(records: Sequence[ShardedRecord]) -> str:
    """A warning that times of ranks on one CPU are no evidence of speed; empty on GPUs."""
    record = records[0]
    if record.device.type != "cpu" or record.world_size == 1:
        return ""
    return (
        f"{units.count(record.world_size, 'rank')} share one CPU: bytes and equality are "
        "evidence, the times say nothing about the speed of several GPUs."
    )


def no_split_reason(tp: int, own_ranks: int) -> str:
    """The reason why this machine can split nothing: one GPU chosen, one rank, or these heads."""
    if tp == 1:
        return "Choose more GPUs to run the split on this machine."
    if own_ranks == 1:
        return "This machine has one core or GPU: there is nothing to split a step over here."
    return f"These heads cannot be split over 2 to {own_ranks} ranks, the most of this machine."


def verdict_sentence(records: Sequence[ShardedRecord]) -> str:
    """The worst verdict on the samples, with its reason; empty if other work did not disturb."""
    worst = worst_verdict(record.verdict for record in records)
    if worst.name == "quiet":
        return ""
    disturbed = [record for record in records if record.verdict.name == worst.name]
    first, points = disturbed[0], f"{len(disturbed)} of {units.count(len(records), 'point')}"
    return (
        f"The samples of {points} are {worst.name}, such as {row_name(first)}: "
        f"{first.verdict.reason}."
    )


def _describe_machine(record: ShardedRecord) -> str:
    """The device, its threads per rank if it is a CPU, and what carries the bytes."""
    device = record.device
    threads = f", {units.count(device.n_threads, 'thread')} per rank" * (device.type == "cpu")
    machine = f", {device.machine}" if device.machine else ""
    return f"{device.name}{threads}{machine}, {record.backend}"


def phases_takeaway(records: Sequence[ShardedRecord]) -> str:
    """The step of each variant and its share in the collectives, in words."""
    parts = []
    for record in records:
        times = phase_times(record)
        step = sum(times[phase] for phase in PHASES)
        exchange = units.percent((times["gather"] + times["reduce"]) / step)
        parts.append(f"{row_name(record)} {units.duration(step)}, {exchange} of it in collectives")
    return f"{'; '.join(parts)}."


def torchrun_command(arguments: Sequence[str], n_ranks: int) -> str:
    """The command line that starts so many ranks on one machine."""
    launcher = ("torchrun", "--standalone", "--nproc-per-node", str(n_ranks))
    return shlex.join((*launcher, "-m", "gqa_core", *arguments))


def nodes_command(arguments: Sequence[str], n_ranks: int) -> str:
    """The command line that starts so many ranks on two machines, to run on each of them.

    `FIRST_HOST` stands for the name of one of the two.
    """
    launcher = ("torchrun", "--nnodes", "2", "--nproc-per-node", str(n_ranks // 2))
    meeting = ("--rdzv-backend", "c10d", "--rdzv-id", "gqa", "--rdzv-endpoint", "FIRST_HOST:29500")
    return shlex.join((*launcher, *meeting, "-m", "gqa_core", *arguments))
