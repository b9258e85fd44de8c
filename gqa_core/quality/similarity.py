"""Similarity of attention heads: linear CKA, and the effective number of distinct heads.

h heads, n tokens, f features per token.

Linear CKA compares the distances between tokens that two heads see, whatever axes each head uses
for them: rotation, scale and offset of the features do not matter. Arithmetic is in the dtype of
the input; callers pass float64.

Source: linear CKA, Kornblith et al. (arXiv:1905.00414), section 3; the effective number is the
Vendi score, Friedman and Dieng (arXiv:2210.02410), definition 3.1.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["cka_matrix", "effective_number", "noise_cka"]


def cka_matrix(heads: Tensor) -> Tensor:
    """Linear CKA (h, h) of each pair of `heads` (h, n, f), from 0 to 1; 1 on the diagonal.

    |X_i^T X_j|^2 / (|X_i^T X_i| |X_j^T X_j|) with Frobenius norms and centred columns, computed as
    the cosine between the tokens' centred Gram matrices X X^T: hence positive semi-definite. A head
    whose tokens are all equal has no CKA: its row and column are NaN.
    """
    centred = heads - heads.mean(dim=1, keepdim=True)
    gram = (centred @ centred.transpose(1, 2)).flatten(1)
    unit = gram / gram.norm(dim=1, keepdim=True)
    return (unit @ unit.T).clamp(0, 1)


def effective_number(similarity: Tensor) -> float:
    """The effective number of distinct heads in (h, h): 1 if all are equal, h if none are similar.

    exp of the entropy of the eigenvalues of the matrix, normalised to trace 1.
    """
    eigenvalues = torch.linalg.eigvalsh(similarity / similarity.trace()).clamp_min(0)
    return torch.special.entr(eigenvalues).sum().exp().item()


def noise_cka(n_tokens: int, width: int) -> float:
    """The approximate CKA of two unrelated heads of Gaussian noise: high for few tokens.

    The ratio of expected squared norms: (n - 1) f^2 for X^T Y over (n - 1) f (n + f) for X^T X,
    where n - 1 and not n appears because centring removes one degree of freedom.
    """
    return width / (n_tokens + width)
