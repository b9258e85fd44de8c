"""Times of decode steps in words: measured, predicted, and compared with MHA."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dashboard.data.decode_rows import Row, VersusMha, row_label, versus_mha
from dashboard.data.predicted_steps import PredictedSteps
from dashboard.report.verdicts import unusable_sentence
from gqa_core import units
from gqa_core.records.header import MEASURED_ELSEWHERE, Device

LEFT_OUT = "MLA naive"  # of sentences and metrics: a form to compare with, that nobody serves


def decode_answer(rows: Sequence[Row], context_len: int) -> str:
    """Attend times at a context, and speeds against MHA; else why there are none."""
    shown = [row for row in rows if row.context_len == context_len]
    if not shown:
        return f"Nothing is measured at {context_len:,} tokens yet."
    if not all(row.is_usable for row in shown):
        return unusable_sentence(shown)
    compared = [versus for versus in versus_mha(shown) if row_label(versus.row) != LEFT_OUT]
    seconds = {row_label(versus.row): versus.row.attend.p5 for versus in compared}
    speeds = {row_label(versus.row): versus.speed for versus in compared if versus.speed}
    ties = [row_label(versus.row) for versus in compared if versus.is_tie]
    tied = f" {listed(ties)} cannot be told apart from it." if ties else ""
    sentence = _times_sentence(context_len, seconds, speeds)
    return f"{sentence[0].upper()}{sentence[1:]}{tied}"


def predicted_answer(predicted: PredictedSteps, context_len: int) -> str:
    """Attend times at a context by formula, and the machine whose rates they come from."""
    seconds = predicted.attend_times(context_len)
    speeds = {name: seconds["MHA"] / value for name, value in seconds.items()}
    return (
        f"Predicted, not measured: {_times_sentence(context_len, seconds, speeds)} "
        f"From {rates_name(predicted)}."
    )


def _times_sentence(
    context_len: int, seconds: Mapping[str, float], speeds: Mapping[str, float]
) -> str:
    """The attend time of MHA and the speeds of the others against it, or all times without it."""
    tokens = f"attending over {context_len:,} tokens takes"
    if "MHA" not in seconds:
        parts = [f"{units.duration(value)} with {name}" for name, value in seconds.items()]
        return f"{tokens} {listed(parts)}."
    base = f"{tokens} {units.duration(seconds['MHA'])} with MHA"
    ranked = [f"{name} {units.times(speed)}" for name, speed in speeds.items() if name != "MHA"]
    if not ranked:
        return f"{base}."
    first = ranked[0].replace(" ", " is ", 1) + " as fast"
    return f"{base}; {listed([first, *ranked[1:]])}."


def source_sentence(rows: Sequence[Row]) -> str:
    """The machine that measured these rows (at least one), and whether it is this one."""
    row = rows[0]
    machine = machine_name(row.record.device)
    if row.evidence == MEASURED_ELSEWHERE:
        return f"Sample run, measured elsewhere: {machine}."
    return f"Measured here: {machine}."


def nothing_sentence() -> str:
    """The answer where neither a measurement nor a probed rate is known."""
    return "Nothing is measured with these settings, and no rate is known to predict from."


def rates_name(predicted: PredictedSteps) -> str:
    """The rates behind a prediction, and the machine that probed them."""
    rates = "the rates" if predicted.has_arithmetic_rate else "the read bandwidth alone"
    where = ", measured elsewhere" if predicted.evidence == MEASURED_ELSEWHERE else ", here"
    return f"{rates} of {machine_name(predicted.device)}{where}"


def machine_name(device: Device) -> str:
    """A device with its threads, if it is a CPU, and its machine: "AMD EPYC (2 threads)"."""
    machine = f", {device.machine}" if device.machine else ""
    if device.type != "cpu":
        return f"{device.name}{machine}"
    return f"{device.name} ({units.count(device.n_threads, 'thread')}){machine}"


def speed_notes(rows: Sequence[Row]) -> dict[str, tuple[str, str]]:
    """The attend time of each variant, and its speed against MHA in a few words."""
    return {
        row_label(versus.row): (units.duration(versus.row.attend.p5), describe_speed(versus))
        for versus in versus_mha(rows)
        if row_label(versus.row) != LEFT_OUT
    }


def predicted_notes(seconds: Mapping[str, float]) -> dict[str, tuple[str, str]]:
    """The predicted time of each variant, and its speed against MHA in a few words."""
    base = seconds["MHA"]
    return {
        name: (
            units.duration(value),
            "the baseline" if name == "MHA" else f"{units.times(base / value)} the speed of MHA",
        )
        for name, value in seconds.items()
    }


def listed(parts: Sequence[str]) -> str:
    """The parts with commas, and "and" before the last of them."""
    *most, last = parts
    return f"{', '.join(most)} and {last}" if most else last


def describe_speed(versus: VersusMha) -> str:
    """The speed against MHA in a few words: "4x the speed of MHA"; MHA is the baseline."""
    if versus.row is versus.mha:
        return "the baseline"
    if versus.speed is not None:
        return f"{units.times(versus.speed)} the speed of MHA"
    return "not told apart from MHA" if versus.is_tie else "no MHA to compare with"


def _compared(versus: VersusMha) -> str:
    is_baseline = versus.mha in (None, versus.row)
    return "" if is_baseline else f" ({describe_speed(versus)})"
