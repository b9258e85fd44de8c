"""The options of sliders: round numbers, and those of every model in the catalogue."""

from __future__ import annotations

from dashboard.settings.layouts import slider_settings
from gqa_core.catalog.models import models
from gqa_core.configs import QUANTISED_FORMATS
from gqa_core.theory.formats import FORMATS


def _with_models(key: str, *base: int) -> tuple[int, ...]:
    """Slider options: these numbers, and that of every model in the catalogue."""
    numbers = [slider_settings(known.config).get(key) for known in models()]
    return tuple(sorted({*base, *(number for number in numbers if number is not None)}))


DEFAULT_N_HEADS = 32
HEAD_DIMS = _with_models("head_dim", 32, 64, 80, 96, 128, 192, 256)
CONTEXT_LENS = tuple(sorted({100_000, *(2**power for power in range(9, 21))}))
BATCH_SIZES = (1, 2, 4, 8, 16, 32, 64)

MODEL_LAYERS = _with_models("n_layers", 1, 2, 4, 8, 12, 16, 24, 32, 40, 48, 64, 80, 96, 126)
MODEL_BATCH_SIZES = (*BATCH_SIZES, 128, 256, 512, 1024)
KV_FORMATS = tuple(name for name, kv_format in FORMATS.items() if kv_format.rope_key_bits is None)
MAX_TP = 64
PAPER_PERCENT = 5  # uptraining of the GQA paper's main results, in percent of the steps
CEILINGS = ("NVIDIA L4", "NVIDIA H100 SXM", "AMD MI355X")  # far enough apart to be read on one axis

MEASURED_LAYERS = (1, 2, 4, 8)
UNQUANTISED = "unquantised"  # a cache in the number format of the arithmetic
CACHE_FORMATS = (UNQUANTISED, *QUANTISED_FORMATS)

WHY_HEADS = (1, 2, 4, 8)
WHY_HEAD_DIMS = (32, 64, 128)
WHY_LAYERS = (1, 2, 4)
WHY_CONTEXT_LENS = (128, 256, 512, 768, 1024)
