"""The kernels of the CRF as functions of tensors, with the arguments and results of their references in `nn.crf`."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from metalstm.nn.compiled import kernels


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
    for, for NaN, and for labels that are out of range or forbidden (by a score below `forbidden`).
    """
    crf = kernels("crf", emissions)
    if crf is None:
        return None
    holds, losses, *gradients = crf.loss_and_gradient(
        emissions.detach().contiguous().numpy(),
        labels.contiguous().numpy(),
        lengths.contiguous().numpy(),
        *(scores.detach().double().numpy() for scores in (transitions, start, end)),
        forbidden,
    )
    if not holds:
        return None
    known = [torch.from_numpy(losses).to(emissions.dtype), *map(torch.from_numpy, gradients)]
    loss: Tensor = _Loss.apply(*known, emissions, transitions, start, end)
    return loss


def viterbi(
    emissions: Tensor, lengths: Tensor, transitions: Tensor, start: Tensor, end: Tensor
) -> tuple[Tensor, Tensor] | None:
    """The best path `[batch, time]` and its score `[batch]`; padding may hold anything. None: there is no kernel."""
    crf = kernels("crf", emissions)
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
    def forward(ctx: Any, losses: Tensor, *others: Tensor) -> Tensor:
        """`others`: the gradients of each sentence's loss, and then as many tensors that these are gradients of."""
        ctx.gradients = others[: len(others) // 2]
        ctx.dtypes = [tensor.dtype for tensor in others[len(others) // 2 :]]
        return losses

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, weights: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        """`weights [batch]`: what each sentence's loss counts for."""
        d_emissions, *others = ctx.gradients
        by_sentence = weights.to(d_emissions.dtype)[:, None, None] * d_emissions
        summed = [torch.tensordot(weights.double(), gradient, dims=1) for gradient in others]
        results = [gradient.to(dtype) for gradient, dtype in zip([by_sentence, *summed], ctx.dtypes, strict=True)]
        return None, *[None] * len(results), *results
