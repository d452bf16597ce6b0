"""The sums and maxima over all paths of `nn.crf`, for a whole batch in one call.

A sentence is read as far as it is long, never on its padding. Shapes as in `nn.crf`: emissions `[batch, time, labels]`,
transitions `[from, to]`, start and end `[labels]`, labels `[batch, time]` and lengths `[batch]` int64.
"""

import math
from functools import partial
from typing import Any

import numpy as np

from metalstm.kernels.compilation import REORDER, compiled, prepare
from metalstm.kernels.elementwise import exp
from metalstm.kernels.products import product

Array = np.ndarray[Any, Any]

LEAST = 1e-290
"""A product that may become less than this may lose digits, or all of itself, in float64."""
VECTOR = 8
"""Numbers that a processor adds or compares at once: labels without meaning fill what is left of the last ones."""
AT_ONCE = 4
"""Rows of a matrix that are added before the sum is written: a divisor of `VECTOR`."""


@partial(compiled, fastmath=REORDER)
def loss_and_gradient(
    emissions: Array,
    labels: Array,
    lengths: Array,
    transitions: Array,
    start: Array,
    end: Array,
    forbidden: float,
) -> tuple[bool, Array, Array, Array]:
    """-log P(labels) of each sentence, and its gradient: what is expected under the model minus what is there.

    All scores are of one float type, and are summed in float64; those below `forbidden` count as minus infinity.

    Returns whether the numbers hold, losses `[batch]`, and the gradients of each sentence's own loss with respect to
    emissions `[batch, time, labels]` (zero on padding) and to the other scores `[batch, labels + 2, labels]`, in which
    the rows of transitions come first, then start, then end. They do not hold, and mean nothing, where scores lie so
    far apart that their exponentials have no place in one float64, where there is a NaN, where a length is impossible,
    and where the labels are no path: forbidden, or no labels at all.

    The recursions are those of Rabiner 1989 with his scaling (section V.A): alpha_t sums to one, and each scale goes
    into log Z. Greatest scores are subtracted before the exponential, so that no factor is above one.
    """
    batch, time, size = emissions.shape
    losses = np.zeros(batch)
    d_emissions = np.zeros_like(emissions)
    d_scores = np.zeros((batch, size + 2, size))
    no_loss = (False, losses, d_emissions, d_scores)

    factors, log_a, least_a = _factors(transitions, forbidden)
    first, log_first, least_first = _factors(start, forbidden)
    last, log_last, least_last = _factors(end, forbidden)
    least_factor = min(least_a, least_first, least_last)
    width = _whole_vectors(size)
    a, a_transposed, pairs = np.zeros((width, width)), np.zeros((width, width)), np.empty((width, width))
    a[:size, :size] = factors
    a_transposed[:size, :size] = factors.T

    e = np.empty((time, size))
    alpha = np.zeros((time, width))
    ahead = np.zeros((time, width))
    scale = np.empty(time)
    beta = np.empty(width)
    for b in range(batch):
        length = lengths[b]
        if not 1 <= length <= time:
            return no_loss
        scores = emissions[b]
        d_transitions, d_start, d_end = d_scores[b, :size], d_scores[b, size], d_scores[b, size + 1]
        log_z = log_first + log_last + (length - 1) * log_a

        # e_t(j) = exp(emissions[t, j]), the greatest of a step set to one
        for t in range(length):
            greatest = scores[t, 0]
            for j in range(1, size):
                greatest = max(greatest, scores[t, j])
            log_z += greatest
            for j in range(size):
                e[t, j] = np.float64(scores[t, j]) - greatest
        flat = e.ravel()[: length * size]
        least_e = 1.0
        for place in range(length * size):
            flat[place] = exp(flat[place])
        for place in range(length * size):
            least_e = min(least_e, flat[place])

        # alpha_1(j) = start_j e_1(j);  alpha_t(j) = [sum_i alpha_{t-1}(i) a_ij] e_t(j)
        for t in range(length):
            now = alpha[t]
            if t == 0:
                now[:size] = first
            else:
                _product(alpha[t - 1], a, size, now)
            total = 0.0
            for j in range(size):
                now[j] *= e[t, j]
                total += now[j]
            scale[t] = total
            for j in range(size):
                now[j] *= 1.0 / total
            log_z += math.log(total)
        total = 0.0
        for j in range(size):
            total += alpha[length - 1, j] * last[j]
        log_z += math.log(total)

        # If every alpha is large enough for the least factors to come, then a zero is no underflow: all its paths
        # are forbidden.
        least_alpha = 1.0
        reached = alpha.ravel()[: length * width]
        for place in range(length * width):
            least_alpha = min(least_alpha, reached[place] if reached[place] > 0.0 else 1.0)
        if not (least_alpha * least_e * least_factor > LEAST and total > 0.0 and math.isfinite(log_z)):
            return no_loss
        for t in range(length):
            if not 0 <= labels[b, t] < size:
                return no_loss

        # beta_T(i) = end_i;  beta_{t-1}(i) = sum_j a_ij e_t(j) beta_t(j), scaled so that sum_i alpha_t(i) beta_t(i) = 1
        for j in range(size):
            beta[j] = last[j] / total
        for t in range(length - 1, 0, -1):
            for j in range(size):
                d_emissions[b, t, j] = alpha[t, j] * beta[j]  # P(y_t = j)
                # A label that no path reaches has no part in Z, whatever could follow it.
                ahead[t, j] = e[t, j] * beta[j] / scale[t] if alpha[t, j] > 0.0 else 0.0
            _product(ahead[t], a_transposed, size, beta)
        for j in range(size):
            d_emissions[b, 0, j] = alpha[0, j] * beta[j]
            d_start[j] = d_emissions[b, 0, j]
            d_end[j] = d_emissions[b, length - 1, j]
        pairs[:] = 0.0
        product(alpha[: length - 1].T, ahead[1:length], pairs)  # sum_t P(y_{t-1} = i, y_t = j) / a_ij
        for i in range(size):
            for j in range(size):
                d_transitions[i, j] = pairs[i, j] * a[i, j]

        # The gold path: its score, and one off wherever it passes
        gold = np.float64(start[labels[b, 0]]) + end[labels[b, length - 1]]
        for t in range(length):
            gold += scores[t, labels[b, t]]
            d_emissions[b, t, labels[b, t]] -= 1.0
        for t in range(1, length):
            gold += transitions[labels[b, t - 1], labels[b, t]]
            d_transitions[labels[b, t - 1], labels[b, t]] -= 1.0
        d_start[labels[b, 0]] -= 1.0
        d_end[labels[b, length - 1]] -= 1.0
        if gold < forbidden:
            return no_loss
        losses[b] = log_z - gold
    return True, losses, d_emissions, d_scores


@partial(compiled, fastmath=REORDER)
def weighted(weights: Array, d_emissions: Array, d_scores: Array) -> tuple[Array, Array, Array, Array]:
    """The gradients of the weighted sum of losses, from those of each: emissions, transitions, start and end."""
    batch, time, size = d_emissions.shape
    emissions = np.empty_like(d_emissions)
    scores = np.zeros((size + 2, size))
    for b in range(batch):
        for t in range(time):
            for j in range(size):
                emissions[b, t, j] = weights[b] * d_emissions[b, t, j]
        for i in range(size + 2):
            for j in range(size):
                scores[i, j] += weights[b] * d_scores[b, i, j]
    rounded = scores.astype(d_emissions.dtype)
    return emissions, rounded[:size], rounded[size], rounded[size + 1]


@partial(compiled, fastmath=REORDER)
def _factors(scores: Array, forbidden: float) -> tuple[Array, float, float]:
    """exp(scores) with the greatest set to one and the forbidden ones to zero, its logarithm, and the least factor."""
    greatest = np.float64(scores.max())
    factors = np.empty(scores.shape)
    least = 1.0
    for place in range(scores.size):
        score = np.float64(scores.flat[place])
        factor = exp(score - greatest)
        if score < forbidden:
            factor = 0.0
        else:
            least = min(least, factor)
        factors.flat[place] = factor
    return factors, greatest, least


@compiled
def _whole_vectors(size: int) -> int:
    """The next multiple of `VECTOR`."""
    return (size + VECTOR - 1) // VECTOR * VECTOR


@partial(compiled, fastmath=REORDER)
def _product(row: Array, matrix: Array, size: int, result: Array) -> None:
    """result_j = sum_i row_i matrix_ij over `size` rows and, up to the next multiple of `AT_ONCE`, those of zeros."""
    width = len(row)
    for j in range(width):
        result[j] = 0.0
    for i in range(0, size, AT_ONCE):
        r0, r1, r2, r3 = row[i], row[i + 1], row[i + 2], row[i + 3]
        for j in range(width):
            result[j] += r0 * matrix[i, j] + r1 * matrix[i + 1, j] + r2 * matrix[i + 2, j] + r3 * matrix[i + 3, j]


@partial(compiled, fastmath=REORDER)
def viterbi(emissions: Array, lengths: Array, transitions: Array, start: Array, end: Array) -> tuple[Array, Array]:
    """The best path `[batch, time]` (int64) and its score `[batch]`, all in the emissions' float type.

    On padding a path repeats its last label; among equals the label of the lowest number is taken (Rabiner 1989, 32 to
    35). No psi is kept: on the way back the greatest sum is found again, for the labels of the path alone.
    """
    batch, time, size = emissions.shape
    number = emissions.dtype.type
    paths = np.empty((batch, time), dtype=np.int64)
    best = np.empty(batch, dtype=emissions.dtype)
    width = _whole_vectors(size)
    steps = np.zeros((width, width), dtype=emissions.dtype)
    steps[:size, :size] = transitions
    delta = np.empty((time, width), dtype=emissions.dtype)
    for b in range(batch):
        length = lengths[b]
        for j in range(size):
            delta[0, j] = start[j] + emissions[b, 0, j]  # delta_1(j) = start_j + e_1(j)
        delta[0, size:] = -np.inf
        for t in range(1, length):
            _greatest(delta[t - 1], steps, size, delta[t])
            for j in range(size):
                delta[t, j] += emissions[b, t, j]  # delta_t(j) = max_i [delta_{t-1}(i) + a_ij] + e_t(j)
            delta[t, size:] = -np.inf
        label, greatest = 0, number(-np.inf)
        for j in range(size):
            score = delta[length - 1, j] + end[j]
            if j == 0 or score > greatest:
                label, greatest = j, score
        best[b] = greatest
        paths[b, length - 1 :] = label
        for t in range(length - 1, 0, -1):
            following, label, greatest = label, 0, delta[t - 1, 0] + steps[0, label]
            for i in range(1, size):  # psi_t(j) = argmax_i delta_{t-1}(i) + a_ij
                score = delta[t - 1, i] + steps[i, following]
                if score > greatest:
                    label, greatest = i, score
            paths[b, t - 1] = label
    return paths, best


@partial(compiled, fastmath=REORDER)
def _greatest(row: Array, matrix: Array, size: int, result: Array) -> None:
    """result_j = max_i row_i + matrix_ij over `size` rows and the next ones as in `_product`, of minus infinity."""
    width = len(row)
    for j in range(width):
        result[j] = row[0] + matrix[0, j]
    for i in range(0, size, AT_ONCE):
        r0, r1, r2, r3 = row[i], row[i + 1], row[i + 2], row[i + 3]
        for j in range(width):
            first = _greater(r0 + matrix[i, j], r1 + matrix[i + 1, j])
            second = _greater(r2 + matrix[i + 2, j], r3 + matrix[i + 3, j])
            result[j] = _greater(result[j], _greater(first, second))


@compiled
def _greater(a: Any, b: Any) -> Any:
    """One instruction, which numpy's maximum is not: it looks for NaN."""
    return b if b > a else a


def compile(dtype: np.dtype[Any]) -> None:
    """Make or load the machine code for emissions of this float type."""
    prepare(__name__, "the CRF", [loss_and_gradient, weighted, viterbi], dtype, seconds=6)
    emissions, lengths = np.zeros((1, 1, 1), dtype), np.ones(1, np.int64)
    scores = np.zeros((1, 1), dtype), np.zeros(1, dtype), np.zeros(1, dtype)
    _, _, *gradients = loss_and_gradient(emissions, np.zeros((1, 1), np.int64), lengths, *scores, -1.0)
    weighted(np.ones(1, dtype), *gradients)
    viterbi(emissions, lengths, *scores)
