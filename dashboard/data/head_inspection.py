"""What is compared between heads, under the names of the inspection's JSON, with their titles."""

from __future__ import annotations

TRAITS = {"keys": "Keys", "values": "Values", "patterns": "Attention"}
