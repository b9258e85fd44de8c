"""Named settings a page offers: the lecture's examples and the models it names.

A preset states only the numbers that are its own; the other sliders stay. Which one shows as chosen
follows from the sliders, so a moved slider never leaves a wrong name standing. Pages that measure
take the heads alone, since a model's layers and the lecture's context fit few machines.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from types import MappingProxyType

import streamlit as st

from dashboard.choices import HeadsChoice, SizeChoice
from dashboard.kept import keep
from gqa_core.catalog.models import model
from gqa_core.configs import GroupedConfig

KEY = "preset"
HEADS = ("n_heads", "n_kv_heads", "head_dim")


@dataclass(frozen=True, slots=True)
class Preset:
    """A name, and the sliders it sets, by their keys."""

    name: str
    settings: Mapping[str, float | str]

    def fits(self, choice: HeadsChoice) -> bool:
        """Whether the sliders say what this preset does."""
        return all(getattr(choice, key, value) == value for key, value in self.settings.items())


def _preset(name: str, **settings: float | str) -> Preset:
    return Preset(name, MappingProxyType(settings))


def _grouped(name: str, catalog_name: str, weights_gb: float) -> Preset:
    """A published model with grouped heads; the head map shows what it has."""
    known = model(catalog_name)
    layer = known.attention
    assert isinstance(layer, GroupedConfig)
    return _preset(
        name,
        n_heads=layer.n_heads,
        n_kv_heads=layer.n_kv_heads,
        head_dim=layer.head_dim,
        n_layers=known.config.n_layers,
        variant=layer.variant,
        weights_gb=weights_gb,
    )


def _deepseek() -> Preset:
    """DeepSeek's heads at the context where the lecture's 400 GB and 3 GB hold."""
    known = model("DeepSeek-V3")
    return _preset(
        "DeepSeek at 100,000 tokens",
        n_heads=known.attention.n_heads,
        n_kv_heads=8,
        head_dim=known.attention.v_head_dim,
        n_layers=known.config.n_layers,
        kv_format="bf16",
        context_len=100_000,
        batch_size=1,
        variant="MLA",
        weights_gb=1342.0,
    )


PRESETS = (  # weights_gb: published parameters (8.03, 70.55 and 671 billion) x 2 bytes
    _preset("32 heads in 8", n_heads=32, n_kv_heads=8, variant="GQA"),
    _preset("128 heads in 8 (16x)", n_heads=128, n_kv_heads=8, variant="GQA"),
    _grouped("Llama 3 8B", "Llama 3 8B", weights_gb=16.06),
    _grouped("Llama 3 70B", "Llama 3 70B", weights_gb=141.11),
    _deepseek(),
)
DEEPSEEK = SizeChoice(
    **{field.name: PRESETS[-1].settings[field.name] for field in fields(SizeChoice)}
)


def offered(choice: HeadsChoice) -> Sequence[Preset]:
    """The presets for a page with these sliders, each with what it sets there.

    One that is named after its context is not offered where a preset may not set it.
    """
    if isinstance(choice, SizeChoice):
        return PRESETS
    return [
        Preset(preset.name, {key: preset.settings[key] for key in preset.settings.keys() & HEADS})
        for preset in PRESETS
        if "context_len" not in preset.settings
    ]


def name_of(choice: HeadsChoice) -> str | None:
    """The preset that says most of what the sliders say, or None where none fits."""
    fitting = [preset for preset in offered(choice) if preset.fits(choice)]
    return max(fitting, key=lambda preset: len(preset.settings)).name if fitting else None


def show_presets(choice: HeadsChoice) -> None:
    """The names to choose from; draw it after the sliders, in a container above them."""
    by_name = {preset.name: preset for preset in offered(choice)}
    chosen = by_name.get(st.session_state.get(KEY))
    if chosen is None or not chosen.fits(choice):
        st.session_state[KEY] = name_of(choice)
    st.selectbox(
        "Example",
        list(by_name),
        index=None,
        key=KEY,
        placeholder="your own numbers",
        help="The lecture's examples. Choosing one sets the sliders below.",
        on_change=_apply,
        args=(by_name,),
    )


def _apply(by_name: Mapping[str, Preset]) -> None:
    chosen = by_name.get(st.session_state[KEY])
    for key, value in chosen.settings.items() if chosen else ():
        st.session_state[key] = keep(key, value)
