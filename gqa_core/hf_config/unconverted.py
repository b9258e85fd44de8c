"""Modules that a quantised checkpoint leaves in 16 bits, from the names that its config lists.

Lists hold names, globs and regular expressions, of one layer or of all, up to 50,000 of them. No
expression from a file is ever run: an entry is read by the words in it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from gqa_core.hf_config.params import ModuleKind

__all__ = ["Unconverted", "unconverted_modules"]

MAX_NAME = 400
MAX_NAMES = 100_000
DIGITS = re.compile(r"\d+")
LAYER_NUMBER = re.compile(r"(?:layers|h|blocks)\\?\.(\d{1,4})(?:\\?\.|\$|$)")
NOT_COUNTED = {"vision", "visual", "audio", "image", "multi_modal", "mm_projector", "patch"}
NOT_COUNTED |= {"norm", "bias", "mtp", "nextn", "eh_proj", "indexer", "conv1d", "sinks"}
EVERY_PART: tuple[ModuleKind, ...] = (
    "attention",
    "state",
    "dense",
    "experts",
    "shared expert",
    "router",
)
BY_WORD: tuple[tuple[str, tuple[ModuleKind, ...]], ...] = (  # the first word that is there decides
    ("lm_head", ("head",)),
    ("output_layer", ("head",)),
    ("embed_out", ("head",)),
    ("embed", ("embedding",)),
    ("wte", ("embedding",)),
    ("shared_expert_gate", ("router",)),
    ("shared_expert", ("shared expert",)),
    ("expert", ("experts",)),
    ("linear_attn", ("state",)),
    ("mamba", ("state",)),
    ("mixer", ("state", "attention", "dense")),
    ("attn", ("attention",)),
    ("attention", ("attention",)),
    ("router", ("router",)),
)
FEED_FORWARD_WORDS = ("mlp", "feed_forward", "ffn", "block_sparse_moe", "moe")
PROJECTIONS = ("gate_proj", "up_proj", "down_proj", "gate_up_proj", "fc0", "w0")


@dataclass(frozen=True, slots=True)
class Unconverted:
    """Kinds of modules left in 16 bits in every layer, and the layers of others that are."""

    everywhere: set[ModuleKind] = field(default_factory=set)
    in_layers: set[tuple[ModuleKind, int]] = field(default_factory=set)

    def has(self, kind: ModuleKind, layer: int | None = None) -> bool:
        """True if a module of this kind is left in 16 bits, in this layer."""
        return kind in self.everywhere or (layer is not None and (kind, layer) in self.in_layers)


def unconverted_modules(names: Sequence[object]) -> Unconverted | None:
    """The modules that these entries name; None if one of them is not understood."""
    if len(names) > MAX_NAMES:
        return None
    modules = Unconverted()
    kinds_by_form: dict[str, tuple[ModuleKind, ...] | None] = {}  # layers repeat the same names
    for name in names:
        if not isinstance(name, str) or len(name) > MAX_NAME:
            return None
        form = DIGITS.sub("0", name)
        if form not in kinds_by_form:
            kinds_by_form[form] = _kinds(form.lower().replace("\\", ""))
        kinds = kinds_by_form[form]
        if kinds is None:
            return None
        layer = LAYER_NUMBER.search(name)
        for kind in kinds:
            if layer is None:
                modules.everywhere.add(kind)
            else:
                modules.in_layers.add((kind, int(layer[1])))
    return modules


def _kinds(name: str) -> tuple[ModuleKind, ...] | None:
    """The kinds of modules that an entry is about, none if they are not counted."""
    if any(word in name for word in NOT_COUNTED):
        return ()
    for word, kinds in BY_WORD:
        if word in name:
            return kinds
    if any(word in name for word in FEED_FORWARD_WORDS):
        if any(projection in name for projection in PROJECTIONS) or "(" in name:
            return ("dense",)
        if re.search(r"\bgate\b", name):
            return ("router",)
        return ("dense", "experts", "shared expert", "router")
    if re.search(r"\bgate\b", name):
        return ("router",)
    if any(projection in name for projection in PROJECTIONS):
        return ("dense", "shared expert", "experts")
    if LAYER_NUMBER.search(name):
        return EVERY_PART
    return None
