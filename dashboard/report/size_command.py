"""The command line that prints the size of the model behind a page's sliders."""

from __future__ import annotations

import shlex

from dashboard.report.model_flags import model_flags
from dashboard.settings.model import ModelSettings

__all__ = ["size_command"]


def size_command(settings: ModelSettings) -> str | None:
    """The line for the model's own variant; None if options cannot state it."""
    flags = model_flags(settings.models[settings.own_variant])
    if flags is None:
        return None
    numbers = {
        **flags,
        "context_len": settings.context_len,
        "batch_size": settings.batch_size,
        "kv_format": settings.kv_format,
    }
    words = [f"--{name.replace('_', '-')} {value}" for name, value in numbers.items()]
    return shlex.join(["python", "-m", "gqa_core", "size", *" ".join(words).split()])
