"""The probes of a run, which take turns with its steps: read bandwidth and arithmetic rate.

A bound has to be the best that the device can do, so the best of all passes counts. What other work
takes meanwhile shows in how far the usual pass stays behind the best one. A pass reads a few pieces
of PROBE_BYTES, a piece in milliseconds: under load a short one may still run alone, a long one
never. Together they are twice as large as the last cache of the processor, so that a pass also
evicts whatever was there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import torch

from gqa_core.measure.best_rates import BestRates
from gqa_core.measure.probe import arithmetic_probes, probe_buffer, read_probes
from gqa_core.measure.timing import Clock, time_whole
from gqa_core.records.specs.decode import PROBE_BYTES

__all__ = ["RooflineProbes", "last_cache_bytes"]

N_PIECES = 4
PIECE_BYTES = PROBE_BYTES // N_PIECES
LAST_CACHE = Path("/sys/devices/system/cpu/cpu0/cache/index3/size")
N_TRIES = 5

Call = Callable[[], object]


class RooflineProbes(BestRates):
    """Probes of one device and dtype.

    `read_bandwidth` is the best of any piece. `cache_bytes` is the size of the processor's last
    cache; None, where it is unknown, makes a pass read all of PROBE_BYTES.
    """

    def __init__(
        self,
        device: torch.device,
        dtype: torch.dtype,
        clock: Clock,
        cache_bytes: int | None = None,
    ) -> None:
        self._clock = clock
        n_pieces = N_PIECES if cache_bytes is None else -(-2 * cache_bytes // PIECE_BYTES)
        self._pass_len = min(n_pieces, N_PIECES)
        self._n_read = 0
        pieces = probe_buffer(device).view(N_PIECES, -1)
        kinds = zip(*(read_probes(piece) for piece in pieces), strict=True)
        self._pieces = self._fastest([list(pieces) for pieces in kinds])
        products = arithmetic_probes(dtype, device)
        super().__init__([(partial(time_whole, call, clock), flops) for call, flops in products])

    def read(self) -> None:
        """Read the next pieces, and keep the bandwidth."""
        turns = range(self._n_read, self._n_read + self._pass_len)
        seconds = [time_whole(self._pieces[turn % N_PIECES], self._clock) for turn in turns]
        self._n_read += self._pass_len
        self.bandwidths.append(PIECE_BYTES * self._pass_len / sum(seconds))
        self.read_bandwidth = max(self.read_bandwidth, PIECE_BYTES / min(seconds))

    def _fastest(self, kinds: Sequence[list[Call]]) -> list[Call]:
        """The calls of the kind that read a piece in the least time; kinds take turns."""
        best = [float("inf")] * len(kinds)
        for turn in range(N_TRIES * N_PIECES):
            for index, pieces in enumerate(kinds):
                seconds = time_whole(pieces[turn % N_PIECES], self._clock)
                best[index] = min(best[index], seconds)
        return kinds[best.index(min(best))]


def last_cache_bytes(path: Path = LAST_CACHE) -> int | None:
    """Size of the processor's last cache; None where the system does not tell it."""
    try:
        return int(path.read_text().strip().removesuffix("K")) * 1024
    except (OSError, ValueError):
        return None
