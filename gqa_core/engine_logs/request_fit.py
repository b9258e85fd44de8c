"""The fixed cost of a request and its cost per token, from requests of different lengths.

A model with states or windows has a fixed cost per sequence, so that its bytes per token fall with
the length: one number cannot describe it, two can.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gqa_core.engine_logs.log import RequestMemory

__all__ = ["RequestFit", "fit_requests"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestFit:
    """Bytes of a request on one GPU: `fixed_bytes` and `bytes_per_token` for each of its tokens.

    Both are intervals too, from the rounding of the prints. The fit holds between the two lengths.
    """

    short_len: int
    long_len: int
    bytes_per_token: float
    least_bytes_per_token: float
    most_bytes_per_token: float
    fixed_bytes: float
    least_fixed_bytes: float
    most_fixed_bytes: float

    def request_bytes(self, context_len: int) -> float:
        """Bytes of a request of this length."""
        return self.fixed_bytes + self.bytes_per_token * context_len


def fit_requests(requests: Sequence[RequestMemory]) -> RequestFit | None:
    """The line through the shortest and the longest request; None without two lengths."""
    if len({request.model_len for request in requests}) < 2:
        return None
    short = min(requests, key=lambda request: request.model_len)
    long = max(requests, key=lambda request: request.model_len)
    n_tokens = long.model_len - short.model_len
    slope = (long.n_bytes - short.n_bytes) / n_tokens
    least = (long.least_bytes - short.most_bytes) / n_tokens
    most = (long.most_bytes - short.least_bytes) / n_tokens
    return RequestFit(
        short_len=short.model_len,
        long_len=long.model_len,
        bytes_per_token=slope,
        least_bytes_per_token=least,
        most_bytes_per_token=most,
        fixed_bytes=short.n_bytes - slope * short.model_len,
        least_fixed_bytes=short.least_bytes - most * short.model_len,
        most_fixed_bytes=short.most_bytes - least * short.model_len,
    )
