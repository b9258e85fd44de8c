"""Cache size: how large does the KV cache grow with the context?"""

from dashboard.controls.model import cache_controls
from dashboard.report.cache_method import cache_method
from dashboard.shell import panels
from dashboard.shell.page import open_page
from dashboard.views.cache_size import show_cache_size
from dashboard.views.model_comparison import show_cache_comparison

open_page("How large the KV cache grows")
settings, comparison, ceilings = cache_controls()
if comparison:
    show_cache_comparison(comparison, ceilings)
else:
    show_cache_size(settings, ceilings)
panels.show_method(lambda: cache_method(settings, ceilings))
