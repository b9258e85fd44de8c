"""What an imported config says, what of it was used and what was not; its own words in plain text.

The figures here are the config's own, whatever the heads' sliders say: those of `size` on the
command line, which is told too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from dashboard.controls.config_import import ImportedConfig
from dashboard.settings.choices import ModelSettings
from dashboard.shell import panels
from gqa_core import units
from gqa_core.hf_config.answer import config_record
from gqa_core.theory.size import size_warnings

LISTS = {
    "used_keys": "Keys used",
    "assumptions": "Assumptions",
    "ignored_keys": "Keys ignored",
    "not_counted": "Not counted",
    "warnings": "Warnings",
}
WHOLE = (
    "Window (tokens)",
    "Query heads",
    "K/V heads",
    "K width",
    "V width",
    "Latent",
    "RoPE key",
)


def show_config_report(choice: ModelSettings, imported: ImportedConfig) -> None:
    """The layers, the lists and the command line, folded."""
    record = config_record(imported.config, choice.workload(choice.context_len), choice.kv_format)
    record["warnings"] = size_warnings(record)
    for sentence in record["warnings"]:
        st.warning(panels.escape_markdown(sentence))
    with st.expander("What the config says", icon=":material/description:"):
        panels.show_evidence("formula")
        st.markdown(
            f"At {choice.context_len} tokens: {units.exact_bytes(record['kv_cache_bytes'])}, and "
            f"{units.exact_bytes(record['kv_cache_bytes_as_allocated'])} where every caching layer "
            "gets room for the whole context."
        )
        panels.show_table(layers_table(record), "config_layers", "Layers of the imported config")
        for name, title in LISTS.items():
            if told := record[name]:
                st.caption(title)
                separator = ", " if name.endswith("keys") else "\n"
                st.code(separator.join(told), language=None, wrap_lines=True)
        st.caption("The same figures on the command line")
        st.code(command(choice), language="sh", wrap_lines=True)


def command(choice: ModelSettings) -> str:
    """The command line that gives this config's figures."""
    return (
        f"python -m gqa_core size CONFIG.json --context-len {choice.context_len} "
        f"--batch-size {choice.batch_size} --kv-format {choice.kv_format} --json"
    )


def layers_table(record: Mapping[str, Any]) -> pd.DataFrame:
    """One line a kind of layer: how many, what they see, and what they cache."""
    return pd.DataFrame(
        {
            "Kind": layers["kind"],
            "Layers": layers["count"],
            "Window (tokens)": layers["window"],
            "Variant": layers.get("variant"),
            "Query heads": layers.get("n_heads"),
            "K/V heads": layers.get("n_kv_heads"),
            "K width": layers.get("head_dim"),
            "V width": layers.get("v_head_dim"),
            "Latent": layers.get("kv_lora_rank"),
            "RoPE key": layers.get("qk_rope_head_dim"),
            "All of them, per token (B)": layers["kv_bytes_per_token"],
        }
        for layers in record["layers"]
    ).astype(dict.fromkeys(WHOLE, "Int64"))
