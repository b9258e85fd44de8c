"""The parts of the script in the order of their worth, and the seconds that each may take.

The most valuable come first: if time runs out, what is missing is what matters least.
"""

from __future__ import annotations

from benchmarks.accelerator.checks import check_kernels, run_tests
from benchmarks.accelerator.installation import report_installation
from benchmarks.accelerator.kernel_times import time_kernels
from benchmarks.accelerator.rates import compare_graphs, measure_rates
from benchmarks.accelerator.session import Part
from benchmarks.accelerator.sweep import search_crossover, sweep

__all__ = ["PARTS"]

PARTS = (
    Part("install", 30, report_installation),
    Part("correctness", 80, check_kernels),
    Part("rates", 50, measure_rates),
    Part("graphs", 50, compare_graphs),
    Part("sweep", 150, sweep),
    Part("kernels", 60, time_kernels),
    Part("tests", 90, run_tests),
    Part("crossover", 60, search_crossover),
)
