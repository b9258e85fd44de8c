"""What do all measurements kept say, here and elsewhere: do they agree? (measured)"""

import json

import streamlit as st

from dashboard import panels, run_rows
from dashboard.frame import open_page
from dashboard.importing import show_import
from dashboard.run_controls import filter_controls, kept_rows, show_comparison

open_page(
    "Runs, kept and compared",
    "The lecture: “By using GQA, engineers get the memory efficiency needed for large-scale "
    "systems”. Does every record that is kept, here and on other machines, bear that out?",
)
rows = kept_rows()
if not rows:
    st.info(
        "No record is kept yet. Measure on the page **Decode**, or import the records of another "
        "machine below."
    )
    show_import()
    st.stop()
shown = filter_controls(rows)
counts = {field: len(run_rows.options(shown, field)) for field in ("run", "device", "date")}
elsewhere = run_rows.filtered(shown, {"evidence": ["measured elsewhere"]})
panels.show_metrics(
    [
        ("Records", f"{len(shown)}", f"of {len(rows)} kept"),
        ("Runs", f"{counts['run']}", f"dates: {counts['date']}"),
        ("Devices", f"{counts['device']}", "told apart by name and threads"),
        ("Measured elsewhere", f"{len(elsewhere)}", "imported; all others measured here"),
    ]
)
if not shown:
    st.info("No record fits these filters. Take a value out of one of them.")
    show_import()
    st.stop()
panels.show_evidence(*run_rows.options(shown, "evidence"), "formula")
table = run_rows.runs_table(shown, rows)
panels.show_table(table, "runs", "Every record that fits the filters, one row a point")
lines = [json.dumps(row["record"]) for row in shown]
panels.show_downloads(
    "runs",
    {"csv": lambda: table.to_csv(index=False), "jsonl": lambda: "\n".join(lines) + "\n"},
)
st.subheader("Two selections on one chart")
panels.show_evidence(*run_rows.options(shown, "evidence"))
show_comparison(shown)
show_import()
st.markdown(
    "**What a record says.** What was asked, which kernel ran, on which device, with raw samples, "
    "torch version and commit; medians and quartiles are computed when it is read. Speed is that "
    "against the MHA of the same run. **Limits.** An imported record is its sender's word: its "
    "numbers are held against the formula and against each other, its times cannot be."
)
st.success(f"**Answer from the records shown.** {run_rows.sharing_sentence(shown)}")
