"""The kernels of the CRF as functions of tensors, with the arguments and results of their references in `nn.crf`."""

from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from metalstm.nn.compiled import kernels

Array = np.ndarray[Any, Any]


def kernel() -> ModuleType:
    """`metalstm.kernels.crf`, imported when it is first used."""
    from metalstm.kernels import crf

    return crf


def neg_log_likelihood(
    emissions: Tensor,
    labels: Tensor,
    lengths: Tensor,
    transitions: Tensor,
    start: Tensor,
    end: Tensor,
    *,
    forbidden: float,
) -> Tensor | None:
    """log Z - s(labels) `[batch]`, computed in float64 whatever the emissions are; padding may hold anything.

    None where the reference has to answer: where there is no kernel, for scores further apart than float64 has room
    for, for NaN, for labels or lengths out of range, and for labels that are forbidden (by a score below `forbidden`).
    """
    crf = kernels(kernel, emissions)
    if crf is None:
        return None
    holds, losses, d_emissions, d_scores = crf.loss_and_gradient(
        emissions.detach().contiguous().numpy(),
        labels.contiguous().numpy(),
        lengths.contiguous().numpy(),
        *(scores.detach().contiguous().numpy() for scores in (transitions, start, end)),
        forbidden,
    )
    if not holds:
        return None
    known = crf, torch.from_numpy(losses), d_emissions, d_scores
    loss: Tensor = _Loss.apply(*known, emissions, transitions, start, end)  # type: ignore[no-untyped-call]
    return loss


def viterbi(
    emissions: Tensor, lengths: Tensor, transitions: Tensor, start: Tensor, end: Tensor
) -> tuple[Tensor, Tensor] | None:
    """The best path `[batch, time]` and its score `[batch]`; padding may hold anything. None: there is no kernel."""
    crf = kernels(kernel, emissions)
    if crf is None:
        return None
    paths, scores = crf.viterbi(
        emissions.detach().contiguous().numpy(),
        lengths.contiguous().numpy(),
        *(scores.detach().contiguous().numpy() for scores in (transitions, start, end)),
    )
    return torch.from_numpy(paths), torch.from_numpy(scores)


class _Loss(torch.autograd.Function):
    """Losses that come with their gradients."""

    @staticmethod
    def forward(
        ctx: Any,
        crf: ModuleType,
        losses: Tensor,
        d_emissions: Array,
        d_scores: Array,
        emissions: Tensor,
        *scores: Tensor,
    ) -> Tensor:
        """Losses in the emissions' type; the gradients as `kernels.crf.loss_and_gradient` gives them."""
        ctx.crf, ctx.known = crf, (d_emissions, d_scores)
        return losses.to(emissions.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, weights: Tensor) -> tuple[Tensor | None, ...]:
        """`weights [batch]`: what each sentence's loss counts for."""
        return (
            None,
            None,
            None,
            None,
            *map(torch.from_numpy, ctx.crf.weighted(weights.contiguous().numpy(), *ctx.known)),
        )
