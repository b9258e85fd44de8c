"""The imported models of a session, newest last, as options of the model box."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import streamlit as st

from dashboard.settings.layouts import models_by_variant, slider_settings
from dashboard.settings.presets import HEADS, Preset, preset_of_model
from dashboard.settings.variants import variants
from gqa_core.configs import ModelConfig
from gqa_core.hf_config.parse import ParsedConfig
from gqa_core.model_files.layout_text import SharedLayout

IMPORTS = "imported_configs"
MAX_IMPORTS = 8  # of a session; the oldest goes
NAME, PREFIX = "Imported config", "Imported: "  # of pasted text, and before a file's name


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedConfig:
    """A parsed config and the name that the model box offers it under.

    One that came with a link has no lists of keys, but the numbers of sentences left out.
    """

    name: str
    config: ParsedConfig
    is_from_link: bool = False
    n_assumptions: int = 0
    n_not_counted: int = 0

    @property
    def layout(self) -> SharedLayout:
        """The part of it that a link carries."""
        return SharedLayout(
            name="" if self.name == NAME else self.name.removeprefix(PREFIX),
            config=self.config,
            n_assumptions=self.n_assumptions + len(self.config.assumptions),
            n_not_counted=self.n_not_counted + len(self.config.not_counted),
        )

    @property
    def preset(self) -> Preset:
        """Its sliders and weights, as an option of the model box."""
        return preset_of_model(
            self.name,
            self.config.model,
            self.config.estimated_params,
            self.config.estimated_weight_bytes,
            self.config.weight_format,
            self.config.embedding_params,
        )


def imports() -> Mapping[str, ImportedConfig]:
    """The imported models by name, newest last."""
    by_name: Mapping[str, ImportedConfig] = st.session_state.get(IMPORTS, {})
    return by_name


def import_presets() -> list[Preset]:
    """The imported models as options of the model box."""
    return [config.preset for config in imports().values()]


def add_import(config: ImportedConfig) -> None:
    """Add a model, in the place of one of its name.

    Raises:
        ValueError: it cannot be shown beside the other variants.
    """
    require_all_variants(config.config.model)
    earlier = [known for known in imports().values() if known.name != config.name]
    newest = [*earlier, config][-MAX_IMPORTS:]
    st.session_state[IMPORTS] = {known.name: known for known in newest}


def add_layout(layout: SharedLayout) -> None:
    """Add a model that came with a link.

    Raises:
        ValueError: as `add_import`.
    """
    add_import(
        ImportedConfig(
            name=f"{PREFIX}{layout.name}" if layout.name else NAME,
            config=layout.config,
            is_from_link=True,
            n_assumptions=layout.n_assumptions,
            n_not_counted=layout.n_not_counted,
        )
    )


def name_of_text(config: ParsedConfig) -> str:
    """The name of a pasted model: that of an equal one, or the first that is free."""
    names = [NAME, *(f"{PREFIX}text {number}" for number in range(2, MAX_IMPORTS + 2))]
    return _first_free(names, config)


def name_of_file(file: str, config: ParsedConfig, names: Collection[str] = ()) -> str:
    """The name of a file's model: that of an equal one, or the first free; none of `names`."""
    n_names = MAX_IMPORTS + len(names)
    numbers = ("", *(f" ({number})" for number in range(2, n_names + 2)))
    candidates = [f"{PREFIX}{file}{number}" for number in numbers]
    return _first_free([name for name in candidates if name not in names], config)


def _first_free(names: Iterable[str], config: ParsedConfig) -> str:
    by_name = imports()
    return next(name for name in names if name not in by_name or by_name[name].config == config)


def is_import_name(name: str) -> bool:
    """True if only an imported model has such a name."""
    return name.startswith((NAME, PREFIX))


def require_all_variants(config: ModelConfig) -> None:
    """Raise ValueError unless every page can show this model beside the other variants.

    Raises:
        ValueError: a variant would be out of bounds, such as MLA for very wide heads.
    """
    sliders = slider_settings(config)
    if HEADS[0] not in sliders:  # states alone are the same beside any variant
        return
    try:
        variants(**{key: sliders[key] for key in HEADS})
        models_by_variant(config, **sliders)
    except ValueError as error:
        raise ValueError(f"config can be read, but not shown beside MLA: {error}") from None
