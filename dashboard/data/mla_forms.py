"""MLA's two ways to attend: over K and V expanded for every head, or over the latent itself."""

from __future__ import annotations

from dataclasses import dataclass

from gqa_core.configs import AttentionConfig, LatentConfig, ModelConfig, Workload
from gqa_core.theory.cost import attended_dims, decode_flops
from gqa_core.theory.memory import can_store, kv_elements_per_token, kv_read_bytes

NAIVE, ABSORBED = "naive", "absorbed"


@dataclass(frozen=True, slots=True, kw_only=True)
class MlaForm:
    """One form in one layer: elements kept per token, and bytes and FLOP of a decode step.

    `widths` are those of a key and a value that a query head meets. `read_bytes` is None if the
    format cannot store rows of these widths.
    """

    name: str
    elements_per_token: int
    widths: tuple[int, int]
    read_bytes: int | None
    flops: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MlaForms:
    """Both forms of a layer, at a context and number format, for one sequence."""

    attention: LatentConfig
    kv_format: str
    context_len: int
    naive: MlaForm
    absorbed: MlaForm

    @property
    def forms(self) -> tuple[MlaForm, MlaForm]:
        """The naive form, then the absorbed one."""
        return self.naive, self.absorbed


def mla_forms(attention: LatentConfig, kv_format: str, context_len: int) -> MlaForms:
    """Both forms; the naive one keeps what `LatentConfig.expanded` keeps."""
    return MlaForms(
        attention=attention,
        kv_format=kv_format,
        context_len=context_len,
        naive=_form(NAIVE, attention.expanded, kv_format, context_len),
        absorbed=_form(ABSORBED, attention, kv_format, context_len),
    )


def _form(name: str, attention: AttentionConfig, kv_format: str, context_len: int) -> MlaForm:
    layer, step = ModelConfig.uniform(attention, 1), Workload(context_len=context_len)
    is_storable = can_store(layer, kv_format)
    return MlaForm(
        name=name,
        elements_per_token=kv_elements_per_token(attention),
        widths=attended_dims(attention),
        read_bytes=kv_read_bytes(layer, step, kv_format) if is_storable else None,
        flops=decode_flops(layer, step),
    )
