"""bench, crossover, check and why: what is measured of layers that the flags describe."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from gqa_core.commands.arguments import LATENT_FLAGS, flags
from gqa_core.commands.run import run
from gqa_core.configs import GroupedConfig, LatentConfig, Workload, default_mla_for

if TYPE_CHECKING:
    from gqa_core.records.record import Kind, Point, Record


def bench(arguments: argparse.Namespace) -> int:
    """Measure decode steps: one JSON record a line on stdout, progress on stderr."""
    from gqa_core.records.record import DECODE
    from gqa_core.records.specs.decode import decode_specs

    points = decode_specs(
        grouped=[_grouped(arguments, n_kv_heads) for n_kv_heads in arguments.n_kv_heads],
        latent=_latent_beside(arguments),
        context_lens=arguments.context_len,
        **_how(arguments),
    )
    return run([(DECODE, point) for point in points], arguments)


def crossover(arguments: argparse.Namespace) -> int:
    """Search from which context each variant beats MHA: records on stdout, sentences on stderr."""
    from gqa_core.records.record import DECODE, row
    from gqa_core.runner.search import CrossoverSearch
    from gqa_core.theory.crossover_text import crossover_sentences

    search = CrossoverSearch(
        mha=_grouped(arguments, arguments.n_heads),
        grouped=[_grouped(arguments, n_kv_heads) for n_kv_heads in arguments.n_kv_heads],
        latent=_latent_beside(arguments),
        max_context_len=arguments.max_context_len,
        how=_how(arguments),
    )
    known: list[Record] = []

    def follow(records: Sequence[Record]) -> list[tuple[Kind, Point]]:
        known[:] = records
        return [(DECODE, point) for point in search.follow(records)]

    start = [(DECODE, point) for point in search.start]
    code = run(start, arguments, follow=follow, n_more=search.n_more)
    for sentence in crossover_sentences([row(record) for record in known]):
        print(sentence, file=sys.stderr)
    return code


def check(arguments: argparse.Namespace) -> int:
    """Compare what must be equal, each by computing it both ways: one JSON record a line."""
    from gqa_core.records.specs.verify import CHECK, COMPARISONS, VerifySpec

    attention = _grouped(arguments, arguments.n_kv_heads)
    workload = Workload(context_len=arguments.context_len, batch_size=arguments.batch_size)
    points = [
        VerifySpec(
            comparison=comparison,
            attention=attention,
            workload=workload,
            dtype=arguments.dtype,
            planted=arguments.plant_wrong_head_order,
        )
        for comparison in COMPARISONS
    ]
    return run([(CHECK, point) for point in points], arguments)


def why(arguments: argparse.Namespace) -> int:
    """Measure what a cache buys: tokens generated with and without one, and how one can grow."""
    from gqa_core.records.generate_record import generation_tasks

    tasks = generation_tasks(
        attention=_grouped(arguments, arguments.n_heads),
        context_lens=arguments.context_len,
        cached_context_lens=arguments.cached_context_len,
        dtype=arguments.dtype,
        n_layers=arguments.n_layers,
        kernel=arguments.kernel,
        block_len=arguments.block_len,
        n_samples=arguments.samples,
    )
    return run(tasks, arguments)


def _how(arguments: argparse.Namespace) -> dict[str, Any]:
    """How decode steps are measured, as `decode_specs` takes it."""
    names = ("batch_size", "n_layers", "dtype", "kernel")
    return {name: getattr(arguments, name) for name in names} | {"n_samples": arguments.samples}


def _grouped(arguments: argparse.Namespace, n_kv_heads: int) -> GroupedConfig:
    return GroupedConfig(
        n_heads=arguments.n_heads, n_kv_heads=n_kv_heads, head_dim=arguments.head_dim
    )


def _latent_beside(arguments: argparse.Namespace) -> LatentConfig | None:
    """The MLA that `bench` measures beside the grouped layers, as wide a model as theirs."""
    given = {
        name: getattr(arguments, name)
        for name in LATENT_FLAGS
        if getattr(arguments, name) is not None
    }
    if not arguments.mla:
        if given:
            raise ValueError(f"{flags(given)} must come with --mla: got no --mla")
        return None
    return default_mla_for(arguments.n_heads, arguments.head_dim, **given)
