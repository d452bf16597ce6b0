"""Randomisation against exhaustive enumeration; the bootstrap against known truth."""

from itertools import product

import numpy as np
import pytest

from metalstm.errors import UserError
from metalstm.scoring.scores import strict_f1
from metalstm.scoring.significance import Counts, bootstrap_interval, randomisation_test, sentence_counts


def simulated(rng: np.random.Generator, sentences: int, recall: float, gold: Counts | None = None) -> Counts:
    """Sentences with some gold entities, each found with the given chance, and now and then a false one."""
    entities = rng.integers(0, 4, sentences) if gold is None else gold
    right = rng.binomial(entities, recall)
    return np.stack([right, right + rng.binomial(1, 0.2, sentences), entities], axis=1)


def f1(counts: Counts) -> float:
    """Mean over seeds, from `[sentences, 3]` or `[seeds, sentences, 3]`."""
    if counts.ndim == 3:
        return float(np.mean([f1(seed) for seed in counts]))
    right, found, true = counts.sum(axis=0)
    return float(2 * right / (found + true)) if found + true else 0.0


def enumerated(first: Counts, second: Counts) -> float:
    """The share of all ways to swap sentences whose |difference| reaches the observed one."""
    observed = abs(f1(first) - f1(second))
    reached = [
        abs(f1(np.where(swap, second, first)) - f1(np.where(swap, first, second))) >= observed - 1e-12
        for swap in (np.array(swaps)[:, None] for swaps in product([False, True], repeat=first.shape[-2]))
    ]
    return float(np.mean(reached))


def test_counts_are_those_of_the_strict_score() -> None:
    gold = [["S-x", "O", "B-y", "E-y"], ["O"], ["B-x", "I-x", "E-x"], []]
    predicted = [["S-x", "S-x", "B-y", "E-y"], ["S-x"], ["B-x", "O", "E-x"], []]
    counts = sentence_counts(gold, predicted)
    assert counts.tolist() == [[2, 3, 2], [0, 1, 0], [0, 0, 1], [0, 0, 0]]
    assert 100 * f1(counts) == pytest.approx(strict_f1(gold, predicted))
    assert sentence_counts([], []).shape == (0, 3)
    with pytest.raises(UserError, match="sentence 2"):
        sentence_counts([["O"], ["O"]], [["O"], []])


def test_identical_systems() -> None:
    counts = simulated(np.random.default_rng(1), 50, 0.7)
    assert randomisation_test(counts, counts) == 1.0
    assert randomisation_test(np.stack([counts, counts]), np.stack([counts, counts])) == 1.0


def test_always_better_system() -> None:
    worse = np.array([[0, 1, 1], [1, 2, 2]] * 20)
    better = np.array([[1, 1, 1], [2, 2, 2]] * 20)
    assert randomisation_test(better, worse, shuffles=9_999) == pytest.approx(1e-4)


@pytest.mark.parametrize("seed", range(6))
def test_against_enumeration(seed: int) -> None:
    rng = np.random.default_rng(seed)
    first = simulated(rng, 9, 0.9)
    second = simulated(rng, 9, 0.4, first[:, 2])
    assert randomisation_test(first, second, shuffles=50_000, seed=seed) == pytest.approx(
        enumerated(first, second), abs=0.01
    )


def test_several_seeds_against_enumeration() -> None:
    rng = np.random.default_rng(7)
    gold = rng.integers(0, 4, 8)
    first, second = (np.stack([simulated(rng, 8, recall, gold) for _ in range(3)]) for recall in (0.9, 0.5))
    assert randomisation_test(first, second, shuffles=50_000) == pytest.approx(enumerated(first, second), abs=0.01)


def test_a_seed_weighs_as_much_as_another_however_little_it_predicts() -> None:
    rng = np.random.default_rng(8)
    well = simulated(rng, 300, 0.8)
    collapsed = well * [0, 0, 1]
    collapsed[0] = [well[0, 2], well[0, 2], well[0, 2]]
    low, high = bootstrap_interval(np.stack([well, collapsed, well]))
    mean = 100 * np.mean([f1(well), f1(collapsed), f1(well)])
    assert low < mean < high
    assert mean < 100 * f1(well + collapsed + well) - 5


def test_different_numbers_of_seeds_are_no_pairs() -> None:
    counts = simulated(np.random.default_rng(1), 50, 0.7)
    with pytest.raises(UserError, match="2 and 1 seeds cannot be paired"):
        randomisation_test(np.stack([counts, counts]), counts)


def test_symmetric_and_repeatable() -> None:
    rng = np.random.default_rng(3)
    first = simulated(rng, 200, 0.8)
    second = simulated(rng, 200, 0.75, first[:, 2])
    p_value = randomisation_test(first, second, seed=5)
    assert 0.0 < p_value < 1.0
    assert randomisation_test(second, first, seed=5) == p_value
    assert randomisation_test(first, second, seed=5) == p_value
    assert randomisation_test(first[None], second[None], seed=5) == p_value


def test_repeating_a_run_adds_no_evidence() -> None:
    rng = np.random.default_rng(4)
    first = simulated(rng, 100, 0.8)
    second = simulated(rng, 100, 0.7, first[:, 2])
    once = randomisation_test(first, second)
    assert randomisation_test(np.stack([first] * 3), np.stack([second] * 3)) == once


def test_p_values_of_equal_systems_are_uniform() -> None:
    rng = np.random.default_rng(11)
    p_values = []
    for seed in range(1_000):
        first = simulated(rng, 150, 0.7)
        second = simulated(rng, 150, 0.7, first[:, 2])
        p_values.append(randomisation_test(first, second, shuffles=500, seed=seed))
    assert np.mean(np.array(p_values) <= 0.05) == pytest.approx(0.05, abs=0.025)
    assert np.mean(np.array(p_values) <= 0.5) == pytest.approx(0.5, abs=0.06)


def test_systems_on_different_sentences() -> None:
    counts = simulated(np.random.default_rng(1), 50, 0.7)
    with pytest.raises(UserError, match="different gold entities"):
        randomisation_test(counts, counts[:-1])
    with pytest.raises(UserError, match="different gold entities"):
        randomisation_test(counts, counts + np.array([0, 0, 1]))
    with pytest.raises(UserError, match="the seeds of a system"):
        bootstrap_interval(np.stack([counts, counts + np.array([0, 0, 1])]))


def test_no_sentences() -> None:
    empty = np.zeros((0, 3), dtype=np.int64)
    with pytest.raises(UserError, match="no sentences"):
        bootstrap_interval(empty)
    with pytest.raises(UserError, match="no sentences"):
        randomisation_test(empty, empty)


def test_interval_covers_the_truth() -> None:
    rng = np.random.default_rng(2)
    # a sentence holds 1.5 gold entities on average, of which 0.7 are found, and 0.2 false ones
    truth = 100 * 2 * 1.05 / (1.5 + 1.25)
    intervals = [bootstrap_interval(simulated(rng, 300, 0.7), resamples=500) for _ in range(300)]
    covered = np.mean([low <= truth <= high for low, high in intervals])
    assert covered == pytest.approx(0.95, abs=0.035)


def test_interval_is_repeatable_and_in_order() -> None:
    counts = simulated(np.random.default_rng(5), 200, 0.8)
    low, high = bootstrap_interval(counts, seed=1)
    assert bootstrap_interval(counts, seed=1) == (low, high)
    assert bootstrap_interval(counts[None], seed=1) == (low, high)
    assert 0.0 <= low < 100 * f1(counts) < high <= 100.0
    wide_low, wide_high = bootstrap_interval(counts, level=0.99, seed=1)
    assert wide_low < low
    assert high < wide_high


def test_interval_without_entities() -> None:
    assert bootstrap_interval(np.zeros((4, 3), dtype=np.int64)) == (0.0, 0.0)
