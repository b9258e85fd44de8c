"""Public deployments: the tokens that an engine found room for, with all that decides it.

Each row is one start of an engine whose log is public. They tell how far an estimate of the room is
off: nothing in a row is adjusted to another. A row that is an exception says why in its note.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path

from gqa_core import units
from gqa_core.catalog.devices import devices
from gqa_core.catalog.rows import (
    FOLDER,
    CatalogEntry,
    parse_decimal,
    parse_integers,
    read_catalog,
)

__all__ = ["PublicDeployment", "public_deployments"]

COLUMNS = (
    "name",
    "engine",
    "device",
    "usable_mib",
    "n_gpus",
    "utilisation",
    "params",
    "params_16_bit",
    "weight_bits",
    "kv_bytes_per_token",
    "has_states",
    "tokens",
    "is_exception",
    "source",
    "note",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicDeployment(CatalogEntry):
    """One start of an engine.

    `params_16_bit` of the `params` are kept in 16 bits, the others in `weight_bits` each, scales
    included. `kv_bytes_per_token` are those of one GPU, and `tokens` what the engine reported.
    """

    engine: str
    device: str
    memory_bytes: int
    n_gpus: int
    utilisation: Fraction
    params: int
    weight_bits: float
    kv_bytes_per_token: int
    tokens: int
    params_16_bit: int = 0
    has_states: bool = False
    is_exception: bool = False

    @property
    def weight_bytes(self) -> int:
        """Bytes of the whole model's weights."""
        few_bits = (self.params - self.params_16_bit) * Fraction(self.weight_bits) / 8
        return round(few_bits) + 2 * self.params_16_bit


@cache
def public_deployments(path: Path = FOLDER / "deployments.csv") -> tuple[PublicDeployment, ...]:
    """The public deployments, in the file's order.

    Raises:
        ValueError: the file breaks a rule; the sentence names the file and the line.
    """
    return read_catalog(path, COLUMNS, _deployment)


def _deployment(
    *,
    name: str,
    engine: str,
    device: str,
    utilisation: str,
    weight_bits: str,
    source: str,
    note: str = "",
    usable_mib: str = "",
    **cells: str,
) -> PublicDeployment:
    numbers = parse_integers(cells)
    return PublicDeployment(
        name=name,
        engine=engine,
        device=device,
        memory_bytes=_memory_bytes(device, usable_mib),
        utilisation=Fraction(utilisation),
        weight_bits=parse_decimal("weight_bits", weight_bits),
        source=source,
        note=note,
        has_states=bool(numbers.pop("has_states", 0)),
        is_exception=bool(numbers.pop("is_exception", 0)),
        **numbers,
    )


def _memory_bytes(device: str, usable_mib: str) -> int:
    """Usable memory of a device of the catalogue, or what the row says of another."""
    if usable_mib:
        return parse_integers({"usable_mib": usable_mib})["usable_mib"] * units.MIB
    known = {entry.name: entry.usable_bytes for entry in devices()}
    if device not in known:
        raise ValueError(f"usable_mib must be given for a device that is not known: got {device!r}")
    return known[device]
