"""The specs of the sample runs: settings with which pages open, and all contexts up to 32768."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gqa_core.configs import QUANTISED_FORMATS, GroupedConfig, Workload, default_mla_for
from gqa_core.records.specs.decode import CacheFormat, DecodeSpec, decode_specs
from gqa_core.records.specs.generate import GenerateSpec
from gqa_core.records.specs.generation import generation_specs
from gqa_core.records.specs.spec import Spec
from gqa_core.records.specs.verify import COMPARISONS, VerifySpec
from gqa_core.runner.search import CrossoverSearch
from gqa_core.theory.formats import DtypeName

__all__ = ["N_SAMPLES", "Part", "quick_plan", "sample_plan"]

LAYER = GroupedConfig(n_heads=32, n_kv_heads=8, head_dim=128)
DTYPES: tuple[DtypeName, ...] = ("float32", "bfloat16")
# Any search up to one of them needs no other context, and any decode run none but 32.
CONTEXT_LENS = tuple(64 * 2**power for power in range(10))  # 64 to 32768
MAX_SEARCHED = 16384  # the longest bound of a search that begins with all of them below
CONTEXT_LEN = 8192
GENERATED = (64, 96, 128, 192, 256, 384, 512, 768)
GENERATED_CACHED = (1024, 1536, 2048, 3072, 4096)
N_SAMPLES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Specs that are measured in one run, and the search that adds contexts to them, if any."""

    name: str
    specs: Sequence[Spec]
    search: CrossoverSearch | None = None


def sample_plan() -> list[Part]:
    """The parts of the sample runs that ship."""
    searches = [_search_part(LAYER, dtype, CONTEXT_LENS) for dtype in DTYPES]
    planted = [_verify_part(LAYER, DTYPES[0], CONTEXT_LEN, planted=True)]
    return [
        *searches,
        _formats_part(LAYER, CONTEXT_LEN),
        *_generation_parts(2, GENERATED, GENERATED_CACHED),
        *(_verify_part(LAYER, dtype, CONTEXT_LEN) for dtype in DTYPES),
        *planted,
    ]


def quick_plan() -> list[Part]:
    """A few small points of each kind, to try the command."""
    layer = GroupedConfig(n_heads=4, n_kv_heads=2, head_dim=32)
    specs = _specs(layer, DTYPES[0], (64, 128))
    return [
        Part(name="decode steps in float32", specs=specs[:4]),
        *_generation_parts(1, (16, 24), ()),
        Part(name="comparisons in float32", specs=_comparisons(layer, DTYPES[0], 64)[:1]),
    ]


def _search_part(layer: GroupedConfig, dtype: DtypeName, context_lens: Sequence[int]) -> Part:
    """Decode steps at these contexts, then what a search up to MAX_SEARCHED adds."""
    search = CrossoverSearch(
        mha=layer.mha_baseline,
        grouped=_grouped(layer),
        latent=default_mla_for(layer.n_heads, layer.head_dim),
        max_context_len=MAX_SEARCHED,
        dtype=dtype,
        n_samples=N_SAMPLES,
    )
    specs = _specs(layer, dtype, context_lens)
    return Part(name=f"decode steps and crossovers in {dtype}", specs=specs, search=search)


def _formats_part(layer: GroupedConfig, context_len: int) -> Part:
    """Unquantised and quantised caches in turns, at the contexts of one decode run."""
    contexts = (context_len // 16, context_len // 4, context_len)
    specs = _specs(layer, DTYPES[0], contexts, (None, *QUANTISED_FORMATS))
    return Part(name="quantised caches", specs=specs)


def _generation_parts(
    n_layers: int, context_lens: Sequence[int], cached: Sequence[int]
) -> list[Part]:
    """Generation with and without a cache, and caches that grow."""
    specs = generation_specs(
        attention=GroupedConfig(n_heads=2, n_kv_heads=2, head_dim=128),
        context_lens=context_lens,
        cached_context_lens=cached,
        n_layers=n_layers,
    )
    generating = [spec for spec in specs if isinstance(spec, GenerateSpec)]
    growing = [spec for spec in specs if not isinstance(spec, GenerateSpec)]
    return [Part(name="generation", specs=generating), Part(name="growing caches", specs=growing)]


def _verify_part(
    layer: GroupedConfig, dtype: DtypeName, context_len: int, *, planted: bool = False
) -> Part:
    name = f"comparisons in {dtype}{', errors planted' if planted else ''}"
    return Part(name=name, specs=_comparisons(layer, dtype, context_len, planted=planted))


def _comparisons(
    layer: GroupedConfig, dtype: DtypeName, context_len: int, *, planted: bool = False
) -> list[VerifySpec]:
    return [
        VerifySpec(
            comparison=comparison,
            attention=layer,
            workload=Workload(context_len=context_len),
            dtype=dtype,
            planted=planted,
        )
        for comparison in COMPARISONS
    ]


def _specs(
    layer: GroupedConfig,
    dtype: DtypeName,
    context_lens: Sequence[int],
    kv_formats: Sequence[CacheFormat | None] = (None,),
) -> list[DecodeSpec]:
    """All variants at each context, MLA in both forms."""
    return decode_specs(
        grouped=_grouped(layer),
        latent=default_mla_for(layer.n_heads, layer.head_dim),
        context_lens=context_lens,
        dtype=dtype,
        kv_formats=kv_formats,
        n_samples=N_SAMPLES,
    )


def _grouped(layer: GroupedConfig) -> list[GroupedConfig]:
    """MHA, the layer, and MQA."""
    return [
        GroupedConfig(n_heads=layer.n_heads, n_kv_heads=count, head_dim=layer.head_dim)
        for count in (layer.n_heads, layer.n_kv_heads, 1)
    ]
