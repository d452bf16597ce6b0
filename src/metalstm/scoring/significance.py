"""How sure a difference of F1 is: approximate randomisation and the bootstrap, both over sentences.

Both work on counts `[sentences, 3]` (true positives, predicted entities, gold entities) or
`[seeds, sentences, 3]`. Several seeds of one system are pooled sentence by sentence: the outputs of its seeds for a
sentence share the sentence's difficulty, and to treat them as independent would make any difference look surer than
it is. What is measured is the luck of the test sentences; the luck of a seed shows in the spread between seeds.
"""

import numpy as np
from numpy.typing import NDArray

from metalstm.errors import UserError
from metalstm.scoring.entities import strict_entities
from metalstm.scoring.scores import Labels, check_parallel

Counts = NDArray[np.int64]


def sentence_counts(gold: Labels, predicted: Labels) -> Counts:
    """True positives, predicted and gold entities (strict) of each sentence: `[sentences, 3]`.

    Raises UserError where gold and prediction differ in their number of sentences or tokens.
    """
    check_parallel(gold, predicted)
    rows = []
    for gold_labels, predicted_labels in zip(gold, predicted, strict=True):
        true, found = strict_entities(gold_labels), strict_entities(predicted_labels)
        rows.append((len(set(true).intersection(found)), len(found), len(true)))
    return np.array(rows, dtype=np.int64).reshape(-1, 3)


def randomisation_test(first: Counts, second: Counts, *, shuffles: int = 10_000, seed: int = 0) -> float:
    """Two-sided p value of the difference of F1 between two systems on the same sentences.

    Paired approximate randomisation (Noreen 1989, chapter 2; Yeh 2000, 'More accurate tests for the statistical
    significance of result differences'): were the systems alike, their outputs for any sentence could change places.
    In each shuffle every sentence's outputs do so with probability 1/2; p is (1 + the number of shuffles whose
    |difference| is at least the observed one) / (1 + shuffles).

    The systems may have different numbers of seeds; pooled, each system weighs the same. Swapping the two systems
    gives the same p.

    Raises UserError where the two were not scored on the same sentences.
    """
    first_pool, first_seeds = _pooled(first)
    second_pool, second_seeds = _pooled(second)
    # Each system's sums are taken as often as the other has seeds: integers, so that equal counts stay equal.
    first_pool, second_pool = first_pool * second_seeds, second_pool * first_seeds
    if not np.array_equal(first_pool[..., 2:], second_pool[..., 2:]):
        raise UserError("the two systems were scored on different gold entities: compare them on the same test file")

    # A shuffle adds each sentence's difference with the sign + or - to the overall difference. The signs are fair
    # coins, so the differences d and -d are one kind, and the coins of a kind sum to a binomial number.
    kinds, sizes = np.unique(_without_sign(first_pool - second_pool), axis=0, return_counts=True)
    heads = np.random.default_rng(seed).binomial(sizes, 0.5, size=(shuffles, len(sizes)))
    differences = (2 * heads - sizes) @ kinds
    total = (first_pool + second_pool).sum(axis=0)
    # F1 is a ratio of counts: that these sums are twice a system's counts does not matter.
    shuffled = np.abs(_f1(total + differences) - _f1(total - differences))
    observed = np.abs(_f1(first_pool.sum(axis=0)) - _f1(second_pool.sum(axis=0)))
    # The same difference can be computed from different counts, with another last bit.
    return float((1 + np.count_nonzero(shuffled >= observed - 1e-12)) / (1 + shuffles))


def bootstrap_interval(
    counts: Counts, *, level: float = 0.95, resamples: int = 10_000, seed: int = 0
) -> tuple[float, float]:
    """The percentile interval (Efron 1979) of F1 in per cent, over samples of the test sentences with replacement.

    Raises UserError where there is no sentence.
    """
    pool, _ = _pooled(counts)
    # Sentences with the same counts are one kind: how often each kind is drawn is multinomial.
    kinds, sizes = np.unique(pool, axis=0, return_counts=True)
    draws = np.random.default_rng(seed).multinomial(len(pool), sizes / len(pool), size=resamples)
    outside = (1.0 - level) / 2.0
    low, high = np.quantile(_f1(draws @ kinds), [outside, 1.0 - outside])
    return 100.0 * float(low), 100.0 * float(high)


def _pooled(counts: Counts) -> tuple[Counts, int]:
    """The sum over seeds `[sentences, 3]`, and the number of seeds."""
    by_seed = counts if counts.ndim == 3 else counts[None]
    if by_seed.size == 0:
        raise UserError("no sentences to compare: the test file is empty")
    if (by_seed[..., 2] != by_seed[0, :, 2]).any():
        raise UserError("the seeds of a system were scored on different gold entities: use one test file for all")
    return by_seed.sum(axis=0), len(by_seed)


def _without_sign(differences: Counts) -> Counts:
    """Rows turned so that the first number other than zero is positive."""
    signs = np.sign(differences)
    leading = signs[np.arange(len(signs)), (signs != 0).argmax(axis=1)]
    turned: Counts = differences * leading[:, None]
    return turned


def _f1(counts: Counts) -> NDArray[np.float64]:
    """F1 as a fraction from counts `[..., 3]`; 0 where nothing is predicted and nothing annotated."""
    entities = counts[..., 1] + counts[..., 2]
    fractions: NDArray[np.float64] = 2.0 * counts[..., 0] / np.maximum(entities, 1)
    return fractions
