"""The page that recommends a number of K/V heads."""

from dashboard.controls.capacity import capacity_controls
from dashboard.report import capacity_sentences as sentences
from dashboard.shell import panels
from dashboard.shell.page import open_page

open_page("How many K/V heads?")
plan = capacity_controls()
if sentences.weights_error(plan) is None and sentences.missing_sentence(plan) is None:
    panels.show_answer(sentences.answer(plan))
    panels.show_strip(sentences.metrics(plan))
