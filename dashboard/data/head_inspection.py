"""What is compared between heads, under the names of the inspection's JSON, with their titles."""

from __future__ import annotations

from gqa_core.records.head_inspection import Trait

TRAITS: dict[Trait, str] = {"keys": "Keys", "values": "Values", "patterns": "Attention"}
