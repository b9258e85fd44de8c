"""The two forms of MLA as a table and as sentences."""

from __future__ import annotations

from dashboard.data.mla_forms import MlaForm, MlaForms
from dashboard.report.columns import COUNT, FLOP_PER_BYTE, Column, Table, Unit
from gqa_core import units

MB = Unit(symbol="MB", divisor=10**6, digits="%.1f", dtype="float64")
GFLOP = Unit(symbol="GFLOP", divisor=10**9, digits="%.3f", dtype="float64")


def mla_form_table(forms: MlaForms) -> Table[MlaForm]:
    """One row per form: elements, and bytes and FLOP of a step of one layer."""
    return Table(COLUMNS, forms.forms)


def mla_forms_sentence(forms: MlaForms) -> str:
    """The elements that the absorbed form saves and the FLOP that it costs, in one sentence."""
    naive, absorbed = forms.forms
    fewer = units.times(naive.elements_per_token / absorbed.elements_per_token)
    more = units.times(absorbed.flops / naive.flops)
    return (
        f"Absorbed MLA reads {fewer} fewer elements than the naive form and does {more} its FLOP: "
        "it trades memory for arithmetic. Both give the same result."
    )


def _widths(form: MlaForm) -> str:
    return "{} and {}".format(*form.widths)


def _intensity(form: MlaForm) -> float | None:
    return form.flops / form.read_bytes if form.read_bytes else None


COLUMNS = (
    Column[MlaForm]("Form", lambda form: form.name),
    Column[MlaForm]("Elements per token", lambda form: form.elements_per_token, COUNT),
    Column[MlaForm]("Key and value width per head", _widths),
    Column[MlaForm]("Read per step", lambda form: form.read_bytes, MB),
    Column[MlaForm]("Attention per step", lambda form: form.flops, GFLOP),
    Column[MlaForm]("Intensity", _intensity, FLOP_PER_BYTE),
)
