"""Recommend a number of K/V heads: all numbers at once on given GPUs."""

from dashboard.controls.choose import choose_controls
from dashboard.shell.page import open_page
from dashboard.views.choose import show_choice

open_page("How many K/V heads?")
show_choice(choose_controls())
