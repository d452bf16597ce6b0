"""How sure a difference of F1 is: approximate randomisation and the bootstrap, both over sentences.

Both work on counts `[sentences, 3]` (true positives, predicted entities, gold entities) or
`[seeds, sentences, 3]`, and on the mean F1 of the seeds, which is what tables show. A sentence is drawn, or changes
places, with the outputs of all seeds: these share its difficulty, and to treat them as independent would make any
difference look surer than it is. What is measured is the luck of the test sentences; the luck of a seed shows in the
spread between seeds.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from metalstm.errors import UserError
from metalstm.scoring.entities import strict_entities
from metalstm.scoring.scores import Labels, check_parallel

Counts = NDArray[np.int64]
_AT_ONCE = 500


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
    """Two-sided p value of the difference of mean F1 between two systems with the same seeds on the same sentences.

    Paired approximate randomisation (Noreen 1989, chapter 2; Yeh 2000, 'More accurate tests for the statistical
    significance of result differences'): were the systems alike, their outputs for any sentence could change places.
    In each shuffle every sentence's outputs do so with probability 1/2, those of all seeds together; p is (1 + the
    number of shuffles whose |difference| is at least the observed one) / (1 + shuffles). Swapping the two systems
    gives the same p.

    Raises UserError where the two were not scored on the same sentences, or have different numbers of seeds.
    """
    first_seeds, second_seeds = _by_seed(first), _by_seed(second)
    if len(first_seeds) != len(second_seeds):
        raise UserError(f"{len(first_seeds)} and {len(second_seeds)} seeds cannot be paired: compare the same seeds")
    if not np.array_equal(first_seeds[..., 2], second_seeds[..., 2]):
        raise UserError("the two systems were scored on different gold entities: compare them on the same test file")
    own, other = _ratios(first_seeds), _ratios(second_seeds)

    # A shuffle adds each sentence's difference with the sign + or - to the overall difference. The signs are fair
    # coins, so the differences d and -d are one kind, and the coins of a kind sum to a binomial number.
    kinds, sizes = np.unique(_without_sign(own - other), axis=0, return_counts=True)
    random = np.random.default_rng(seed)
    signs = (2.0 * random.binomial(sizes, 0.5, size=(rows, len(sizes))) - sizes for rows in _blocks(shuffles))
    differences = np.concatenate([block @ kinds.astype(np.float64) for block in signs])
    total = (own + other).sum(axis=0)
    # F1 is a ratio of counts: that these sums are twice a system's counts does not matter.
    shuffled = np.abs(_mean_f1(total + differences) - _mean_f1(total - differences))
    observed = np.abs(_mean_f1(own.sum(axis=0)) - _mean_f1(other.sum(axis=0)))
    # The same difference can be computed from different counts, with another last bit.
    return float((1 + np.count_nonzero(shuffled >= observed - 1e-12)) / (1 + shuffles))


def bootstrap_interval(
    counts: Counts, *, level: float = 0.95, resamples: int = 10_000, seed: int = 0
) -> tuple[float, float]:
    """The percentile interval (Efron 1979) of mean F1 in per cent, over samples of the test sentences with replacement.

    Raises UserError where there is no sentence.
    """
    sentences = _ratios(_by_seed(counts))
    # Sentences with the same counts are one kind: how often each kind is drawn is multinomial.
    kinds, sizes = np.unique(sentences, axis=0, return_counts=True)
    random, shares = np.random.default_rng(seed), sizes / len(sentences)
    draws = (random.multinomial(len(sentences), shares, size=rows).astype(np.float64) for rows in _blocks(resamples))
    sums = np.concatenate([block @ kinds.astype(np.float64) for block in draws])
    outside = (1.0 - level) / 2.0
    low, high = np.quantile(_mean_f1(sums), [outside, 1.0 - outside])
    return 100.0 * float(low), 100.0 * float(high)


def _blocks(number: int) -> Iterator[int]:
    """A number in parts: with all random draws at once some thousand kinds of sentences would take a gigabyte."""
    for done in range(0, number, _AT_ONCE):
        yield min(_AT_ONCE, number - done)


def _by_seed(counts: Counts) -> Counts:
    """`[seeds, sentences, 3]`."""
    by_seed = counts if counts.ndim == 3 else counts[None]
    if by_seed.size == 0:
        raise UserError("no sentences to compare: the test file is empty")
    if (by_seed[..., 2] != by_seed[0, :, 2]).any():
        raise UserError("the seeds of a system were scored on different gold entities: use one test file for all")
    return by_seed


def _ratios(counts: Counts) -> Counts:
    """What F1 is the ratio of, by seeds: twice the true positives, and all entities; `[sentences, seeds * 2]`."""
    both = np.stack([2 * counts[..., 0], counts[..., 1] + counts[..., 2]], axis=-1)
    ratios: Counts = both.swapaxes(0, 1).reshape(counts.shape[1], -1)
    return ratios


def _without_sign(differences: Counts) -> Counts:
    """Rows turned so that the first number other than zero is positive."""
    signs = np.sign(differences)
    leading = signs[np.arange(len(signs)), (signs != 0).argmax(axis=1)]
    turned: Counts = differences * leading[:, None]
    return turned


def _mean_f1(sums: Counts | NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean over seeds of F1 as a fraction, from `[..., seeds * 2]`; it is 0 where there is no entity."""
    mean: NDArray[np.float64] = (sums[..., 0::2] / np.maximum(sums[..., 1::2], 1)).mean(axis=-1)
    return mean
