"""Report on an imported config: its layers, the keys used and ignored, as plain text.

The figures are those of the config itself, whatever the sliders of the heads show, and equal those
of `size` on the command line.
"""

from __future__ import annotations

import streamlit as st

from dashboard.controls.imports import ImportedConfig
from dashboard.report.config_tables import layers_table
from dashboard.settings.model import ModelSettings
from dashboard.shell import panels
from gqa_core import units
from gqa_core.hf_config.report import config_size_report
from gqa_core.theory.size import SizeReport


def show_config_report(settings: ModelSettings, imported: ImportedConfig) -> None:
    """Draw the layers, the lists of keys and the command line in an expander."""
    workload = settings.workload(settings.context_len)
    report = config_size_report(imported.config, workload, settings.kv_format)
    for sentence in report.warnings:
        st.warning(panels.escape_markdown(sentence))
    with st.expander("What the config says", icon=":material/description:"):
        if imported.is_from_link:
            st.caption(_link_sentence(imported))
        panels.show_evidence("formula")
        st.markdown(_sizes_sentence(report, settings.context_len))
        panels.show_table(layers_table(report), "config_layers", "Layers of the imported config")
        for title, separator, entries in _lists(report):
            if entries:
                st.caption(title)
                st.code(separator.join(entries), language=None, wrap_lines=True)
        st.caption("The same figures on the command line")
        st.code(command(settings), language="sh", wrap_lines=True)


def _link_sentence(imported: ImportedConfig) -> str:
    """A sentence on what a link leaves out of an import, of which it carries the numbers alone."""
    return (
        "This model came with the link: its layers and weights. Import its config to read the "
        f"rest: its keys, {imported.n_assumptions} assumptions, and {imported.n_not_counted} "
        "sentences on what is not counted."
    )


def _sizes_sentence(report: SizeReport, context_len: int) -> str:
    """The bytes of K, V and latents, as allocated, and of all that the model keeps."""
    sentence = (
        f"At {context_len} tokens: {units.exact_bytes(report.kv_cache_bytes)}, and "
        f"{units.exact_bytes(report.kv_cache_bytes_as_allocated)} if every caching layer has "
        "slots for the whole context."
    )
    if report.total_bytes == report.kv_cache_bytes:
        return sentence
    return (
        f"{sentence} With all parts that the model keeps: {units.exact_bytes(report.total_bytes)}."
    )


def command(settings: ModelSettings) -> str:
    """The command line that prints the config's figures."""
    return (
        f"python -m gqa_core size CONFIG.json --context-len {settings.context_len} "
        f"--batch-size {settings.batch_size} --kv-format {settings.kv_format} --json"
    )


def _lists(report: SizeReport) -> list[tuple[str, str, tuple[str, ...]]]:
    """(title, separator, entries) of each list below the table."""
    notes = report.notes
    if notes is None:
        return []
    return [
        ("Keys used", ", ", notes.used_keys),
        ("Assumptions", "\n", notes.assumptions),
        ("Keys ignored", ", ", notes.ignored_keys),
        ("Not counted", "\n", notes.not_counted),
        ("Warnings", "\n", report.warnings),
    ]
