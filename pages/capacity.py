"""Capacity: what fits on these GPUs, and for how many users?"""

from dashboard.controls.capacity import compared_capacity_controls
from dashboard.report.capacity_method import capacity_method
from dashboard.shell import panels
from dashboard.shell.page import open_page
from dashboard.views.capacity import show_capacity
from dashboard.views.model_comparison import show_capacity_comparison

open_page("What fits, and for how many users")
plan, comparison = compared_capacity_controls()
if comparison:
    show_capacity_comparison(plan, comparison)
else:
    show_capacity(plan)
if plan.weights_known:
    panels.show_method(lambda: capacity_method(plan))
