"""Rows of measured decode steps: those of a device or of settings, the newest, their speeds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

from dashboard.settings.measurement import DecodeSettings
from dashboard.settings.model import ModelSettings
from dashboard.settings.variants import LABELS
from gqa_core import units
from gqa_core.configs import ModelConfig
from gqa_core.records.decode_row import DecodeRow
from gqa_core.records.header import MEASURED_HERE, Device, Evidence
from gqa_core.records.kinds import Record
from gqa_core.records.kinds.decode import DecodeRecord
from gqa_core.records.noise import Verdict, worst_verdict
from gqa_core.records.run_log import LoggedRecord

Row = DecodeRow


@dataclass(frozen=True, slots=True)
class CacheRow:
    """A measured cache, and the bytes of its variant's formula line at its context."""

    row: DecodeRow
    line_bytes: int

    @property
    def tensors_error(self) -> float:
        """Storage of the cache tensors over the formula, minus 1."""
        return self.row.record.memory.tensor_bytes / self.line_bytes - 1

    @property
    def peak_error(self) -> float:
        """Peak memory over the formula, minus 1."""
        return self.row.record.memory.peak_bytes / self.line_bytes - 1


@dataclass(frozen=True, slots=True)
class VersusMha:
    """A row, and the MHA row that it may be compared with; None if that was not measured."""

    row: Row
    mha: Row | None

    @property
    def speed(self) -> float | None:
        """MHA's attend time over the row's, 1 for MHA itself; None if the two are not ranked."""
        return speed_vs(self.mha, self.row)

    @property
    def is_tie(self) -> bool:
        """True if there is an MHA row, and the samples do not tell the two apart."""
        return self.mha is not None and self.speed is None


def decode_rows(records: Iterable[Record], evidence: Evidence = MEASURED_HERE) -> list[DecodeRow]:
    """The rows of those records that are decode steps."""
    return [
        DecodeRow.from_record(record, evidence)
        for record in records
        if isinstance(record, DecodeRecord)
    ]


def row_label(row: DecodeRow) -> str:
    """One of settings.variants.LABELS: the variant, or "MLA naive" for that form of MLA."""
    return "MLA naive" if row.record.kernel_ran == "naive" else row.variant


def measured_on(rows: Iterable[DecodeRow], device: Device) -> list[DecodeRow]:
    """The rows measured here, on this device and with as many threads."""
    return [row for row in rows if row.evidence == MEASURED_HERE and row.record.device == device]


def matching(rows: Iterable[Row], settings: DecodeSettings) -> list[Row]:
    """The rows measured with these settings, at any context."""
    return [row for row in in_any_format(rows, settings) if row.kv_format == settings.kv_format]


def in_any_format(rows: Iterable[Row], settings: DecodeSettings) -> list[Row]:
    """The rows measured with these settings, at any context and in any format of the cache."""
    layers = set(settings.variants.values())
    return [
        row
        for row in rows
        if row.config in layers
        and (row.batch_size, row.dtype, row.n_layers)
        == (settings.batch_size, settings.dtype, settings.n_layers)
        and (row.variant == "MLA" or row.record.kernel_asked == settings.kernel)
    ]


def latest(rows: Iterable[Row]) -> list[Row]:
    """The newest row of each point, by context and then in the variants' order."""
    newest = {(conditions(row), row.config, row.record.kernel_asked): row for row in rows}
    return sorted(newest.values(), key=lambda row: (conditions(row), LABELS.index(row_label(row))))


def versus_mha(rows: Sequence[Row]) -> list[VersusMha]:
    """Each row beside the MHA row under the same conditions, if that is among the rows.

    A grouped row is compared with MHA by the same kernel, MLA with MHA by `auto`.
    """
    mha = {(conditions(row), row.record.kernel_asked): row for row in rows if row.variant == "MHA"}
    kernels = ["auto" if row.variant == "MLA" else row.record.kernel_asked for row in rows]
    return [
        VersusMha(row, mha.get((conditions(row), kernel)))
        for row, kernel in zip(rows, kernels, strict=True)
    ]


def speed_vs(base: Row | None, row: Row) -> float | None:
    """Attend time of a base over a row's, 1 for the base itself.

    None without a base, if the samples of either are unusable, or if their intervals overlap.
    """
    if base is None or not (base.is_usable and row.is_usable):
        return None
    if row.record == base.record:
        return 1.0
    return base.attend.p5 / row.attend.p5 if row.attend.differs_from(base.attend) else None


def usable(rows: Iterable[Row]) -> list[Row]:
    """The rows whose samples can be read."""
    return [row for row in rows if row.is_usable]


def run_verdict(rows: Iterable[Row]) -> Verdict:
    """The worst verdict on the samples of these rows."""
    return worst_verdict(row.verdict for row in rows)


def variant_name(row: Row) -> str:
    """The variant, and for MLA its form."""
    return "MLA absorbed" if row_label(row) == "MLA" else row_label(row)


def device_name(row: DecodeRow | LoggedRecord) -> str:
    """The device of a row and the name of its machine: "AMD EPYC, 2 threads, node7"."""
    device = row.record.device
    return device_text(device.name, device.n_threads, device.machine)


def device_text(name: str, n_threads: int, machine: str | None = None) -> str:
    """A device in words, with its machine if that has a name: "AMD EPYC, 2 threads, node7"."""
    return f"{name}, {units.count(n_threads, 'thread')}{f', {machine}' if machine else ''}"


def cache_rows(rows: Iterable[DecodeRow], settings: ModelSettings) -> list[CacheRow]:
    """The newest rows measured with these settings, each with the formula's bytes.

    Measurements have equal layers that keep every token, so a model with windows has none. Naive
    MLA is left out: it caches every head's own K and V, which no line shows.
    """
    measurable = {model: name for name, model in settings.models.items()}
    return [
        CacheRow(row, settings.cache_bytes(measurable[model], row.context_len))
        for row in latest(rows)
        if (model := ModelConfig.uniform(row.config, row.n_layers)) in measurable
        and row_label(row) != "MLA naive"
        and row.batch_size == settings.batch_size
        and row.kv_format == settings.kv_format
    ]


def measured_settings(newest: Iterable[tuple[str, int, int, str]]) -> list[str]:
    """Settings of measured caches in words, the newest first.

    Each is a layer as the log has it, the number of layers, the batch and the number format.
    """
    kv_heads: dict[tuple[int, int, int, int, str], set[int]] = {}
    for config, n_layers, batch_size, kv_format in newest:
        layer = msgspec.json.decode(config)
        if "n_kv_heads" in layer:
            key = (layer["n_heads"], layer["head_dim"], n_layers, batch_size, kv_format)
            kv_heads.setdefault(key, set()).add(layer["n_kv_heads"])
    return [
        f"{n_heads} query heads, {', '.join(map(str, sorted(counts)))} K/V heads, width "
        f"{head_dim}, {units.count(n_layers, 'layer')}, batch {batch}, {kv_format}"
        for (n_heads, head_dim, n_layers, batch, kv_format), counts in kv_heads.items()
    ]


def conditions(row: DecodeRow) -> tuple[int, int | None, int, str, str, int, int]:
    """The numbers that must be equal before two rows may be compared."""
    return (
        row.config.n_heads,
        row.config.dim,
        row.batch_size,
        row.dtype,
        row.kv_format,
        row.n_layers,
        row.context_len,
    )
