"""Rows of measured decode steps: those of a device or of settings, the newest, their speeds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dashboard.settings.measurement import DecodeSettings
from dashboard.settings.model import ModelSettings
from dashboard.settings.variants import LABELS
from gqa_core import units
from gqa_core.configs import ModelConfig
from gqa_core.records.record import MEASURED_HERE, Record, config_of
from gqa_core.records.record import row as flat_row
from gqa_core.theory.formats import DTYPE_FORMATS

Row = dict[str, Any]


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


def measured_on(rows: Iterable[Row], device: Mapping[str, Any]) -> list[Row]:
    """The rows measured here, on this device and with as many threads."""
    return [
        row
        for row in rows
        if row["evidence"] == MEASURED_HERE
        and all(row[f"device_{name}"] == device[name] for name in ("type", "name", "n_threads"))
    ]


def matching(rows: Iterable[Row], settings: DecodeSettings) -> list[Row]:
    """The rows measured with these settings, at any context."""
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


def speeds_vs_mha(rows: Sequence[Row]) -> list[float | None]:
    """MHA's attend time over each row's, both under the same conditions.

    A grouped row is compared with MHA by the same kernel, MLA with MHA by `auto`; None if that is
    not among the rows.
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
    """The newest rows measured with these settings, each with the formula's `line_bytes`.

    Measurements have equal layers that keep every token, so a model with windows has none. Naive
    MLA is left out: it caches every head's own K and V, which no line shows.
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


def measured_settings(rows: Iterable[Row]) -> list[str]:
    """The settings with measured caches in words, the newest first."""
    kv_heads: dict[tuple, set[int]] = {}
    for row in sorted(rows, key=lambda row: row["created_at"], reverse=True):
        if row["n_kv_heads"] is not None:
            names = ("n_heads", "head_dim", "n_layers", "batch_size", "dtype")
            kv_heads.setdefault(tuple(row[name] for name in names), set()).add(row["n_kv_heads"])
    return [
        f"{n_heads} query heads, {', '.join(map(str, sorted(counts)))} K/V heads, width "
        f"{head_dim}, {units.count(n_layers, 'layer')}, batch {batch}, {DTYPE_FORMATS[dtype]}"
        for (n_heads, head_dim, n_layers, batch, dtype), counts in kv_heads.items()
    ]


def conditions(row: Row) -> tuple:
    """The numbers that must be equal before two rows may be compared."""
    names = ("n_heads", "dim", "batch_size", "dtype", "n_layers", "context_len")
    return tuple(row[name] for name in names)
