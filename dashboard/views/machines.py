"""All machines of the log in one table, each beside the first one."""

from __future__ import annotations

import streamlit as st

from dashboard.data.machines import MachinePoints, machine_rows, newest_points
from dashboard.report.log_tables import machines_table
from dashboard.shell import logged, panels
from dashboard.views.compared_runs import Choice, ComparedRuns
from dashboard.views.shown_runs import ShownRuns
from gqa_core.records.log.selection import RecordFilter

__all__ = ["show_machines"]

POINT = ("config", "batch_size", "dtype", "kv_format", "n_layers", "context_len", "kernel_asked")
MAX_MACHINES, MAX_POINTS = 64, 2000


def show_machines(shown: ShownRuns) -> None:
    """Draw, folded, the machines whose decode steps are shown; nothing of a single machine."""
    choices = [each for each in ComparedRuns(shown, "device").choices().values() if each.where]
    if len(choices) < 2:
        return
    place = panels.folded("Machines side by side", "machines_unfolded")
    if place is None:
        return
    with place:
        table = machines_table(machine_rows([*map(_points, choices[:MAX_MACHINES])]))
        panels.show_small_table(table)
        st.caption(
            "The median over the points that both measured: equal layer, context, batch, format "
            "and kernel, the newest with usable samples. GQA_MACHINE gives machines with the same "
            "device a name."
        )
        panels.show_downloads("machines", {"csv": table.csv})


def _points(choice: Choice) -> MachinePoints:
    """The records of one machine in the log."""
    where = choice.where
    assert isinstance(where, RecordFilter)
    newest_first = logged.newest_values(where, *POINT, "attend_s", "verdict", limit=MAX_POINTS)
    return MachinePoints(
        name=choice.name,
        n_records=logged.count(where).n_records,
        attend_s=newest_points((values[:-2], values[-2], values[-1]) for values in newest_first),
    )
