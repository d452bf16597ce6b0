"""The kernels of the CRF as functions of tensors, with the arguments and results of their references in `nn.crf`."""

from collections.abc import Sequence
from types import ModuleType

import torch
from torch import Tensor

from metalstm.nn.compiled import Array, Pullback, array, differentiable, kernels


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

    None where the reference has to answer: where there is no kernel, and where `losses` are None.
    """
    if kernels(kernel, emissions) is None:
        return None
    scores = transitions, start, end
    found = losses(array(emissions), labels, lengths, [array(score) for score in scores], forbidden)
    return None if found is None else differentiable(*found, emissions, *scores)


def losses(
    emissions: Array, labels: Tensor, lengths: Tensor, scores: Sequence[Array], forbidden: float
) -> tuple[Array, Pullback] | None:
    """log Z - s(labels) `[batch]` in the emissions' type, and the way back to emissions and scores.

    None for scores further apart than float64 has room for, for NaN, for labels or lengths out of range, and for labels
    that are forbidden (by a score below `forbidden`).
    """
    crf = kernel()
    holds, found, d_emissions, d_scores = crf.loss_and_gradient(
        emissions, array(labels), array(lengths), *scores, forbidden
    )
    if not holds:
        return None
    return found.astype(emissions.dtype), lambda weights: crf.weighted(weights, d_emissions, d_scores)


def viterbi(
    emissions: Tensor, lengths: Tensor, transitions: Tensor, start: Tensor, end: Tensor
) -> tuple[Tensor, Tensor] | None:
    """The best path `[batch, time]` and its score `[batch]`; padding may hold anything. None: there is no kernel."""
    crf = kernels(kernel, emissions)
    if crf is None:
        return None
    paths, scores = crf.viterbi(
        array(emissions), array(lengths), *(array(scores) for scores in (transitions, start, end))
    )
    return torch.from_numpy(paths), torch.from_numpy(scores)
