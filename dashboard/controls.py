"""Widgets in, frozen choices out. Every widget has a key, which is also its name in the URL.

Options are plain numbers, so that a link reads `context_len=8192`, and impossible combinations are
not offered: K/V heads are divisors of the query heads.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import streamlit as st

from dashboard import config_report, imported_config, model_box
from dashboard.choices import CheckChoice, DecodeChoice, HeadsChoice, SizeChoice, WhyChoice
from dashboard.kept import drawn, keep, move_into
from dashboard.layout_sentences import layout_sentences
from dashboard.layouts import slider_kv_heads
from dashboard.links import look_at, note_default, show_link_buttons, show_link_faults
from dashboard.panels import plain
from dashboard.presets import CATALOGUE
from dashboard.variants import merged_sentence
from gqa_core.catalog.devices import Device, devices
from gqa_core.configs import KERNEL_NAMES, AttentionConfig
from gqa_core.theory.formats import DTYPE_FORMATS, FORMATS
from gqa_core.theory.sharding import possible_tps
from gqa_core.theory.sharing import cached_parts


def _with_models(key: str, *base: int) -> tuple[int, ...]:
    """Slider options: these, and the number of every model that can be chosen."""
    return tuple(sorted({*base, *(preset.settings[key] for preset in CATALOGUE)}))


N_HEADS = _with_models(
    "n_heads", 2, 4, 6, 8, 12, 16, 20, 24, 28, 32, 40, 48, 56, 64, 80, 96, 112, 128
)
HEAD_DIMS = _with_models("head_dim", 32, 64, 80, 96, 128, 192, 256)
FRESH_HEADS = 32
CONTEXT_LENS = tuple(sorted({100_000, *(2**power for power in range(9, 21))}))
BATCH_SIZES = (1, 2, 4, 8, 16, 32, 64)
MODEL_BATCH_SIZES = (*BATCH_SIZES, 128, 256, 512, 1024)
MODEL_LAYERS = _with_models("n_layers", 1, 2, 4, 8, 12, 16, 24, 32, 40, 48, 64, 80, 96, 126)
VARIANTS = ("MHA", "GQA", "MQA", "MLA")
MAX_TP = 64
MEASURED_LAYERS = (1, 2, 4, 8)
CEILINGS = ("NVIDIA L4", "NVIDIA H100 SXM", "AMD MI355X")  # apart enough to be read on one axis
KV_FORMATS = tuple(name for name, one in FORMATS.items() if one.rope_key_bits is None)

IMPORTED_KEYS = ("n_heads", "head_dim", "n_layers")

WHY_HEADS = (1, 2, 4, 8)
WHY_HEAD_DIMS = (32, 64, 128)
WHY_LAYERS = (1, 2, 4)
WHY_CONTEXT_LENS = (128, 256, 512, 768, 1024)

T = TypeVar("T")


def size_controls() -> SizeChoice:
    """Geometry, workload and number format of a model whose cache is computed."""
    return size_controls_with(lambda choice: choice)


def head_controls() -> tuple[SizeChoice, AttentionConfig, int, int]:
    """A model, the layer a head map shows, which cached part is told in words, and the GPUs."""
    return size_controls_with(lambda choice: (choice, *_part_controls(choice)))


def cache_controls() -> tuple[SizeChoice, list[Device]]:
    """A model, and the devices whose memory is drawn as a ceiling."""
    return size_controls_with(lambda choice: (choice, _ceiling_control()))


def size_controls_with(finish: Callable[[SizeChoice], T]) -> T:
    """A model's sliders, and below them, in the same box, what `finish` asks about it."""
    with st.container(border=True):
        above = _row_above(measuring=False)
        choice = _size_sliders()
        finished = finish(choice)
        _show_what_follows(choice, above)
    return finished


def decode_controls() -> DecodeChoice:
    """Geometry, workload, dtype and kernel of a measurement."""
    return decode_controls_with(lambda choice: choice)


def decode_controls_with(finish: Callable[[DecodeChoice], T]) -> T:
    """A measurement's sliders, and below them, in the same box, what `finish` asks about it."""
    with st.container(border=True):
        above = _row_above(measuring=True)
        top = st.columns(4)
        heads = _heads_controls(top[:3])
        with top[3]:
            n_layers = _slider(
                "Measured layers",
                MEASURED_LAYERS,
                1,
                "measured_layers",
                "Layers really allocated and walked through; nothing is multiplied up.",
            )
        bottom = st.columns(4)
        workload = _workload_controls(bottom[:2])
        with bottom[2]:
            dtype = _dtype_control()
        with bottom[3]:
            look_at("kernel", KERNEL_NAMES, KERNEL_NAMES[0])
            kernel = _kept(
                st.selectbox,
                "Kernel (MHA, GQA, MQA)",
                KERNEL_NAMES,
                key="kernel",
                help="auto picks from a small measured table; the table below says what ran.",
            )
        choice = DecodeChoice(**heads, **workload, n_layers=n_layers, dtype=dtype, kernel=kernel)
        finished = finish(choice)
        _show_what_follows(choice, above)
    return finished


def check_controls() -> CheckChoice:
    """Geometry, workload and dtype of comparisons, and the switch that plants a fault."""
    with st.container(border=True):
        above = _row_above(measuring=True)
        top = st.columns(3)
        heads = _heads_controls(top)
        bottom = st.columns(3)
        workload = _workload_controls(bottom[:2])
        with bottom[2]:
            dtype = _dtype_control()
        look_at("planted", ("true", "false"), False)
        planted = keep(
            "planted",
            st.toggle(
                "Plant the classic error: heads in the wrong order (repeat for repeat_interleave)",
                key="planted",
                bind="query-params",
            ),
        )
        choice = CheckChoice(**heads, **workload, dtype=dtype, planted=planted)
        _show_what_follows(choice, above)
    return choice


def _row_above(*, measuring: bool) -> Sequence[Any]:
    """Three places for what stands first and is drawn last, since it follows from the sliders."""
    model_box.adopt_link(measuring=measuring)
    return st.columns([5, 3, 4], vertical_alignment="bottom")


def _show_what_follows(choice: HeadsChoice, above: Sequence[Any]) -> None:
    """The model that the sliders are, import, link and reset; below, what a reader must be told."""
    with above[0]:
        model_box.show_model_box(choice)
    with above[1]:
        imported_config.show_config_import(model_box.set_sliders)
    with above[2]:
        is_imported = model_box.is_of_import()
        left_out = {model_box.KEY} if is_imported else set()
        choices = {key: value for key, value in drawn().items() if key not in left_out}
        show_link_buttons(choices, imported_config.LEFT_OUT if is_imported else "")
    show_link_faults()
    if merged := merged_sentence(choice.n_heads, choice.n_kv_heads):
        st.info(merged)
    if isinstance(choice, SizeChoice):
        if said := " ".join(layout_sentences(choice)):
            st.caption(plain(said))
        if is_imported:
            config_report.show_config_report(choice, imported_config.imported())


def _size_sliders() -> SizeChoice:
    top = st.columns(4)
    heads = _heads_controls(top[:3])
    with top[3]:
        n_layers = _slider("Layers", MODEL_LAYERS, 32, "n_layers", "Layers of the model.")
    bottom = st.columns(3)
    workload = _workload_controls(bottom[:2], MODEL_BATCH_SIZES)
    with bottom[2]:
        kv_format = _slider(
            "Number format",
            KV_FORMATS,
            "bf16",
            "kv_format",
            "How a number is stored. Those of 8 bits and fewer keep scales, which count too.",
        )
    preset = model_box.chosen_preset()
    layout = preset.layout if preset else None
    return SizeChoice(**heads, **workload, n_layers=n_layers, kv_format=kv_format, layout=layout)


def _dtype_control() -> str:
    return _slider(
        "Number format",
        list(DTYPE_FORMATS),
        "float32",
        "dtype",
        "Of weights, cache and arithmetic alike.",
    )


def _part_controls(choice: SizeChoice) -> tuple[AttentionConfig, int, int]:
    left, middle, right = st.columns([2, 1, 1], vertical_alignment="bottom")
    with left:
        variant = variant_control(choice)
    attention = choice.rows[variant]
    parts = [part.name for part in cached_parts(attention)]
    if st.session_state.get("part", parts[0]) not in parts:
        st.session_state["part"] = parts[0]
    look_at("part", parts, parts[0])
    with middle:
        part = _kept(
            st.selectbox,
            "Cached part",
            parts,
            key="part",
            help="K/V heads are numbered from 0, as query heads are.",
        )
    with right:
        tp = _slider(
            "GPUs",
            [tp for tp in possible_tps(choice.models[variant]) if tp <= MAX_TP],
            1,
            "tp",
            "Tensor parallelism: the heads are dealt out to so many. Splits that cannot be are "
            "not offered.",
        )
    return attention, parts.index(part), tp


def variant_control(choice: SizeChoice) -> str:
    """The variant that a page tells more about than the others."""
    names = list(choice.rows)
    if st.session_state.get("variant", names[0]) not in names:  # GQA became MHA or MQA
        st.session_state["variant"] = names[0] if choice.n_kv_heads > 1 else names[-2]
    look_at("variant", VARIANTS, "GQA")
    return _kept(
        st.segmented_control,
        "Variant shown",
        names,
        default="GQA" if "GQA" in names else names[0],
        key="variant",
        required=True,
    )


def _ceiling_control() -> list[Device]:
    known = {device.name: device for device in devices()}
    look_at("devices", known, list(CEILINGS))
    names = _kept(
        st.multiselect,
        "Memory of",
        list(known),
        default=CEILINGS,
        key="devices",
        max_selections=4,
        help="Drawn as a dashed line; the number on the vendor's label.",
    )
    return [known[name] for name in names]


def why_controls() -> WhyChoice:
    """The small model that generates with and without a cache, and how far both go."""
    with st.container(border=True):
        columns = st.columns(4)
        with columns[0]:
            n_heads = _slider(
                "Heads", WHY_HEADS, 2, "why_n_heads", "Each with a K and a V of its own (MHA)."
            )
        with columns[1]:
            head_dim = _slider(
                "Head width", WHY_HEAD_DIMS, 128, "why_head_dim", "Numbers in one head's key."
            )
        with columns[2]:
            n_layers = _slider(
                "Layers", WHY_LAYERS, 2, "why_n_layers", "Layers really walked through."
            )
        with columns[3]:
            context_len = _slider(
                "Tokens both ways",
                WHY_CONTEXT_LENS,
                768,
                "why_context_len",
                "Generated with the cache and by recomputing. The time of the latter grows with "
                "the third power: twice the tokens, up to eight times the wait.",
            )
        show_link_buttons(drawn())
        show_link_faults()
    return WhyChoice(n_heads=n_heads, head_dim=head_dim, n_layers=n_layers, context_len=context_len)


def _heads_controls(columns: Sequence[Any]) -> dict[str, int]:
    with columns[0]:
        n_heads = _slider("Query heads", N_HEADS, FRESH_HEADS, "n_heads", "N of the lecture.")
    divisors = [count for count in range(1, n_heads + 1) if n_heads % count == 0]
    with columns[1]:
        n_kv_heads = _slider(
            "K/V heads",
            divisors,
            slider_kv_heads(n_heads),
            "n_kv_heads",
            "G groups in the lecture: 1 is MQA, as many as query heads is MHA.",
        )
        note_default("n_kv_heads", slider_kv_heads(FRESH_HEADS))  # Reset moves both
    with columns[2]:
        head_dim = _slider("Head width", HEAD_DIMS, 128, "head_dim", "Numbers in one head's key.")
    return {"n_heads": n_heads, "n_kv_heads": n_kv_heads, "head_dim": head_dim}


def _workload_controls(
    columns: Sequence[Any], batch_sizes: Sequence[int] = BATCH_SIZES
) -> dict[str, int]:
    with columns[0]:
        context_len = _slider(
            "Context (tokens)",
            CONTEXT_LENS,
            8192,
            "context_len",
            "Tokens in the cache once the step's own token is in it.",
        )
    with columns[1]:
        batch_size = _slider(
            "Batch (users)", batch_sizes, 1, "batch_size", "Sequences at once, one a user."
        )
    return {"context_len": context_len, "batch_size": batch_size}


def _slider(label: str, options: Sequence[T], value: T, key: str, explained: str) -> T:
    options = _with_imported(key, options)
    look_at(key, options, value)
    return _kept(st.select_slider, label, options, value=value, key=key, help=explained)


def _with_imported(key: str, options: Sequence[T]) -> Sequence[T]:
    """The options, and the imported model's own number where it is not among them."""
    preset = imported_config.preset()
    own = preset.settings.get(key) if preset and key in IMPORTED_KEYS else None
    return options if own is None or own in options else sorted({*options, own})


def _kept(widget: Callable[..., T], label: str, options: Sequence[T], *, key: str, **how) -> T:
    """The value of a widget that is bound to the URL and outlives a visit to another page."""
    if widget is st.select_slider:
        move_into(key, options)
    return keep(key, widget(label, options, key=key, bind="query-params", **how))
