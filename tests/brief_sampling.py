"""First import of the fork server of `tests.brief_runs`: no sampling time, and numba at once."""

from gqa_core.engine.split_kv import attention, quantised_attention
from gqa_core.measure import sampling
from gqa_core.runner import fork_server  # the server has to end with its run

__all__ = ["attention", "fork_server", "quantised_attention"]

sampling.MIN_S = sampling.BUDGET_S = 0.0
