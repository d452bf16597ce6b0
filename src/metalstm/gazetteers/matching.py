"""Which tokens of a sentence are a name of a list.

The gazetteer features of Ratinov and Roth 2009, 'Design Challenges and Misconceptions in Named Entity Recognition'. A
list of a taxonomy has a million names, so a name is kept as one number of 64 bits; that another run of tokens has the
same one happens once in thousands of billions of tokens.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Self

import numpy as np

from metalstm.gazetteers import MOST_LISTS

Array = np.ndarray[Any, Any]

LONGEST = 10
"""Tokens of a name; longer ones are not looked for."""
LEAST_CHARACTERS = 3
"""Of a name of one token: shorter ones are mostly something else."""

OUTSIDE, BEGIN, INSIDE, END, SINGLE = range(5)
"""What a token is to the names of a list: places as in IOBES."""

_LEAST_PLURAL = 4
"""Characters: shorter words, such as *gas*, keep their s."""
_FACTOR = np.uint64(0x9E3779B97F4A7C15)
"""Odd, so that a product modulo 2^64 forgets nothing; its bits look random."""


def normal_form(token: str) -> str:
    """How a token is compared: in lower case and without a plural's s.

    With a capital after its first character it is compared as written: `Cells` is `cell`, but the disease `ALL` is not
    the word `all`, and `siRNAs` stays what it is.
    """
    if token[1:] != token[1:].lower():
        return token
    lower = token.lower()
    is_plural = len(lower) >= _LEAST_PLURAL and lower.endswith("s") and lower[-2] not in "sui"
    return lower[:-1] if is_plural else lower


def keys(names: Iterable[Sequence[str]]) -> Array:
    """The numbers of names, `[distinct]` uint64 in order, each name the tokens of it.

    What is not looked for has none: a name too long, of one short token, or without a letter.
    """
    looked_for = [tuple(map(normal_form, name)) for name in names if _is_looked_for(name)]
    by_word = _word_keys(chain.from_iterable(looked_for))
    flat = np.array([by_word[word] for name in looked_for for word in name], np.uint64)
    lengths = np.array([len(name) for name in looked_for], np.int64)
    ends = np.cumsum(lengths)
    found = np.empty(len(lengths), np.uint64)
    for length, spans in enumerate(_spans(flat), start=1):
        of_length = lengths == length
        found[of_length] = spans[ends[of_length] - length]
    return np.unique(found)


def _is_looked_for(name: Sequence[str]) -> bool:
    has_letter = any(character.isalpha() for token in name for character in token)
    return has_letter and len(name) <= LONGEST and (len(name) > 1 or len(name[0]) >= LEAST_CHARACTERS)


@dataclass(frozen=True, slots=True, eq=False)
class Gazetteers:
    """Several lists of names, made by `together`."""

    names: tuple[str, ...]
    """What the lists are called."""
    keys: Array
    """`[keys]` uint64, in order: every name that a list has."""
    lists: Array
    """`[keys]` uint32: of each name a bit for every list that has it, the first list's the lowest."""

    @classmethod
    def together(cls, lists: Mapping[str, Array]) -> Self:
        """From the numbers of the names of each list; ValueError for more than `MOST_LISTS` lists."""
        if len(lists) > MOST_LISTS:
            raise ValueError(f"at most {MOST_LISTS} lists of names, not {len(lists)}")
        every = np.unique(np.concatenate([np.empty(0, np.uint64), *lists.values()]))
        bits = np.zeros(len(every), np.uint32)
        for number, keys in enumerate(lists.values()):
            bits[np.searchsorted(every, keys)] |= np.uint32(1 << number)
        return cls(tuple(lists), every, bits)

    def places(self, sentences: Sequence[Sequence[str]]) -> Array:
        """What each token is to each list, `[tokens, lists]` uint8, one sentence after the other.

        Of names that share a token the one that begins first counts, and of those the longest.
        """
        lengths = np.array([len(tokens) for tokens in sentences], np.int64)
        places = np.zeros((int(lengths.sum()), len(self.names)), np.uint8)
        if not len(self.keys) or not len(places):
            return places
        free_from = [0] * len(self.names)
        for start, length, lists in self._found(sentences, lengths):
            for number, free in enumerate(free_from):
                if lists >> number & 1 and start >= free:
                    _mark(places[start : start + length, number])
                    free_from[number] = start + length
        return places

    def _found(self, sentences: Sequence[Sequence[str]], lengths: Array) -> Iterator[tuple[int, int, int]]:
        """First token, length and lists of every name in the text, by first token and the longest first."""
        words = [[normal_form(token) for token in tokens] for tokens in sentences]
        by_word = _word_keys(chain.from_iterable(words))
        flat = np.array([by_word[word] for tokens in words for word in tokens], np.uint64)
        left = np.repeat(np.cumsum(lengths), lengths) - np.arange(len(flat))
        found: list[Array] = []
        for length, spans in enumerate(_spans(flat), start=1):
            rows = np.minimum(np.searchsorted(self.keys, spans), len(self.keys) - 1)
            starts = np.flatnonzero((self.keys[rows] == spans) & (left[: len(spans)] >= length))
            found.append(np.stack([starts, np.full(len(starts), length), self.lists[rows[starts]].astype(np.int64)], 1))
        spans = np.concatenate(found)
        yield from map(tuple, spans[np.lexsort((-spans[:, 1], spans[:, 0]))].tolist())


NONE = Gazetteers.together({})


def _mark(places: Array) -> None:
    """Fill in the places of one name."""
    places[:] = INSIDE
    places[0], places[-1] = BEGIN, END
    if len(places) == 1:
        places[0] = SINGLE


def _word_keys(words: Iterable[str]) -> dict[str, int]:
    """A number of 64 bits for each word, the same on every machine."""
    return {word: int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), "little") for word in {*words}}


def _spans(words: Array) -> Iterator[Array]:
    """The numbers of all runs of one token, of two and so on, by the token that they begin with."""
    spans = words
    for length in range(1, min(LONGEST, len(words)) + 1):
        yield spans
        spans = spans[:-1] * _FACTOR + words[length:]
