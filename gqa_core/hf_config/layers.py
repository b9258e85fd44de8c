"""The kind of every layer: whether it caches the whole context, a window of it, or no tokens.

A list with one entry per layer takes precedence, then a numeric rule (every n-th layer), then the
rule of the model's family, which is the only thing `model_type` decides. Without any of these, a
window applies to no layer: every layer is counted in full.
"""

from __future__ import annotations

from gqa_core.configs import MAX_CONTEXT_LEN, MAX_LAYERS
from gqa_core.hf_config.family_rules import (
    EVERY_NTH_FULL,
    FULL_WITHOUT_LIST,
    HYBRID_FAMILIES,
    WINDOW_IN_EVERY_LAYER,
    full_layers_of_family,
)
from gqa_core.hf_config.kinds import (
    CHUNK,
    CONVOLUTION,
    FULL,
    FULL_WITH_STATE,
    LINEAR,
    STATE_SPACE,
    WINDOW,
    WINDOW_WITH_STATE,
    WINDOWED,
    LayerKind,
    every_nth_full,
    parse_kind,
    require_length,
)
from gqa_core.hf_config.reader import ConfigReader
from gqa_core.hf_config.shared_layers import with_shared_layers
from gqa_core.hf_config.stated_kinds import (
    KIND_KEYS,
    length_of_list,
    stated_kinds,
)

__all__ = ["KEYS", "layer_kinds", "unplaced_window", "window_len"]

N_LAYERS = ("num_hidden_layers", "n_layer", "n_layers", "num_layers", "num_transformer_layers")
PATTERNS = ("sliding_window_pattern", "_sliding_window_pattern")
FAMILY_PATTERNS = {  # the number of a family's rule under another key
    "afmoe": "global_attn_every_n_layers",
    "modernbert-decoder": "global_attn_every_n_layers",
}
LLAMA_4_INTERVAL = 4
STATE_FAMILIES = ("mamba", "mamba2", "falcon_mamba")
UNKNOWN_STATE_FAMILIES = ("rwkv", "xlstm", "retnet")
QWEN_LIKE = ("qwen", "got_ocr2", "pp_chart2table", "deepseek_ocr2", "dots1")
KEYS = (
    *N_LAYERS,
    *KIND_KEYS,
    "attn_layer_offset",
    "sliding_window",
    "use_sliding_window",
    "max_window_layers",
    *PATTERNS,
    "attention_chunk_size",
    "no_rope_layers",
    "no_rope_layer_interval",
    "num_kv_shared_layers",
    "kv_source_layers",
)


def layer_kinds(reader: ConfigReader, family: str) -> list[LayerKind]:
    """The kind of every layer, first to last; `family` is the `model_type`.

    Raises:
        ValueError: a list has the wrong length or an unknown entry, lists and rules disagree, a
            number is out of bounds, or no layer caches anything.
    """
    n_layers = _n_layers(reader, family)
    kinds = _stated_kinds(reader, n_layers, family) or _kinds_by_window(reader, n_layers, family)
    if set(WINDOWED) & set(kinds) and reader.flag("use_sliding_window") is False:
        reader.assume("window layers see the whole context, since use_sliding_window is false")
        in_full = {WINDOW: FULL, WINDOW_WITH_STATE: FULL_WITH_STATE}
        kinds = [in_full.get(kind, kind) for kind in kinds]
    return with_shared_layers(reader, kinds, family)


def window_len(reader: ConfigReader, kind: LayerKind, family: str) -> int | None:
    """Tokens that a caching layer of this kind sees, itself included; None for all.

    Raises:
        ValueError: it is a window or chunk layer and no key gives the length.
    """
    if kind == CHUNK:
        return reader.required_integer("attention_chunk_size", most=MAX_CONTEXT_LEN)
    if kind not in WINDOWED:
        return None
    if family.startswith("mimo_v2") and reader.has("sliding_window_size"):
        # 128 tokens before the token itself: configuration_mimo_v2_flash.py adds 1
        before = reader.required_integer("sliding_window_size", most=MAX_CONTEXT_LEN - 1)
        reader.assume("sliding_window_size counts the tokens before a token: one more is kept")
        return before + 1
    if family == "modernbert-decoder" and reader.has("local_attention"):
        return reader.required_integer("local_attention", most=MAX_CONTEXT_LEN) // 2
    if family.startswith(("recurrent_gemma", "inkling")):
        names = ("attention_window_size", "sliding_window_size", "sliding_window")
        return reader.required_integer(*names, most=MAX_CONTEXT_LEN)
    if reader.has("sliding_window_size") and not reader.has("sliding_window"):
        # it may count the token itself or not: the larger number is safe
        return reader.required_integer("sliding_window_size", most=MAX_CONTEXT_LEN - 1) + 1
    return reader.required_integer("sliding_window", most=MAX_CONTEXT_LEN)


def unplaced_window(reader: ConfigReader, family: str) -> int | None:
    """The window of a config that does not say which layers it applies to; None otherwise.

    Raises:
        ValueError: the window is not a whole number.
    """
    is_placed = (
        reader.flag("use_sliding_window") is False
        or family.startswith(("llama4", "qwen"))
        or family in (*FULL_WITHOUT_LIST, *WINDOW_IN_EVERY_LAYER)
        or any(reader.values.get(name) for name in (*PATTERNS, *KIND_KEYS))
    )
    if is_placed or full_layers_of_family(family, 1, None) is not None:
        return None
    return reader.integer("sliding_window", most=MAX_CONTEXT_LEN, least=-1) or None


def _n_layers(reader: ConfigReader, family: str) -> int:
    """The number of layers: by a key, or by the length of the list that names their kinds."""
    if family.startswith("longcat_flash"):
        n_attentions = reader.integer("num_hidden_layers", most=2 * MAX_LAYERS)
        n_layers = reader.integer("num_layers", most=MAX_LAYERS)
        if n_layers is None and n_attentions is not None:
            n_layers = n_attentions // 2
        if n_layers and n_attentions in (None, n_layers, 2 * n_layers):
            return n_layers
    n_listed = length_of_list(reader)
    if n_listed is None or any(map(reader.has, N_LAYERS)):
        return reader.required_integer(*N_LAYERS, most=MAX_LAYERS)
    if n_listed > MAX_LAYERS:
        raise ValueError(f"the list of layers must have at most {MAX_LAYERS}: got {n_listed}")
    return n_listed


def _stated_kinds(reader: ConfigReader, n_layers: int, family: str) -> list[LayerKind] | None:
    """The kinds that keys state, with what a family adds to them."""
    if family in ("zamba", "zamba2"):
        return _zamba_kinds(reader, n_layers)
    if family == "recurrent_gemma":
        block = reader.array("block_types") or ["recurrent", "recurrent", "attention"]
        names: dict[str | int, LayerKind] = {"recurrent": LINEAR, "attention": WINDOW}
        kinds = [parse_kind(f"{reader.path}block_types", names, entry) for entry in block]
        return [kinds[i % len(kinds)] for i in range(n_layers)]
    if family in STATE_FAMILIES:
        reader.assume(f"no layer attends: rule of {family}")
        return [STATE_SPACE] * n_layers
    if family.startswith(UNKNOWN_STATE_FAMILIES):
        raise ValueError(
            f"{reader.path}model_type {family[:40]} keeps states of constant size and no K/V cache:"
            " their size is not known here"
        )
    stated = stated_kinds(reader, n_layers)
    if stated is None and family in HYBRID_FAMILIES:
        reader.assume(f"every layer has attention and a state: rule of {family}")
        return [FULL_WITH_STATE] * n_layers
    if stated is None and family == "lfm3":
        reader.assume("layers 2, 6 and so on are full, 4, 8 and so on have windows: rule of lfm3")
        return [_lfm3_kind(i) for i in range(n_layers)]
    return stated


def _zamba_kinds(reader: ConfigReader, n_layers: int) -> list[LayerKind] | None:
    """State-space layers, some of which run a shared attention first, with a cache of its own.

    Source: huggingface/transformers, configuration_zamba.py and configuration_zamba2.py.
    """
    without_period = {"attn_layer_period": None, "attn_layer_offset": None}
    stated = stated_kinds(reader.overlaid(without_period), n_layers)
    if stated is not None:
        return stated
    period = reader.required_integer("attn_layer_period", most=MAX_LAYERS)
    offset = reader.integer("attn_layer_offset", most=MAX_LAYERS, least=0) or 0
    return [
        FULL_WITH_STATE if i == 2 or (i > 2 and (i - 3) % period == offset) else STATE_SPACE
        for i in range(n_layers)
    ]


def _lfm3_kind(i: int) -> LayerKind:
    """The kind of a layer of LFM3. Source: huggingface/transformers, configuration_lfm3.py."""
    if i % 4 == 2:
        return FULL
    return WINDOW if i % 4 == 0 and i > 0 else CONVOLUTION


def _kinds_by_window(reader: ConfigReader, n_layers: int, family: str) -> list[LayerKind]:
    """The kinds where no list or rule gives them: a window or chunk, and the family's rule."""
    if family.startswith("llama4"):
        return _llama_4_chunks(reader, n_layers)
    if family in EVERY_NTH_FULL:
        _require_key(reader, "sliding_window")
    has_window = bool(reader.values.get("sliding_window")) or (
        family == "modernbert-decoder" and reader.has("local_attention")
    )
    if not has_window or reader.flag("use_sliding_window") is False:
        return [FULL] * n_layers
    if family.startswith(QWEN_LIKE):
        return _qwen_kinds(reader, n_layers, family)
    return _from_window_pattern(reader, n_layers, family) or _unplaced(reader, n_layers, family)


def _from_window_pattern(
    reader: ConfigReader, n_layers: int, family: str
) -> list[LayerKind] | None:
    """Window and full layers in a cycle: as letters (LLLG), as a number, or by the family."""
    pattern = reader.values.get(PATTERNS[0])
    if isinstance(pattern, str) and pattern and set(pattern) <= {"L", "G"}:
        letters = reader.text(PATTERNS[0]) or ""
        return [WINDOW if letters[i % len(letters)] == "L" else FULL for i in range(n_layers)]
    nth = reader.integer(*PATTERNS, most=MAX_LAYERS)
    if family in FAMILY_PATTERNS:
        nth = reader.integer(FAMILY_PATTERNS[family], most=MAX_LAYERS) or nth
    if rule := full_layers_of_family(family, n_layers, nth):
        full, words = rule
        if nth is None:
            reader.assume(words)
        return [FULL if is_full else WINDOW for is_full in full]
    if nth is None:
        return None
    kinds = every_nth_full(n_layers, nth, WINDOW)
    if n_layers % nth:
        kinds[-1] = FULL  # another family may count from the other end
    return kinds


def _unplaced(reader: ConfigReader, n_layers: int, family: str) -> list[LayerKind]:
    """The kinds where no list and no rule gives a window to some layers: it is in all or none."""
    if family in WINDOW_IN_EVERY_LAYER:
        reader.assume(f"sliding_window applies to every layer: rule of {family}")
        return [WINDOW] * n_layers
    if family in FULL_WITHOUT_LIST:
        reader.assume(f"no windows: model type {family} has them only where layer_types says so")
    return [FULL] * n_layers


def _qwen_kinds(reader: ConfigReader, n_layers: int, family: str) -> list[LayerKind]:
    """Windows from `max_window_layers` on, where `use_sliding_window` is true.

    Source: huggingface/transformers, configuration_qwen2.py; modeling_qwen3_moe.py has them in
    every layer.
    """
    if reader.flag("use_sliding_window") is None and family != "dots1":
        reader.assume(f"no windows: model type {family} has them only with use_sliding_window")
        return [FULL] * n_layers
    if family in WINDOW_IN_EVERY_LAYER:
        return _unplaced(reader, n_layers, family)
    n_full = reader.integer("max_window_layers", most=MAX_LAYERS, least=0)
    if n_full is None or family == "qwen2_moe":
        reader.assume("every layer is counted in full, since no key says which have windows")
        return [FULL] * n_layers
    reader.assume("layers from max_window_layers on are window layers, those before are full")
    return [FULL if i < n_full else WINDOW for i in range(n_layers)]


def _llama_4_chunks(reader: ConfigReader, n_layers: int) -> list[LayerKind]:
    _require_key(reader, "attention_chunk_size")
    if not reader.values.get("attention_chunk_size"):
        return [FULL] * n_layers
    has_rope = reader.array("no_rope_layers")  # despite its name, 1 marks a layer with RoPE
    if has_rope:
        path = f"{reader.path}no_rope_layers"
        require_length(path, has_rope, n_layers)
        return [parse_kind(path, {0: FULL, 1: CHUNK}, entry) for entry in has_rope]
    nth = reader.integer("no_rope_layer_interval", most=MAX_LAYERS) or LLAMA_4_INTERVAL
    reader.assume(f"every layer with a number divisible by {nth} is full: rule of llama4")
    return every_nth_full(n_layers, nth, CHUNK)


def _require_key(reader: ConfigReader, name: str) -> None:
    """Raise ValueError if a key is absent; null is fine: it says that there is no window."""
    if name not in reader.values:
        raise ValueError(f"{reader.path}{name} must be given, or null: got no such key")
