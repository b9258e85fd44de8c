"""The verdict on measured samples where their figures stand, and further doubts below."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.data.decode_rows import Row, run_verdict
from dashboard.report.verdicts import doubt_sentences, unusable_sentence, verdict_sentence
from dashboard.shell import page_content, panels
from gqa_core import units
from gqa_core.records.noise import MAX_INTERVAL_RATIO

COLORS = {"quiet": "green", "noisy": "orange", "unusable": "red"}
HELP = (
    "- **quiet**: other work did not disturb the samples.\n"
    "- **noisy**: other work ran, and the 5th percentiles withstood it.\n"
    "- **unusable**: the 95% interval of a 5th percentile is wider than "
    f"{units.percent(MAX_INTERVAL_RATIO)} of it."
)


def show_verdict(rows: Sequence[Row]) -> None:
    """Draw the worst verdict on the samples of these rows, and its reason; nothing if quiet."""
    name = run_verdict(rows).name
    if name == "quiet":
        return
    sentence = panels.escape_markdown(verdict_sentence(rows))
    page_content.note_notice(f"**{name} samples** {sentence}")
    st.markdown(f":{COLORS[name]}-badge[{name} samples] {sentence}", help=HELP)


def show_unusable(title: str, rows: Sequence[Row]) -> None:
    """Draw why these rows give no figures, in the place of those."""
    panels.show_notice(f"**{title}** {panels.escape_markdown(unusable_sentence(rows))}")


def show_doubts(rows: Sequence[Row]) -> None:
    """Draw which bounds are withheld, and the warnings of the records."""
    for sentence in map(panels.escape_markdown, doubt_sentences(rows)):
        page_content.note_notice(sentence)
        st.caption(sentence)
