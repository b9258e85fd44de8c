"""CKA and effective number against plain formulas, in float64."""

import math

import pytest
import torch

from gqa_core.quality.similarity import cka_matrix, effective_number, noise_cka


def noise(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def plain_cka(x, y):
    """Linear CKA entry by entry, for two lists of rows."""

    def centred(rows):
        means = [math.fsum(column) / len(rows) for column in zip(*rows, strict=True)]
        return [[value - mean for value, mean in zip(row, means, strict=True)] for row in rows]

    def squared_product(rows, other_rows):
        return math.fsum(
            math.fsum(a * b for a, b in zip(left, right, strict=True)) ** 2
            for left in zip(*rows, strict=True)
            for right in zip(*other_rows, strict=True)
        )

    x, y = centred(x), centred(y)
    return squared_product(x, y) / math.sqrt(squared_product(x, x) * squared_product(y, y))


def test_cka_is_the_formula():
    heads = noise(3, 7, 4)
    matrix = cka_matrix(heads)
    for i in range(3):
        for j in range(3):
            expected = plain_cka(heads[i].tolist(), heads[j].tolist())
            assert matrix[i, j].item() == pytest.approx(expected, rel=1e-12)


def test_cka_ignores_rotation_scale_and_offset_but_not_a_stretch():
    x = noise(20, 6)
    rotation, _ = torch.linalg.qr(noise(6, 6, seed=1))
    stretch = torch.tensor([9.0, 1, 1, 1, 1, 1], dtype=torch.float64)
    first = cka_matrix(torch.stack([x, x @ rotation, 7 * x, x + 3, x * stretch]))[0]
    assert torch.allclose(first[:4], torch.ones(4).double(), atol=1e-12)
    assert first[4] < 0.9


def test_cka_of_noise_is_small_for_many_tokens_and_near_the_formula():
    many_tokens, few_tokens = cka_matrix(noise(8, 2000, 16)), cka_matrix(noise(40, 50, 16))
    off_diagonal = ~torch.eye(8, dtype=torch.bool)
    assert many_tokens[off_diagonal].max() < 0.02
    off_diagonal = ~torch.eye(40, dtype=torch.bool)
    assert few_tokens[off_diagonal].mean().item() == pytest.approx(noise_cka(50, 16), rel=0.05)


def test_the_effective_number_is_one_for_equal_heads_and_all_for_unrelated_heads():
    assert effective_number(torch.ones(8, 8).double()) == pytest.approx(1)
    assert effective_number(torch.eye(8).double()) == pytest.approx(8)
    pair = torch.tensor([[1.0, 0.5], [0.5, 1.0]]).double()  # eigenvalues 3/4 and 1/4 of the trace
    expected = math.exp(-(0.75 * math.log(0.75) + 0.25 * math.log(0.25)))
    assert effective_number(pair) == pytest.approx(expected)
    blocks = torch.block_diag(torch.ones(4, 4), torch.ones(4, 4)).double()
    assert effective_number(blocks) == pytest.approx(2)
