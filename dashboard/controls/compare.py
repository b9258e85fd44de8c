"""The choice of models to compare with the one in the model box, published or imported."""

from __future__ import annotations

from dashboard.controls import model_box as box
from dashboard.controls.imports import PREFIX, ImportedConfig, import_presets, imports
from dashboard.data.model_comparison import (
    MAX_MODELS,
    ComparedModel,
    ModelComparison,
    model_comparison,
)
from dashboard.settings.model import ModelSettings
from dashboard.settings.presets import Preset, offered
from dashboard.shell.state import current_settings
from dashboard.shell.widgets import MultiSelect
from gqa_core import units

ONE_OF_EACH_KIND = ("DeepSeek-V3", "Llama 3 70B", "Llama 2 7B", "Falcon 7B", "Gemma 3 27B")
CHANGED = ", changed"  # of a model whose sliders were moved


def compare_control(settings: ModelSettings) -> ModelComparison | None:
    """The chosen models beside that of the sliders; None if none is chosen."""
    shown = box.shown_name(settings)
    options = _options(shown)
    names = MultiSelect(
        key=box.COMPARED,
        label="Compare with",
        options=list(options),
        max_selections=MAX_MODELS - 1,
        placeholder=f"up to {MAX_MODELS - 1} models",
        help="Published models, and those that you imported. Each is drawn with its own "
        "layers, at the context, the users and the cache format of the sliders.",
    ).show()
    if not names:
        return None
    more = [_compared(options[name]) for name in names]
    return model_comparison(settings, _model_of_sliders(settings, shown), more)


def compared_imports() -> list[ImportedConfig]:
    """The imported models that this page compares, so that a link has to carry them."""
    by_name = imports()
    names = current_settings().get(box.COMPARED, ())
    return [by_name[name] for name in names if name in by_name]


def _options(shown: str) -> dict[str, Preset]:
    """Every model with layers of its own but the one that the sliders show.

    Imported ones come first, then one of each kind, since a list shows a few without scrolling.
    """
    presets = offered(measuring=False, imported=import_presets())
    return {
        name: presets[name]
        for name in dict.fromkeys([*imports(), *ONE_OF_EACH_KIND, *presets])
        if presets[name].model is not None and name != shown
    }


def _compared(preset: Preset) -> ComparedModel:
    assert preset.model is not None  # of _options
    return ComparedModel(
        name=_short(preset.name),
        config=preset.model,
        weight_bytes=_weight_bytes(preset),
        weight_format=str(preset.settings["weight_format"]),
    )


def _model_of_sliders(settings: ModelSettings, shown: str) -> ComparedModel:
    """The model as the sliders have it, in its own variant; with its own weights if unmoved."""
    preset = box.chosen_preset()
    known = preset if preset and preset.name == shown else None
    source = shown.removeprefix(box.CUSTOM_PREFIX)
    return ComparedModel(
        name=_short(source) if source == shown else f"{_short(source)}{CHANGED}",
        config=settings.models[settings.own_variant],
        weight_bytes=_weight_bytes(known) if known else None,
        weight_format=str(known.settings["weight_format"]) if known else "",
    )


def _short(name: str) -> str:
    """An import's name for the ends of lines, unless a published model has it."""
    short = name.removeprefix(PREFIX)
    return name if short in offered(measuring=False) else short


def _weight_bytes(preset: Preset) -> int | None:
    gigabytes = preset.settings.get("weights_gb")
    return round(gigabytes * units.GB) if isinstance(gigabytes, float) else None
