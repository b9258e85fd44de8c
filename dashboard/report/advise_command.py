"""The command line that gives a page's advice on K/V heads."""

from __future__ import annotations

import shlex

from dashboard.report.model_flags import model_flags
from gqa_core.advice import AdviceRequest
from gqa_core.catalog.devices import devices
from gqa_core.catalog.models import models
from gqa_core.configs import GroupedConfig

__all__ = ["advise_command"]

COUNTED_BYTES = 2  # per parameter of wider projections, as the command line takes it


def advise_command(request: AdviceRequest | None, name: str = "") -> str:
    """The line that gives the same answer; empty if options cannot state the request.

    A published model is stated by its `name`, any other by the options of its layers.
    """
    if request is None or request.weight_bytes_per_param != COUNTED_BYTES:
        return ""
    model = _model_options(request, name)
    if model is None or not _is_known_device(request):
        return ""
    options = model | _limit_options(request)
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    return shlex.join(["python", "-m", "gqa_core", "advise", *words])


def _model_options(request: AdviceRequest, name: str) -> dict[str, object] | None:
    """The model's name or layers; None if neither states it and whose its weights are."""
    if _is_published(request, name):
        return {"model": name}
    flags = model_flags(request.model)
    if flags is None or request.model.family:
        return None
    options: dict[str, object] = {key.replace("_", "-"): flags[key] for key in flags}
    if request.weights_kv_heads is None:
        options.pop("n-kv-heads", None)  # which would say whose the weights are
    elif request.weights_kv_heads != options.get("n-kv-heads"):
        return None
    return options


def _is_published(request: AdviceRequest, name: str) -> bool:
    """True if the request is about the published model of this name, unchanged."""
    attention = request.attention
    own = attention.n_kv_heads if isinstance(attention, GroupedConfig) else None
    wanted = (name, request.model, request.model.family, request.params, request.weights_kv_heads)
    return wanted in [
        (known.name, known.config, known.config.family, known.params, own) for known in models()
    ]


def _is_known_device(request: AdviceRequest) -> bool:
    """True if the catalogue has this GPU with just the memory and bandwidth of the request."""
    wanted = (request.device, request.memory_bytes, request.bandwidth_bytes_per_s)
    return wanted in [
        (device.name, device.usable_bytes, device.bandwidth_bytes_per_s) for device in devices()
    ]


def _limit_options(request: AdviceRequest) -> dict[str, object]:
    """The weights, the GPUs and the limits."""
    options: dict[str, object] = {
        "weights": f"{request.weight_bytes}B",
        "device": request.device,
        "tp": request.tp,
        "context-len": request.context_len,
        "kv-format": request.kv_format,
        "engine": request.engine,
        "utilisation": f"{float(request.utilisation):g}",
        "overhead": f"{request.overhead_bytes}B",
    }
    if request.n_users is not None:
        options["users"] = request.n_users
    if request.max_step_s is not None:
        options["max-ms"] = f"{1000 * request.max_step_s:.12g}"
    if request.mla_ranks:
        options["mla-rank"] = ",".join(map(str, request.mla_ranks))
    return options
