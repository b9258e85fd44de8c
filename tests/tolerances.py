"""Tolerances of tests: relative L2 errors that follow from the dtype."""

import torch

TOLERANCE = {torch.float32: 1e-5, torch.bfloat16: 2e-2, torch.float16: 4e-3}


def relative_error(got, expected):
    """|got - expected| / |expected| over all elements, in float64."""
    return ((got.double() - expected.double()).norm() / expected.double().norm()).item()
