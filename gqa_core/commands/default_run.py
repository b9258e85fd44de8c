"""The run that `bench` makes where no context is given: sizes worth timing on the device."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeVar, cast

import click

from gqa_core.commands.options import RunOptions
from gqa_core.commands.run import report_note
from gqa_core.configs import GroupedConfig
from gqa_core.records.default_workload import DefaultWorkload, default_workload

Options = TypeVar("Options")

CHOSEN = ("batch_size", "n_layers", "dtype")  # options that the device chooses too, unless given


def choose_workload(
    layer: GroupedConfig, decode: Options, options: RunOptions
) -> tuple[tuple[int, ...], Options]:
    """The contexts for this device, and the options with batch, layers and dtype chosen for it.

    `layer` is the MHA, which has to fit; `decode` is a dataclass with a field per option. What the
    command line gives stays. The choice is reported.

    Raises:
        ValueError: the device is not there.
    """
    defaults = _defaults_of_device(layer, options.device)
    context = click.get_current_context()
    source = click.core.ParameterSource.DEFAULT
    names = [name for name in CHOSEN if context.get_parameter_source(name) is source]
    values = {name: getattr(defaults, name) for name in names}
    chosen = replace(cast(Any, decode), **values)
    contexts = ", ".join(map(str, defaults.context_lens))
    report_note(
        f"chosen for this device: contexts {contexts}, batch {chosen.batch_size}, "
        f"layers {chosen.n_layers}, {chosen.dtype}",
        options,
    )
    return defaults.context_lens, chosen


def _defaults_of_device(layer: GroupedConfig, device_name: str) -> DefaultWorkload:
    """The default workload of the device that a worker finds under this name."""
    from gqa_core.runner.workers import WorkerError, Workers

    workers = Workers(preload="gqa_core.measure.decode")  # as the run that follows
    try:
        info = workers.call("gqa_core.measure.device", "device_info", device_name)
    except WorkerError as error:
        raise click.ClickException(f"nothing was measured: {error}") from None
    return default_workload(
        layer,
        device_type=info.type,
        free_bytes=info.free_bytes,
        bandwidth_bytes_per_s=info.bandwidth_bytes_per_s,
    )
