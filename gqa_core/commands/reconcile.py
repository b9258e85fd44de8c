"""reconcile: the start-up lines of an inference engine beside what the formula says."""

from __future__ import annotations

import json
from dataclasses import dataclass

import click

from gqa_core.commands.files import open_input
from gqa_core.commands.models import described_model
from gqa_core.commands.options import (
    FileName,
    KeyValueFormat,
    int_option,
    json_option,
)
from gqa_core.commands.reconcile_text import reconcile_json, reconcile_text
from gqa_core.configs import MAX_HEADS, MAX_LAYERS, ModelConfig
from gqa_core.theory.formats import FORMATS


@click.command(short_help="Compare an engine's start-up log with the formula.")
@click.argument("log", metavar="LOG")
@click.option(
    "--config",
    type=FileName(),
    metavar="FILE",
    help="The model: a config.json or its folder, a GGUF file, or the text of ollama show -v.",
)
@click.option("--model", metavar="NAME", help="A published model of the catalogue, by its name.")
@click.option(
    "--kv-format",
    type=KeyValueFormat(FORMATS),
    metavar="NAME",
    help="Number format of the cache.  [default: as the log prints it, or bf16]",
)
@int_option("tp", MAX_HEADS, help="Tensor-parallel GPUs.  [default: as the log prints them]")
@int_option("dcp", MAX_HEADS, help="Decode context parallel ranks among them.")
@int_option("pp", MAX_LAYERS, help="Pipeline stages.")
@json_option
def reconcile(
    log: str,
    config: str | None,
    model: str | None,
    kv_format: str | None,
    tp: int | None,
    dcp: int | None,
    pp: int | None,
    as_json: bool,
) -> int:
    """Compare the start-up lines of vLLM, SGLang or llama.cpp with the formula.

    LOG is a file of such lines (- is stdin). Printed: the reported figures beside the formula's,
    the bytes per token that the log implies, and the assumption that explains a difference, or
    "not explained". Lines that are not known are counted and yield no figure.

    \b
    Examples:
      reconcile server.log --config config.json
      reconcile server.log --model "Llama 3.1 8B" --tp 2 --json
    """
    from gqa_core.engine_logs.lines import MAX_LOG_BYTES
    from gqa_core.engine_logs.read import read_engine_log
    from gqa_core.engine_logs.reconcile import reconcile as reconcile_log

    served = _model(config, model)
    with open_input(log) as source:
        engine_log = read_engine_log(source.read(MAX_LOG_BYTES + 1))
    result = reconcile_log(
        engine_log,
        served.model,
        kv_format=kv_format,
        tp=tp,
        dcp=dcp,
        pp=pp,
        max_context_len=served.max_context_len,
        default_kv_format=served.kv_format,
    )
    if as_json:
        click.echo(json.dumps(reconcile_json(engine_log, result)))
    else:
        click.echo(reconcile_text(engine_log, result))
    return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedModel:
    """A model, the longest context that it states, and the cache format that its files ask for."""

    model: ModelConfig
    max_context_len: int | None
    kv_format: str = "bf16"


def _model(config: str | None, name: str | None) -> ServedModel:
    """The model of a description or of the catalogue.

    Raises:
        ValueError: both are given or neither is, or one of them is not known.
    """
    from gqa_core.catalog.models import model as published_model

    if config is not None and name is None:
        parsed = described_model(config)
        return ServedModel(
            model=parsed.model,
            max_context_len=parsed.max_context_len,
            kv_format=parsed.kv_format_hint or "bf16",
        )
    if name is not None and config is None:
        entry = published_model(name)
        return ServedModel(model=entry.config, max_context_len=entry.max_context_len)
    got = "neither" if config is None else "both"
    raise ValueError(f"a model must be given by --config or by --model: got {got}")
