"""quality, heads and train: what is measured of the small model that ships, and its making."""

from __future__ import annotations

import argparse
import os
import sys

import msgspec

from gqa_core.commands.run import run


def quality(arguments: argparse.Namespace) -> int:
    """Measure what sharing heads costs a small model; what was measured here before is skipped."""
    from gqa_core.catalog.corpus import python_topics
    from gqa_core.quality.pretrained import pretrained_config
    from gqa_core.records.run_log import RunLog
    from gqa_core.records.specs.quality import quality_specs, tasks_left

    points = quality_specs(
        starts=arguments.start,
        n_kv_heads=arguments.n_kv_heads,
        seeds=arguments.seed,
        percents=arguments.percent,
        training_config=pretrained_config(),
    )
    known = [] if arguments.no_log else RunLog(arguments.log).measured_here("quality")
    tasks = tasks_left(points, known, python_topics().sha256)
    if len(tasks) < len(points):
        print(f"{len(points) - len(tasks)} of {len(points)} are in the log", file=sys.stderr)
    _train_politely()
    return run(tasks, arguments) if tasks else 0


def heads(arguments: argparse.Namespace) -> int:
    """Print what the shipped model's heads look at, and how alike they are: one JSON object."""
    from gqa_core.quality.pretrained import load_pretrained, pretrained_config
    from gqa_core.records.specs.inspection import InspectionSpec

    question = InspectionSpec(
        text=arguments.text,
        n_kv_heads=tuple(arguments.n_kv_heads),
        start=arguments.start,
        layer=arguments.layer,
        training_config=pretrained_config(),
    )
    from gqa_core.quality.inspection import inspect_heads

    print(msgspec.json.encode(inspect_heads(question, load_pretrained())).decode())
    return 0


def train(arguments: argparse.Namespace) -> int:
    """Train the small MHA model that ships: weights and the record of their making, in a folder."""
    _train_politely()
    from gqa_core.quality.train_baseline import train_and_write

    train_and_write(
        arguments.out,
        arguments.seed,
        on_progress=lambda text: print(text, file=sys.stderr, flush=True),
    )
    return 0


def _train_politely() -> None:
    """Let threads of torch sleep while they wait: set before torch is there, here or in a child.

    By default they spin, a quarter faster on an idle machine and many times slower beside anything
    else that computes, a browser that shows the progress for one.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
