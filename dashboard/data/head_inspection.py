"""Traits by which heads are compared, under their names in the inspection's JSON."""

from __future__ import annotations

from gqa_core.records.head_inspection import Trait

TRAITS: dict[Trait, str] = {"keys": "Keys", "values": "Values", "patterns": "Attention"}
