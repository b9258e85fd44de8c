"""size: bytes of a model's KV cache, from options or from its config."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

import click

from gqa_core.commands.deployment_options import (
    EngineChoice,
    ParallelOptions,
    engine_options,
    parallel_options,
)
from gqa_core.commands.model_options import (
    LayerOptions,
    ModelInput,
    config_argument,
    layer_options,
    mtp_option,
    read_model,
)
from gqa_core.commands.options import (
    batch_size_option,
    int_option,
    json_option,
    kv_format_option,
)
from gqa_core.commands.quantities import ByteSize
from gqa_core.commands.size_text import size_text
from gqa_core.configs import MAX_CONTEXT_LEN, Workload

if TYPE_CHECKING:
    from gqa_core.theory.size import SizeReport


@click.command(short_help="Print the size of a model's KV cache.")
@config_argument
@int_option("context_len", MAX_CONTEXT_LEN, required=True, help="Cached tokens per sequence.")
@batch_size_option
@layer_options
@mtp_option
@kv_format_option
@parallel_options
@engine_options
@click.option(
    "--read-bandwidth",
    type=ByteSize(),
    metavar="SIZE",
    help="Bytes per second that one GPU reads, 3350GB: to print the shortest time of a step.",
)
@json_option
def size(
    config: str | None,
    context_len: int,
    batch_size: int,
    layer: LayerOptions,
    mtp: bool,
    kv_format: str | None,
    parallel: ParallelOptions,
    engine: EngineChoice,
    read_bandwidth: Fraction | None,
    as_json: bool,
) -> int:
    """Print the size of a model's KV cache: per token, in total, per GPU, compared with MHA.

    The model comes from the options or from MODEL, whose layers may differ: a Hugging Face
    config.json or its folder, a GGUF file, or the text of ollama show -v (- is stdin). With
    --engine, what that engine allocates is printed beside what must be kept. Nothing is measured
    and nothing is downloaded.

    \b
    Examples:
      size --n-layers 32 --n-heads 32 --n-kv-heads 8 --head-dim 128 --context-len 8192
      size config.json --context-len 32768 --tp 8 --json
      size config.json --context-len 131072 --engine vllm --tp 8 --dcp 2
      size model.gguf --context-len 32768 --kv-format q8_0,q4_0
      ollama show -v llama3.1 | gqa-lab size - --context-len 8192
    """
    workload = Workload(context_len=context_len, batch_size=batch_size)
    given = read_model(config, layer, mtp=mtp)
    stored = kv_format or given.kv_format
    report = _report(given, workload, stored, parallel, engine, read_bandwidth)
    click.echo(report.to_json() if as_json else size_text(report, stored))
    return 0


def _report(
    given: ModelInput,
    workload: Workload,
    kv_format: str,
    parallel: ParallelOptions,
    engine: EngineChoice,
    read_bandwidth: Fraction | None,
) -> SizeReport:
    """The report of a model, with its split over GPUs and an engine's allocation if asked for."""
    from gqa_core.hf_config.report import config_size_report
    from gqa_core.theory.engines import allocate
    from gqa_core.theory.per_gpu import per_gpu_size
    from gqa_core.theory.size import size_report

    model = engine.cached_model(given.model)
    report = size_report(model, workload, kv_format)
    if given.config is not None:
        own = replace(given.config, model=engine.cached_model(given.config.model))
        notes = config_size_report(own, workload, kv_format)
        report = replace(report, layers=notes.layers, notes=notes.notes)
    if parallel.given or read_bandwidth:
        bandwidth = float(read_bandwidth) if read_bandwidth else None
        per_gpu = per_gpu_size(model, workload, kv_format, parallel.parallelism, bandwidth)
        report = replace(report, per_gpu=per_gpu)
    if engine.engine is not None:
        allocation = allocate(
            engine.engine,
            given.model,
            workload,
            kv_format,
            parallelism=parallel.parallelism,
            options=engine.options,
        )
        report = replace(report, allocation=allocation)
    return report
