"""Typed access to the metadata of a GGUF file, whose keys begin with its architecture.

A number may stand for all layers, or a list may give it per layer; 0 stands for a layer without.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from gqa_core.model_files.gguf_header import MetadataValue

__all__ = ["Metadata"]

KNOWN_KEYS = {
    "attention.causal",
    "attention.head_count",
    "attention.head_count_kv",
    "attention.indexer.head_count",
    "attention.indexer.key_length",
    "attention.indexer.top_k",
    "attention.indexer.types",
    "attention.key_length",
    "attention.key_length_mla",
    "attention.key_length_swa",
    "attention.kv_lora_rank",
    "attention.recurrent_layers",
    "attention.shared_kv_layers",
    "attention.sliding_window",
    "attention.sliding_window_pattern",
    "attention.value_length",
    "attention.value_length_mla",
    "attention.value_length_swa",
    "attention.value_residual_mix_lora_rank",
    "attention.value_scale",
    "kda.head_dim",
    "wkv.head_size",
}
CACHE_WORDS = {"kv", "cache", "window", "swa", "sliding", "chunk", "compress", "latent", "key"}
CACHE_WORDS |= {"value", "head", "heads", "indexer", "recurrent", "recurrence", "loop", "loops"}
CACHE_WORDS |= {"cross", "interval"}
HARMLESS = re.compile(r"(rope|vision|audio|mm|altup|expert|moe|swin|classifier|xielu|ssm)[._]")


@dataclass(frozen=True, slots=True)
class Metadata:
    """The metadata of one model; `assumptions` collects the sentences noted by `assume`."""

    values: Mapping[str, MetadataValue]
    architecture: str
    used: dict[str, None] = field(default_factory=dict)
    assumptions: list[str] = field(default_factory=list)

    def key(self, name: str) -> str:
        """The full key of a name."""
        return f"{self.architecture}.{name}"

    def value(self, name: str) -> MetadataValue | None:
        """The value of a name, or None if absent; a present key is marked as used."""
        value = self.values.get(self.key(name))
        if value is not None:
            self.used[self.key(name)] = None
        return value

    def integer(self, name: str, *, most: int, least: int = 0) -> int | None:
        """The whole number of a name, or None if absent.

        Raises:
            ValueError: it is not one whole number, or out of bounds.
        """
        value = self.value(name)
        return None if value is None else self._bounded(name, value, most, least)

    def required_integer(self, name: str, *, most: int, least: int = 1) -> int:
        """The whole number of a name.

        Raises:
            ValueError: as `integer`, or it is absent.
        """
        value = self.integer(name, most=most, least=least)
        if value is None:
            raise ValueError(f"{self.key(name)} must be given: got no such key")
        return value

    def per_layer(self, name: str, n_layers: int, n_blocks: int, *, most: int) -> list[int] | None:
        """The number of every layer, from one number or a list; None if absent.

        A list has an entry for each of `n_blocks` blocks, of which the last ones may not be layers.

        Raises:
            ValueError: a number is out of bounds, or the list has another length.
        """
        value = self.value(name)
        if value is None:
            return None
        if not isinstance(value, tuple):
            return [self._bounded(name, value, most, 0)] * n_layers
        if len(value) not in (n_layers, n_blocks):
            raise ValueError(
                f"{self.key(name)} must have one entry for each of {n_blocks} layers: "
                f"got {len(value)}"
            )
        return [self._bounded(name, entry, most, 0) for entry in value[:n_layers]]

    def assume(self, sentence: str) -> None:
        """Note an assumption."""
        self.assumptions.append(sentence)

    def reject_unknown_keys(self) -> None:
        """Raise ValueError if a key that is not known could change what is cached."""
        prefix = f"{self.architecture}."
        for key, value in self.values.items():
            name = key.removeprefix(prefix)
            if name == key or name in KNOWN_KEYS or HARMLESS.match(name) or not value:
                continue
            words = _cache_words(name)
            if words and key not in self.used:
                about = " and ".join(sorted(words))
                raise ValueError(f"{key[:60]!r} is not understood: its name is about {about}")

    def reject_long_lists(self, names: Iterable[str]) -> None:
        """Raise ValueError if a list that is too long to read could change what is cached."""
        for key in names:
            name = key.removeprefix(f"{self.architecture}.")
            if name != key and not HARMLESS.match(name) and _cache_words(name):
                raise ValueError(f"{key[:60]} must be short enough to read: got a longer list")

    @property
    def ignored_keys(self) -> tuple[str, ...]:
        """The model's own keys that no figure depends on."""
        prefix = f"{self.architecture}."
        return tuple(key for key in self.values if key.startswith(prefix) and key not in self.used)

    def _bounded(self, name: str, value: MetadataValue, most: int, least: int) -> int:
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, (str, float, tuple)):
            got = f"a list of {len(value)}" if isinstance(value, tuple) else repr(value)[:40]
            raise ValueError(f"{self.key(name)} must be a whole number: got {got}")
        if not least <= value <= most:
            raise ValueError(f"{self.key(name)} must be between {least} and {most}: got {value}")
        return int(value)


def _cache_words(name: str) -> set[str]:
    return set(re.split(r"[^a-z0-9]+", name.lower())) & CACHE_WORDS
