"""The best rates of all passes of the probes, on any device, and the bandwidth of each pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gqa_core.theory.prediction import Probes

__all__ = ["BestRates"]

Product = tuple[Callable[[], float], int]  # a call that returns its seconds, and its FLOP


class BestRates:
    """The best read bandwidth and arithmetic rate so far; products take turns.

    `bandwidths` has the bytes per second of every pass, in order.
    """

    def __init__(self, products: Sequence[Product]) -> None:
        self._products = products
        self._n_products = 0
        self.bandwidths: list[float] = []
        self.read_bandwidth = self.arithmetic_rate = 0.0

    def multiply(self) -> None:
        """Run the next of the products once, and keep the rate."""
        time_product, flops = self._products[self._n_products % len(self._products)]
        self._n_products += 1
        self.arithmetic_rate = max(self.arithmetic_rate, flops / time_product())

    def results(self, overhead_s: float) -> Probes:
        """The rates so far, and the overhead of one step."""
        return Probes(
            read_bandwidth_bytes_per_s=self.read_bandwidth,
            arithmetic_flops_per_s=self.arithmetic_rate,
            attend_overhead_s=overhead_s,
        )
