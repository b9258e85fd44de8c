"""Advice on the number of K/V heads: all candidates on a device, judged by limits."""

from gqa_core.advice.advise import Advice, advise
from gqa_core.advice.candidates import Candidate, Failure, Sizes
from gqa_core.advice.measured import MeasuredStep
from gqa_core.advice.peers import Peers
from gqa_core.advice.request import AdviceRequest
from gqa_core.advice.small_model import SmallModelLoss

__all__ = [
    "Advice",
    "AdviceRequest",
    "Candidate",
    "Failure",
    "MeasuredStep",
    "Peers",
    "Sizes",
    "SmallModelLoss",
    "advise",
]
