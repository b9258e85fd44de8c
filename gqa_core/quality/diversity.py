"""What each head of a model looks at, and how alike the heads are.

h query heads, k K/V heads, t tokens, d head_dim, v v_head_dim, n tokens compared, f their width.

Query head i reads K/V head i // (h / k). Heads that share one read the same keys and values, yet
each asks with a query of its own, so that what they look at differs. Similarity is linear CKA: it
asks whether two heads hold the same tokens near each other, whatever the axes they use for it. All
of it is computed in float64 from the float32 run.

Source: linear CKA, Kornblith et al. (arXiv:1905.00414), section 3; the effective number is the
Vendi score, Friedman and Dieng (arXiv:2210.02410), definition 3.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from gqa_core.engine.kernels.torch_kernels import repeat_kv
from gqa_core.quality.convert import share_heads
from gqa_core.quality.model import LanguageModel
from gqa_core.records.specs.inspection import InspectionSpec

DIGITS = 4  # of what is printed: a colour shows fewer


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerHeads:
    """One layer on one text: weights (h, t, t), keys (k, t, d) as cached, values (k, t, v)."""

    weights: Tensor
    keys: Tensor
    values: Tensor

    def read(self) -> dict[str, Tensor]:
        """What is compared, a row a token, as each query head has it: (h, t, f) by name."""
        q_per_kv = self.weights.shape[0] // self.keys.shape[0]
        return {
            "keys": repeat_kv(self.keys[None], q_per_kv)[0],
            "values": repeat_kv(self.values[None], q_per_kv)[0],
            "patterns": self.weights,
        }


def answer(question: InspectionSpec, model: LanguageModel) -> dict[str, Any]:
    """One layer's heads for every number of K/V heads, in plain rounded numbers.

    `model` is the one that is converted; where it has that many K/V heads already it stays itself.
    """
    shown = []
    for count in question.n_kv_heads:
        is_itself = count == model.attention[0].config.n_kv_heads
        converted = model if is_itself else share_heads(model, count, question.start)
        heads = layer_heads(converted, question.tokens)[question.layer]
        shown.append({"n_kv_heads": count, **_compared(heads)})
    head_dim = model.attention[0].config.head_dim
    return {
        "tokens": list(question.tokens),
        "layer": question.layer,
        "start": question.start,
        "n_heads": model.training_config.n_heads,
        "noise_cka": round(noise_cka(len(question.tokens), head_dim), DIGITS),
        "models": shown,
    }


@torch.inference_mode()
def layer_heads(model: LanguageModel, text: bytes) -> list[LayerHeads]:
    """Every layer's heads while the model reads a text; the forward pass is the model's own."""
    entered: list[Tensor] = []
    hooks = [
        layer.register_forward_pre_hook(lambda _, inputs: entered.append(inputs[0]))
        for layer in model.attention
    ]
    try:
        model(torch.tensor([list(text)]))
    finally:
        for hook in hooks:
            hook.remove()
    return [_heads(layer, x) for layer, x in zip(model.attention, entered, strict=True)]


def _heads(layer: nn.Module, x: Tensor) -> LayerHeads:
    """The heads of a layer that x (1, t, dim) went into."""
    q, (k, v) = layer.project(x, 0)
    keys = repeat_kv(k, q.shape[1] // k.shape[1])
    scores = (q @ keys.transpose(-1, -2)).double() * q.shape[-1] ** -0.5
    unseen = torch.ones(scores.shape[-2:], dtype=torch.bool).triu(diagonal=1)
    weights = scores.masked_fill(unseen, float("-inf")).softmax(dim=-1)
    return LayerHeads(weights=weights[0], keys=k[0].double(), values=v[0].double())


def cka_matrix(heads: Tensor) -> Tensor:
    """Linear CKA (h, h) of every two of `heads` (h, n, f): 1 on the diagonal, none below 0.

    |X_i^T X_j|^2 / (|X_i^T X_i| |X_j^T X_j|) with Frobenius norms and columns centred, written as
    the cosine between the tokens' centred Gram matrices X X^T: hence positive semi-definite. Heads
    whose tokens are all the same have none: their rows are NaN.
    """
    centred = heads - heads.mean(dim=1, keepdim=True)
    gram = (centred @ centred.transpose(1, 2)).flatten(1)
    unit = gram / gram.norm(dim=1, keepdim=True)
    return (unit @ unit.T).clamp(0, 1)


def effective_number(similarity: Tensor) -> float:
    """How many distinct heads these (h, h) amount to: 1 if all are alike, h if none are.

    exp of the entropy of the eigenvalues of the matrix, normalised to trace 1.
    """
    shares = torch.linalg.eigvalsh(similarity / similarity.trace()).clamp_min(0)
    return torch.special.entr(shares).sum().exp().item()


def noise_cka(n_tokens: int, width: int) -> float:
    """About the CKA of two unrelated heads of normal noise: high where tokens are few.

    The ratio of expected squared norms, centring taking one token away: (n - 1) f^2 for X^T Y over
    (n - 1) f (n + f) for X^T X.
    """
    return width / (n_tokens + width)


def _compared(heads: LayerHeads) -> dict[str, Any]:
    similar = {name: cka_matrix(read) for name, read in heads.read().items()}
    return {
        "weights": _rounded(heads.weights),
        "similarity": {name: _rounded(matrix) for name, matrix in similar.items()},
        "effective": {
            name: round(effective_number(matrix), DIGITS) for name, matrix in similar.items()
        },
    }


def _rounded(numbers: Tensor) -> list[Any]:
    return numbers.round(decimals=DIGITS).tolist()
