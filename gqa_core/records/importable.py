"""The kinds of record that can come from outside: what the log keeps, and who checks each."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from gqa_core.records import check_decode, check_generate, check_growth, check_quality
from gqa_core.records import check_verify as check_comparison
from gqa_core.records.importing import Importable
from gqa_core.records.record import ADDED

KINDS: Mapping[str, Importable] = MappingProxyType(
    {
        "check": Importable(check_comparison.FIELDS, check_comparison.check_comparison),
        "decode": Importable(check_decode.FIELDS, check_decode.check_decode, ADDED),
        "generate": Importable(check_generate.FIELDS, check_generate.check_generate),
        "growth": Importable(check_growth.FIELDS, check_growth.check_growth),
        "quality": Importable(check_quality.FIELDS, check_quality.check_quality),
    }
)
