"""How a language model is learned: one pass over sentences, against words drawn at random."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from metalstm.errors import UserError
from metalstm.nn.batch import Array, real
from metalstm.nn.language_model import ContextualVectors, LanguageModel
from metalstm.training.batches import Part, epoch_order
from metalstm.training.optimisers import for_parameters
from metalstm.training.options import LanguageModelOptions, OptimiserOptions

LONGEST = 120
"""Tokens; what a sentence has beyond them is a sentence of its own."""
HELD_OUT = 400
"""Sentences, a tenth of them all at most, that are not learned from."""
SUMMARISED = 4000
"""Sentences whose states the principal components are taken from."""
CLIP_NORM = 1.0
WARMUP_STEPS = 100
REPORTS = 10
SCORES_AT_ONCE = 50_000_000
"""Where every word is an answer: tokens times words whose scores are in memory together."""


@dataclass(frozen=True, slots=True)
class Learned:
    """A language model, and how well it predicts sentences that it has not read."""

    contextual: ContextualVectors
    tokens: int
    """Learned from."""
    perplexity_forward: float
    """Of the next word, over all words that have a vector and the sentence's end."""
    perplexity_backward: float


def learn(sentences: Sequence[Array], vectors: Tensor, options: LanguageModelOptions) -> Learned:
    """Learn from sentences of the numbers of `vectors [words, size]`; `words + 1` is a word without one.

    The order, the weights and what is drawn follow from `options.seed` alone: torch's default generator is seeded
    here. In one thread on one machine the result is the same bit for bit.

    Raises UserError for text in which next to no word has a vector.
    """
    torch.manual_seed(options.seed)
    order = torch.Generator().manual_seed(options.seed)
    pieces = [piece[start : start + LONGEST] for piece in sentences for start in range(0, len(piece), LONGEST)]
    shuffled = [pieces[place] for place in torch.randperm(len(pieces), generator=order).tolist()]
    held_out = min(HELD_OUT, len(shuffled) // 10)
    unseen, seen = shuffled[:held_out], shuffled[held_out:]
    if sum(np.count_nonzero(piece < len(vectors)) for piece in seen) < 2:
        raise UserError("what was read holds no two words that have a vector; read more `tokens`, or name more text")

    counts = np.bincount(np.concatenate(seen), minlength=len(vectors) + 2)[:-1].astype(np.float64)
    counts[-1] = len(seen)  # the boundary, that no sentence holds
    frequencies = (counts + 0.1) / (counts + 0.1).sum()
    contextual = ContextualVectors(vectors.shape[1], options)
    model = LanguageModel(contextual, vectors, torch.from_numpy(frequencies).float())
    _train(model, seen, _Draws(frequencies, options), options, order)
    states, read = _states(model, seen[:SUMMARISED])
    contextual.summarise(states, spread=float(read.std()))
    forward, backward = _perplexity(model, unseen)
    return Learned(contextual, sum(map(len, seen)), forward, backward)


class _Draws:
    """Words drawn with a probability proportional to frequency ** 0.75 (Mikolov 2013, as for the word vectors)."""

    def __init__(self, frequencies: Array, options: LanguageModelOptions) -> None:
        share = frequencies**0.75 / (frequencies**0.75).sum()
        self._sums = np.cumsum(share)
        self._negative = options.negative
        self._generator = np.random.default_rng(options.seed)
        self.expected = torch.from_numpy(np.log(share * options.negative)).float()

    def __call__(self) -> Tensor:
        places = np.searchsorted(self._sums, self._generator.random(self._negative))
        return torch.from_numpy(places.clip(max=len(self._sums) - 1))


def _train(
    model: LanguageModel, sentences: list[Array], draws: _Draws, options: LanguageModelOptions, order: torch.Generator
) -> None:
    optimiser = for_parameters(
        OptimiserOptions(name="adam", learning_rate=options.learning_rate), list(model.parameters())
    )
    whole = [Part(range(len(sentences)), len(sentences))]
    batches = epoch_order([len(sentence) for sentence in sentences], whole, options.batch_size, order)
    begun, tokens, loss_sum = time.monotonic(), 0, 0.0
    every = -(-len(batches) // REPORTS)
    for step, rows in enumerate(batches, start=1):
        share = min(1.0, step / WARMUP_STEPS) * (1.0 - (step - 1) / len(batches))
        optimiser.set_rate(share)
        words, lengths = _padded([sentences[row] for row in rows], model.boundary)
        after, before = model.loss(words, lengths, draws(), draws.expected)
        optimiser.zero_grad()
        (after + before).backward()  # type: ignore[no-untyped-call]
        optimiser.clip(CLIP_NORM)
        optimiser.step()
        tokens += int(lengths.sum())
        loss_sum += (after + before).item() / 2
        if step % every == 0 or step == len(batches):
            done = (step - 1) % every + 1
            speed = tokens / (time.monotonic() - begun)
            print(f"{tokens:,} tokens  loss {loss_sum / done:.3f}  {speed:,.0f} tokens/s", flush=True)
            loss_sum = 0.0


@torch.no_grad()
def _states(model: LanguageModel, sentences: list[Array]) -> tuple[Tensor, Tensor]:
    """The states `[tokens, 2 * hidden_size]` of sentences, and the word vectors `[tokens, size]` that were read."""
    found: list[Tensor] = []
    vectors: list[Tensor] = []
    for words, lengths in _all(sentences, 64, model.boundary):
        inside = real(lengths, words.shape[1])
        found.append(model.states(words, lengths)[inside])
        vectors.append(model.vectors[words[inside & (words < model.boundary)]])
    return torch.cat(found), torch.cat(vectors)


@torch.no_grad()
def _perplexity(model: LanguageModel, sentences: list[Array]) -> tuple[float, float]:
    """Forward and backward, with every word as an answer; NaN where there is no sentence."""
    everything = torch.arange(model.boundary + 1)
    exact = torch.zeros(model.boundary + 1)
    losses, answers = torch.zeros(2), torch.zeros(2)
    at_once = max(1, min(8, SCORES_AT_ONCE // (LONGEST * len(everything))))
    for words, lengths in _all(sentences, at_once, model.boundary):
        some = model.answers(words, lengths)
        losses += torch.where(some > 0, torch.stack(model.loss(words, lengths, everything, exact)) * some, 0.0)
        answers += some
    forward, backward = (losses / answers).exp().tolist()
    return forward, backward


def _all(sentences: list[Array], size: int, padding: int) -> Iterator[tuple[Tensor, Tensor]]:
    return (_padded(sentences[first : first + size], padding) for first in range(0, len(sentences), size))


def _padded(sentences: list[Array], padding: int) -> tuple[Tensor, Tensor]:
    """Sentences side by side, `[batch, time]`, and their lengths `[batch]`."""
    lengths = np.array([len(sentence) for sentence in sentences])
    words = np.full((len(sentences), lengths.max()), padding, dtype=np.int64)
    words[np.arange(lengths.max()) < lengths[:, None]] = np.concatenate(sentences)
    return torch.from_numpy(words), torch.from_numpy(lengths)
