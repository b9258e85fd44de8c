"""Records as rows, and rows as tables for people: columns named with their units, no streamlit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from dashboard.settings.measurement import DecodeSettings
from dashboard.settings.model import ModelSettings
from dashboard.settings.variants import LABELS
from gqa_core import units
from gqa_core.configs import ModelConfig
from gqa_core.records.record import MEASURED_HERE, Record, config_of
from gqa_core.records.record import row as flat_row
from gqa_core.theory.formats import DTYPE_FORMATS

Row = dict[str, Any]

PREDICTED = (
    "Attend, predicted (ms)",
    "Attend off by (%)",
    "Step, predicted (ms)",
    "Step off by (%)",
)


def decode_rows(records: Iterable[Record], evidence: str = MEASURED_HERE) -> list[Row]:
    """Flat rows of decode records: evidence, `layer`, the `label` of its look, and the record."""
    return [
        flat_row(record)
        | {
            "layer": config_of(record),
            "label": "MLA naive" if record["kernel_ran"] == "naive" else record["variant"],
            "evidence": evidence,
            "record": record,
        }
        for record in records
    ]


def of_device(rows: Iterable[Row], device: Mapping[str, Any]) -> list[Row]:
    """The rows measured here, on this device and with as many threads."""
    return [
        row
        for row in rows
        if row["evidence"] == MEASURED_HERE
        and all(row[f"device_{name}"] == device[name] for name in ("type", "name", "n_threads"))
    ]


def matching(rows: Iterable[Row], settings: DecodeSettings) -> list[Row]:
    """The rows measured with what the sliders say, at any context."""
    layers = set(settings.variants.values())
    return [
        row
        for row in rows
        if row["layer"] in layers
        and (row["batch_size"], row["dtype"], row["n_layers"])
        == (settings.batch_size, settings.dtype, settings.n_layers)
        and (row["variant"] == "MLA" or row["kernel_asked"] == settings.kernel)
    ]


def latest(rows: Iterable[Row]) -> list[Row]:
    """The newest row of each point, by context and then in the variants' order."""
    newest = {(conditions(row), row["layer"], row["kernel_asked"]): row for row in rows}
    return sorted(newest.values(), key=lambda row: (conditions(row), LABELS.index(row["label"])))


def attend_table(rows: Sequence[Row]) -> pd.DataFrame:
    """Attend times of the rows of one setting: a line a variant, a column a context.

    At the longest context also the speed against MHA's and the share of the bound.
    """
    contexts = sorted({row["context_len"] for row in rows})
    times = {(variant_name(row), row["context_len"]): row["attend_s"] for row in rows}
    names = list(dict.fromkeys(name for name, _ in times))
    longest = contexts[-1:]
    last = [row for row in rows if row["context_len"] in longest]
    shares = {variant_name(row): row["bound_share"] for row in last}
    speeds = dict(zip(map(variant_name, last), speeds_vs_mha(last), strict=True))
    table = {"Variant": names}
    for context in contexts:
        found = [times.get((name, context)) for name in names]
        table[f"Attend at {context:,} (ms)"] = [_in_ms(time) for time in found]
    for context in longest:
        table[f"Speed vs MHA at {context:,}"] = [speeds.get(name) for name in names]
        shown = [shares.get(name) for name in names]
        table[f"Of the bound at {context:,} (%)"] = [s and 100 * s for s in shown]
    return pd.DataFrame(table)


def performance_table(rows: Sequence[Row]) -> pd.DataFrame:
    """One line a measured point, in the units of the column names; rates come from attend."""
    speeds = speeds_vs_mha(rows)
    table = []
    for row, speed in zip(rows, speeds, strict=True):
        table.append(
            {
                "Variant": variant_name(row),
                "K/V heads": row["n_kv_heads"],
                "Context": row["context_len"],
                "Attend (ms)": 1e3 * row["attend_s"],
                "Attend IQR (ms)": 1e3 * (row["attend_q3_s"] - row["attend_q1_s"]),
                "Attend, predicted (ms)": _in_ms(row["predicted_attend_s"]),
                "Attend off by (%)": _absolute_percent(row["attend_error"]),
                "Of the bound (%)": 100 * row["bound_share"],
                "Speed vs MHA": speed,
                "Step (ms)": 1e3 * row["step_s"],
                "Step IQR (ms)": 1e3 * (row["step_q3_s"] - row["step_q1_s"]),
                "Step, predicted (ms)": _in_ms(row["predicted_step_s"]),
                "Step off by (%)": _absolute_percent(row["step_error"]),
                "Tokens/s": row["tokens_per_s"],
                "Read (GB/s)": row["read_bytes_per_s"] / units.GB,
                "Of bandwidth (%)": 100 * row["bandwidth_share"],
                "Cache, formula (MiB)": row["formula_bytes"] / units.MIB,
                "Cache, tensors (MiB)": row["tensor_bytes"] / units.MIB,
                "Padding (B)": row["padding_bytes"],
                "Peak (MiB)": row["peak_bytes"] / units.MIB,
                "Kernel asked": row["kernel_asked"],
                "Kernel ran": row["kernel_ran"],
                "Attend kernel": row["attend_kernel"],
                "Batch": row["batch_size"],
                "Dtype": row["dtype"],
                "Layers": row["n_layers"],
                "Query heads": row["n_heads"],
                "Samples": row["n_samples"],
                "Device": device_name(row),
                "Evidence": row["evidence"],
                "When (UTC)": row["created_at"][:19].replace("T", " "),
                "Warnings": "; ".join(row["warnings"]),
            }
        )
    whole = {"K/V heads": "Int64", "Padding (B)": "Int64"}
    told = dict.fromkeys(PREDICTED, "float64")  # None alone would make a column of objects
    return pd.DataFrame(table).astype(whole | told) if table else pd.DataFrame()


def speeds_vs_mha(rows: Sequence[Row]) -> list[float | None]:
    """How many times faster than MHA each row attends, both under the same conditions.

    A grouped row is held against MHA by the same kernel, MLA against MHA by `auto`; None where that
    is not among the rows.
    """
    mha = {
        (conditions(row), row["kernel_asked"]): row["attend_s"]
        for row in rows
        if row["variant"] == "MHA"
    }
    bases = [
        mha.get((conditions(row), "auto" if row["variant"] == "MLA" else row["kernel_asked"]))
        for row in rows
    ]
    return [base / row["attend_s"] if base else None for row, base in zip(rows, bases, strict=True)]


def variant_name(row: Row) -> str:
    """The variant, and for MLA its form."""
    return "MLA absorbed" if row["label"] == "MLA" else row["label"]


def device_name(row: Row) -> str:
    """The device of a row: "AMD EPYC, 2 threads"."""
    return f"{row['device_name']}, {units.count(row['device_n_threads'], 'thread')}"


def cache_rows(rows: Iterable[Row], settings: ModelSettings) -> list[Row]:
    """The newest rows measured with what the sliders say, each with the formula's `line_bytes`.

    What is measured has layers alike that keep every token, so a model with windows has none.
    Naive MLA is left out: it caches every head's own K and V, which none of the lines is.
    """
    measurable = {model: name for name, model in settings.models.items()}
    return [
        row | {"line_bytes": settings.cache_bytes(measurable[model], row["context_len"])}
        for row in latest(rows)
        if (model := ModelConfig.uniform(row["layer"], row["n_layers"])) in measurable
        and row["label"] != "MLA naive"
        and row["batch_size"] == settings.batch_size
        and DTYPE_FORMATS[row["dtype"]] == settings.kv_format
    ]


def cache_table(rows: Sequence[Row]) -> pd.DataFrame:
    """One line a measured cache: formula, live tensors and peak, and how far they are apart."""
    return pd.DataFrame(
        [
            {
                "Variant": row["label"],
                "K/V heads": row["n_kv_heads"],
                "Context": row["context_len"],
                "Formula (MiB)": row["line_bytes"] / units.MIB,
                "Tensors (MiB)": row["tensor_bytes"] / units.MIB,
                "Tensors error (%)": 100 * (row["tensor_bytes"] / row["line_bytes"] - 1),
                "Peak (MiB)": row["peak_bytes"] / units.MIB,
                "Peak error (%)": 100 * (row["peak_bytes"] / row["line_bytes"] - 1),
                "Kernel ran": row["kernel_ran"],
                "When (UTC)": row["created_at"][:19].replace("T", " "),
            }
            for row in rows
        ]
    ).astype({"K/V heads": "Int64"})


def measured_settings(rows: Iterable[Row]) -> list[str]:
    """Which settings have measured caches, in words, the newest first."""
    found: dict[tuple, set[int]] = {}
    for row in sorted(rows, key=lambda row: row["created_at"], reverse=True):
        if row["n_kv_heads"] is not None:
            names = ("n_heads", "head_dim", "n_layers", "batch_size", "dtype")
            found.setdefault(tuple(row[name] for name in names), set()).add(row["n_kv_heads"])
    return [
        f"{n_heads} query heads, {', '.join(map(str, sorted(counts)))} K/V heads, width "
        f"{head_dim}, {units.count(n_layers, 'layer')}, batch {batch}, {DTYPE_FORMATS[dtype]}"
        for (n_heads, head_dim, n_layers, batch, dtype), counts in found.items()
    ]


def _in_ms(seconds: float | None) -> float | None:
    return None if seconds is None else 1e3 * seconds


def _absolute_percent(error: float | None) -> float | None:
    return None if error is None else 100 * abs(error)


def conditions(row: Row) -> tuple:
    """What must be equal before two rows may be compared."""
    names = ("n_heads", "dim", "batch_size", "dtype", "n_layers", "context_len")
    return tuple(row[name] for name in names)
