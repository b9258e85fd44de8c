"""advise: how many K/V heads a model should have on given GPUs, with the reasons."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, cast

import click

from gqa_core.commands.advise_options import (
    GpuOptions,
    LimitOptions,
    gpu_options,
    limit_options,
)
from gqa_core.commands.advise_text import advice_json, advice_text
from gqa_core.commands.model_options import LayerOptions, layer_options
from gqa_core.commands.options import (
    FileName,
    ints_option,
    json_option,
    kv_format_option,
    log_option,
)
from gqa_core.commands.weighed_model import WeighedModel, weighed_model
from gqa_core.configs import MAX_RANK

if TYPE_CHECKING:
    from gqa_core.advice import AdviceRequest
    from gqa_core.catalog.devices import Device
    from gqa_core.records.decode_row import DecodeRow
    from gqa_core.theory.engines import EngineName


@click.command(short_help="Recommend a number of K/V heads for a model on given GPUs.")
@click.option(
    "--config",
    type=FileName(),
    metavar="FILE",
    help="The model: a config.json or its folder, a GGUF file, or the text of ollama show -v.",
)
@click.option("--model", metavar="NAME", help="A published model of the catalogue, by its name.")
@layer_options
@gpu_options
@limit_options
@kv_format_option
@ints_option("mla_rank", MAX_RANK, help="Latents of MLA to consider.  [default: 4 x head width]")
@log_option
@json_option
def advise(
    config: str | None,
    model: str | None,
    layer: LayerOptions,
    gpus: GpuOptions,
    limits: LimitOptions,
    kv_format: str | None,
    mla_rank: tuple[int, ...] | None,
    log: str | None,
    as_json: bool,
) -> int:
    """Recommend a number of K/V heads: every divisor of the query heads, and MLA, side by side.

    The model comes from --config, from --model, or from the options of a layer, whose K/V heads
    are those of the --weights (left out: the safe assumption of a single one). Users that fit and
    step times are computed; nothing is measured. Step times that were measured are printed
    beside them. Candidates that miss a limit say which.

    \b
    Examples:
      advise --config config.json --device "H100 SXM" --users 100 --context-len 8192
      advise --model "Llama 3 70B" --device H200 --tp 8 --users 64 --context-len 32768 --max-ms 40
      advise --n-layers 28 --n-heads 24 --head-dim 128 --weights 6.4GB --device "H100 SXM"
        --users 100 --context-len 8192 --json
    """
    from gqa_core.advice import advise as find_advice
    from gqa_core.records.reference_runs import reference_runs

    weighed = weighed_model(config, model, layer)
    request = _request(weighed, gpus, limits, kv_format or weighed.kv_format, mla_rank or ())
    advice = find_advice(request, reference_runs(), _decode_rows(log, request))
    click.echo(
        advice_json(advice) if as_json else advice_text(advice, weighed.notes(limits.context_len))
    )
    return 0


def _decode_rows(log: str | None, request: AdviceRequest) -> list[DecodeRow]:
    """Decode steps of the sample runs that ship, and those of the run log that fit the request."""
    from gqa_core.advice.measured import measured_filter
    from gqa_core.records.decode_row import DecodeRow
    from gqa_core.records.header import MEASURED_ELSEWHERE
    from gqa_core.records.kinds import DecodeRecord
    from gqa_core.records.log.reading import read_newest
    from gqa_core.records.run_log import RunLog
    from gqa_core.sample_runs.reader import FOLDER, sample_runs

    contents = read_newest(RunLog(log), measured_filter(request))
    logged = [(entry.record, entry.evidence) for entry in contents.logged]
    shipped = sample_runs(FOLDER)
    for sentence in shipped.warnings:
        click.echo(f"warning: {sentence}", err=True)
    samples = [(record, MEASURED_ELSEWHERE) for record in shipped.records]
    return [
        DecodeRow.from_record(record, evidence)
        for record, evidence in [*samples, *logged]
        if isinstance(record, DecodeRecord)
    ]


def _request(
    weighed: WeighedModel,
    gpus: GpuOptions,
    limits: LimitOptions,
    kv_format: str,
    mla_ranks: tuple[int, ...],
) -> AdviceRequest:
    """The request of these options.

    Raises:
        ValueError: nobody knows the weights, or the device.
    """
    from gqa_core.advice import AdviceRequest
    from gqa_core.theory.overhead import engine_overhead

    weight_bytes = weighed.weight_bytes if gpus.weights is None else ceil(gpus.weights)
    if weight_bytes is None:
        raise ValueError(
            "--weights must be given, such as 16GB: the model does not say what its weights take"
        )
    device = _device(gpus.device)
    expected = engine_overhead(gpus.engine).expected_bytes
    return AdviceRequest(
        model=weighed.model,
        weight_bytes=weight_bytes,
        weights_kv_heads=weighed.weights_kv_heads,
        params=weighed.params,
        device=device.name,
        memory_bytes=device.usable_bytes,
        bandwidth_bytes_per_s=device.bandwidth_bytes_per_s,
        kv_format=kv_format,
        context_len=limits.context_len,
        tp=gpus.tp,
        n_users=limits.users,
        max_step_s=None if limits.max_ms is None else limits.max_ms / 1000,
        utilisation=gpus.utilisation,
        overhead_bytes=expected if gpus.overhead is None else ceil(gpus.overhead),
        engine=cast("EngineName", gpus.engine),
        mla_ranks=mla_ranks,
    )


def _device(name: str) -> Device:
    """The device of this name, or the only one whose name has it as a part, in any case.

    Raises:
        ValueError: none or several do.
    """
    from gqa_core.catalog.devices import devices

    exact = [device for device in devices() if device.name == name]
    parts = [device for device in devices() if name.lower() in device.name.lower()]
    matching = exact or parts
    if len(matching) == 1:
        return matching[0]
    options = ", ".join(device.name for device in parts or devices())
    raise ValueError(f"device must name one of {options}: got {name[:40]!r}")
