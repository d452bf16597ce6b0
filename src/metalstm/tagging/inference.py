"""The tagger without torch, whose import alone takes longer than to tag thousands of sentences.

The arithmetic of `nn.tagger.Tagger` in evaluation mode, in float32 by numpy, for the common network: LSTM layers over
words and a character CNN, no attention. Since nothing is dropped, a word has the same features wherever it stands: what
the first layer's gates get from it is computed once for all its places.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file

from metalstm.files import sha256
from metalstm.nn.lexicon import Lexicon

Array = np.ndarray[Any, Any]

# What `nn.storage` writes, as far as this module reads it; that room cannot be asked without torch.
DESCRIPTION, WEIGHTS = "model.json", "model.safetensors"
FORMAT, VERSION = "metalstm tagger", 1
OPTIONS = {
    *("word_size", "word_shape", "tune_words", "characters", "cell", "cell_options", "hidden_size", "num_layers"),
    *("attention", "multitask", "context", "pooling_window", "gazetteers", "crf", "dropout", "kernels"),
}
_NAMES = ("words", "characters", "labels", "corpora")
TOKENS_AT_ONCE = 150_000
"""Tokens whose words are looked up together; the table of their gates is about as large as that of the words."""
SENTENCES_AT_ONCE = 128
"""Sentences of like length that a layer reads side by side."""
FORBIDDEN = np.float32(-1e18)


class Direction(NamedTuple):
    """One direction of an LSTM layer: what gives the gates i, f, o and g, one after the other.

    Times -1, and for g -2: sigma(x) = 1 / (1 + exp(-x)) and tanh(x) = 2 sigma(2 x) - 1, so that one exponential serves
    all four. It takes half as long as numpy's tanh.
    """

    from_inputs: Array
    """`[4, inputs, hidden]`"""
    from_state: Array
    """`[4, hidden, hidden]`"""
    bias: Array
    """`[4, 1, hidden]`"""


@dataclass(frozen=True, slots=True)
class ArrayTagger:
    """A trained tagger as plain arrays."""

    lexicon: Lexicon
    words: Array
    """`[words, size]`"""
    filters: Array | None
    """`[characters, width, filters]`: what each character adds at each place of each filter."""
    filter_bias: Array
    layers: tuple[tuple[Direction, Direction], ...]
    emission: Array
    """`[2 * hidden, labels]`"""
    emission_bias: Array
    transitions: Array
    """`[from, to]`, with start and end beside it `[labels]`; what decoding may not choose is `FORBIDDEN`."""
    start: Array
    end: Array

    def label(self, sentences: Sequence[Sequence[str]]) -> list[list[str]]:
        """The best labels of each sentence, as `Tagger.decode_labels` gives them; none for an empty sentence."""
        names = self.lexicon.labels
        found: list[list[str]] = []
        for first, last in _parts(sentences):
            part = sentences[first:last]
            lengths = np.array([len(tokens) for tokens in part])
            paths = iter(self._viterbi(self.emissions(part, lengths), lengths).tolist())
            found += [[names[next(paths)] for _ in tokens] for tokens in part]
        return found

    def emissions(self, sentences: Sequence[Sequence[str]], lengths: Array) -> Array:
        """The scores of each label at each token, `[tokens, labels]`, in the order of the text."""
        flat = list(chain.from_iterable(sentences))
        numbers = {word: number for number, word in enumerate(dict.fromkeys(flat))}
        read = np.fromiter(map(numbers.__getitem__, flat), np.int64, len(flat))
        below = self._features(list(numbers))
        starts = np.cumsum(lengths) - lengths
        order = np.argsort(-lengths, kind="stable")
        order = order[: np.count_nonzero(lengths)]
        hidden = len(self.emission) // 2
        scores = np.tile(self.emission_bias, (len(read), 1))
        for depth, layer in enumerate(self.layers, start=1):
            # Of the last layer only the scores are kept: memory that is touched once costs as much as the recurrence.
            above = np.empty((len(read), 2 * hidden), np.float32) if depth < len(self.layers) else None
            for side, direction in enumerate(layer):
                gates = below @ direction.from_inputs
                gates += direction.bias
                column = slice(side * hidden, (side + 1) * hidden)
                for place in range(0, len(order), SENTENCES_AT_ONCE):
                    rows = order[place : place + SENTENCES_AT_ONCE]
                    tokens, counts = _steps(starts[rows], lengths[rows], backwards=side == 1)
                    states = _recur(gates, read[tokens], counts, direction.from_state)
                    if above is None:
                        scores[tokens] += states @ self.emission[column]
                    else:
                        above[tokens, column] = states
            if above is not None:
                below, read = above, np.arange(len(read))
        return scores

    def _features(self, words: Sequence[str]) -> Array:
        """Of each word `[words, word size + filters]`."""
        ids = np.array([self.lexicon.word_id(word) for word in words], np.int64)
        if self.filters is None:
            return self.words[ids]
        spellings = [self.lexicon.spelling(word) for word in words]
        by_length: dict[int, list[int]] = {}
        for number, spelling in enumerate(spellings):
            by_length.setdefault(len(spelling), []).append(number)
        spelled = np.empty((len(words), len(self.filter_bias)), np.float32)
        for numbers in by_length.values():
            spelled[numbers] = self._convolution_maximum(np.array([spellings[number] for number in numbers]))
        return np.concatenate([self.words[ids], spelled], axis=1)

    def _convolution_maximum(self, spellings: Array) -> Array:
        """`nn.characters.CharacterCNN` for words `[words, characters]` of one length."""
        assert self.filters is not None
        _, width, size = self.filters.shape
        length, middle = spellings.shape[1], width // 2
        around = np.zeros((len(spellings), length, size), np.float32)
        for place in range(width):
            away = place - middle  # the filter's place reads the character so many places after its middle
            first, last = max(0, -away), min(length, length - away)
            if first < last:
                around[:, first:last] += self.filters[spellings[:, first + away : last + away], place]
        greatest: Array = around.max(axis=1) + self.filter_bias
        return greatest

    def _viterbi(self, emissions: Array, lengths: Array) -> Array:
        """The best label of each token, `[tokens]` (Rabiner 1989, 32 to 35), with sentences side by side."""
        order = np.argsort(-lengths, kind="stable")
        starts, sizes = (np.cumsum(lengths) - lengths)[order], lengths[order]
        scores = np.ascontiguousarray(emissions.T)
        ways_to = self.transitions[:, :, None]
        paths = np.empty(len(emissions), np.int64)
        counts = np.count_nonzero(np.arange(sizes.max(initial=0))[:, None] < sizes, axis=1)
        if not len(counts):
            return paths
        last = np.empty((len(self.end), counts[0]), np.float32)
        pointers = []
        delta = self.start[:, None] + scores[:, starts[: counts[0]]]  # delta_1(j) = start_j + e_1(j)
        for step, count in enumerate(counts[1:].tolist(), start=1):
            last[:, count : delta.shape[1]] = delta[:, count:]
            best = delta[0, :count] + ways_to[0]
            pointer = np.zeros(best.shape, np.int16)  # psi_t(j) = argmax_i delta_{t-1}(i) + a_ij
            for label in range(1, len(delta)):
                ways = delta[label, :count] + ways_to[label]
                np.copyto(pointer, label, where=ways > best)
                np.maximum(best, ways, out=best)
            pointers.append(pointer)
            delta = best + scores[:, starts[:count] + step]
        last[:, : delta.shape[1]] = delta
        labels = (last + self.end[:, None]).argmax(axis=0)
        for step in range(len(counts) - 1, 0, -1):
            count = counts[step]
            paths[starts[:count] + step] = labels[:count]
            labels[:count] = pointers[step - 1][labels[:count], np.arange(count)]  # y_{t-1} = psi_t(y_t)
        paths[starts[: counts[0]]] = labels
        return paths


def load(directory: Path) -> ArrayTagger | None:
    """The tagger that `nn.storage` wrote, or None where that room has to answer.

    That is where the network is another one than this module computes, and where files are missing or damaged.
    """
    try:
        content = json.loads((directory / DESCRIPTION).read_text(encoding="utf-8"))
        if content["format"] != FORMAT or content["version"] != VERSION or content.get("continued_sha256"):
            return None
        options, names = content["options"], content["lexicon"]
        if names.get("corpus_labels") or not names.keys() <= {*_NAMES, "corpus_labels"} or not _serves(options):
            return None
        if sha256(directory / WEIGHTS) != content["weights_sha256"]:
            return None
        weights = _Weights(load_file(directory / WEIGHTS))
        words, characters, labels, corpora = (tuple(names[kind]) for kind in _NAMES)
        tagger = _tagger(Lexicon(words, characters, labels, corpora), options, weights)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, SafetensorError):
        return None
    return tagger if weights.all_taken else None


def _serves(options: dict[str, Any]) -> bool:
    """Whether the network is of the kind, and has nothing that this module never heard of."""
    return (
        options.keys() <= OPTIONS
        and options["cell"] in ("lstm", "torchlstm")
        and options["characters"]["encoder"] in ("cnn", "none")
        and options.get("word_shape", 0) == 0
        and options["attention"]["heads"] == 0
        and options.get("multitask") is None
        and options.get("context") is None
        and not options.get("gazetteers")
    )


class _Weights:
    """Arrays by name, which tell whether every one of them was asked for."""

    def __init__(self, arrays: dict[str, Array]) -> None:
        self._arrays = arrays
        self._left = set(arrays)

    def __getitem__(self, name: str) -> Array:
        self._left.discard(name)
        return self._arrays[name]

    @property
    def all_taken(self) -> bool:
        return not self._left


def _tagger(lexicon: Lexicon, options: dict[str, Any], weights: _Weights) -> ArrayTagger:
    filters, filter_bias = None, np.empty(0, np.float32)
    if options["characters"]["encoder"] == "cnn":
        by_place = weights["characters.convolution.weight"].transpose(1, 2, 0)  # [size, width, filters]
        filters = np.tensordot(weights["characters.embedding.weight"], by_place, axes=1)
        filter_bias = weights["characters.convolution.bias"]
    transitions, start, end = (weights[f"crf.{name}"] for name in ("transitions", "start", "end"))
    if options["crf"]["valid_when_decoding"]:
        allowed = _allowed(lexicon.labels)
        transitions, start, end = (
            np.where(possible, scores, FORBIDDEN)
            for possible, scores in zip(allowed, (transitions, start, end), strict=True)
        )
    return ArrayTagger(
        lexicon=lexicon,
        words=weights["words.weight"],
        filters=filters,
        filter_bias=filter_bias,
        layers=tuple(
            (_direction(weights, options["cell"], depth, 0), _direction(weights, options["cell"], depth, 1))
            for depth in range(options["num_layers"])
        ),
        emission=np.ascontiguousarray(weights["emission.weight"].T),
        emission_bias=weights["emission.bias"],
        transitions=transitions,
        start=start,
        end=end,
    )


def _direction(weights: _Weights, cell: str, depth: int, side: int) -> Direction:
    prefix = f"encoder.layers.{depth}.{side}."
    if cell == "lstm":
        from_inputs, from_state, bias = (weights[prefix + name] for name in ("W_x", "W_h", "b"))
    else:
        named = {name: weights[f"{prefix}lstm.{name}_l0"] for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")}
        from_inputs, from_state = named["weight_ih"], named["weight_hh"]
        bias = named["bias_ih"] + named["bias_hh"]
    return Direction(*map(_by_gate, (from_inputs, from_state, bias[:, None])))


def _by_gate(weights: Array) -> Array:
    """`[4 * hidden, inputs]`, of the gates i, f, g, o, as a `Direction` has them."""
    i, f, g, o = np.split(weights, 4)
    return np.ascontiguousarray(np.stack([-i, -f, -o, -2.0 * g]).transpose(0, 2, 1))


def _allowed(labels: Sequence[str]) -> tuple[Array, Array, Array]:
    """`nn.iobes.allowed_transitions`, for labels that it has accepted."""
    positions, _, types = zip(*(label.partition("-") for label in labels), strict=True)
    opens = np.array([position in "OBS" for position in positions])
    closes = np.array([position in "OES" for position in positions])
    same = np.array(types)[:, None] == np.array(types)
    return (closes[:, None] & opens) | (~closes[:, None] & ~opens & same), opens, closes


def _parts(sentences: Sequence[Sequence[str]]) -> list[tuple[int, int]]:
    """First and last (left out) of runs of sentences that have about `TOKENS_AT_ONCE` tokens."""
    bounds, tokens = [0], 0
    for number, sentence in enumerate(sentences, start=1):
        tokens += len(sentence)
        if tokens >= TOKENS_AT_ONCE or number == len(sentences):
            bounds.append(number)
            tokens = 0
    return list(pairwise(bounds))


def _steps(starts: Array, lengths: Array, *, backwards: bool) -> tuple[Array, list[int]]:
    """The tokens of sentences, longest first, step after step; and how many sentences have each step."""
    steps = np.arange(lengths[0])[:, None]
    inside = steps < lengths
    tokens = starts + (lengths - 1 - steps if backwards else steps)
    return tokens[inside], np.count_nonzero(inside, axis=1).tolist()


def _recur(inputs: Array, read: Array, counts: Sequence[int], from_state: Array) -> Array:
    """h `[tokens, hidden]`, where row `read[token]` of `inputs [4, _, hidden]` is what the gates get from below."""
    hidden = from_state.shape[2]
    outputs = np.empty((len(read), hidden), np.float32)
    c = np.zeros((counts[0], hidden), np.float32)
    first, h = 0, c[:0]
    room = np.empty((2, 4 * counts[0] * hidden), np.float32)
    for count in counts:
        gates, recurrent = room[:, : 4 * count * hidden].reshape(2, 4, count, hidden)
        # With mode="raise" numpy would write elsewhere first, and copy.
        inputs.take(read[first : first + count], axis=1, out=gates, mode="clip")
        if first:
            gates += np.matmul(h[:count], from_state, out=recurrent)
        _one_over_one_plus_exp(gates)
        i, f, o, g = gates
        g *= 2.0
        g -= 1.0
        c = c[:count]
        c *= f  # c' = f * c + i * g
        g *= i
        c += g
        h = np.multiply(c, -2.0, out=outputs[first : first + count])
        _one_over_one_plus_exp(h)
        h *= 2.0
        h -= 1.0
        h *= o  # h' = o * tanh(c')
        first += count
    return outputs


def _one_over_one_plus_exp(values: Array) -> None:
    """In place: sigma(x) where -x stood."""
    with np.errstate(over="ignore"):  # an infinity gives the 0 that is meant
        np.exp(values, out=values)
    values += 1.0
    np.divide(1.0, values, out=values)
