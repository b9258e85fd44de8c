"""Several GPUs: what each keeps of a layer, which bytes are copies, and what goes on the wire."""

from dashboard.controls.several_gpus import several_gpus_controls
from dashboard.report.several_gpus_sentences import METHOD
from dashboard.shell import panels
from dashboard.shell.page import open_page
from dashboard.views.several_gpus import show_formulas

open_page("What each of several GPUs keeps")
settings = several_gpus_controls()
show_formulas(settings)
panels.show_method(METHOD)
