"""The names a tagger knows and their numbers: words, characters, labels, corpora, and lists of names."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from metalstm.errors import UserError
from metalstm.gazetteers.matching import NONE, Gazetteers

PADDING = 0
UNKNOWN = 1
RESERVED = ("<padding>", "<unknown>")
"""How rows 0 and 1 are shown. A token of the text spelled like that is a word of its own and gets a row of its own."""

LONGEST_SPELLING = 64

_DIGIT = re.compile(r"\d")


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Names in the order of their ids; `words` and `characters` start with the two of `RESERVED`."""

    words: tuple[str, ...]
    characters: tuple[str, ...]
    labels: tuple[str, ...]
    corpora: tuple[str, ...] = ()
    corpus_labels: tuple[tuple[str, ...], ...] = ()
    """The labels of each corpus, where each is numbered by itself; else empty, and `labels` are those of all."""
    gazetteers: Gazetteers = field(default=NONE, compare=False)
    """Lists of names known from elsewhere; by their arrays two lexicons cannot be compared."""
    _word_ids: dict[str, int] = field(init=False, repr=False, compare=False)
    _character_ids: dict[str, int] = field(init=False, repr=False, compare=False)
    _label_ids: tuple[dict[str, int], ...] = field(init=False, repr=False, compare=False)
    _corpus_ids: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Turn the names into look-up tables, in which the reserved ones do not stand."""
        object.__setattr__(self, "_word_ids", _ids(self.words, first=len(RESERVED)))
        object.__setattr__(self, "_character_ids", _ids(self.characters, first=len(RESERVED)))
        object.__setattr__(self, "_label_ids", tuple(map(_ids, self.corpus_labels or (self.labels,))))
        object.__setattr__(self, "_corpus_ids", _ids(self.corpora))

    @classmethod
    def build(
        cls,
        sentences: Iterable[tuple[Sequence[str], Sequence[str]]],
        extra_words: Iterable[str] = (),
        corpora: Iterable[str] = (),
        corpus_labels: Mapping[str, Iterable[str]] | None = None,
        gazetteers: Gazetteers = NONE,
    ) -> Self:
        """Collect the names of training text.

        `sentences` are pairs of tokens and labels; give the train split only, since a lexicon that has read other
        splits knows what it should meet as unknown. Words and characters come with the most frequent first
        (equally frequent ones in code point order), labels in code point order. `extra_words`, such as those of a
        file of word vectors, follow in the order given; they add no characters. With `corpus_labels`, which names the
        labels of every one of `corpora`, each corpus has numbers of its own for them.
        """
        words: Counter[str] = Counter()
        labels: set[str] = set()
        for tokens, sentence_labels in sentences:
            words.update(tokens)
            labels.update(sentence_labels)
        characters: Counter[str] = Counter()
        for word, count in words.items():
            for character in word:
                characters[character] += count
        seen = dict.fromkeys(_by_frequency(words)) | dict.fromkeys(extra_words)
        corpora = tuple(corpora)
        return cls(
            words=(*RESERVED, *seen),
            characters=(*RESERVED, *_by_frequency(characters)),
            labels=tuple(sorted(labels)),
            corpora=corpora,
            corpus_labels=tuple(tuple(sorted(set(corpus_labels[name]))) for name in corpora) if corpus_labels else (),
            gazetteers=gazetteers,
        )

    def word_id(self, word: str) -> int:
        """The row of a word: as written, else in lower case, else with every digit as 0 too, else `UNKNOWN`."""
        ids = self._word_ids
        found = ids.get(word)
        if found is None:
            lower = word.lower()
            found = ids.get(lower)
            if found is None:
                found = ids.get(_DIGIT.sub("0", lower), UNKNOWN)
        return found

    def spelling(self, word: str) -> list[int]:
        """The ids of a word's characters; of more than 64 characters the first and the last 32 are read."""
        if len(word) > LONGEST_SPELLING:
            word = word[: LONGEST_SPELLING // 2] + word[-LONGEST_SPELLING // 2 :]
        ids = self._character_ids
        return [ids.get(character, UNKNOWN) for character in word]

    def labels_of(self, corpus: int) -> tuple[str, ...]:
        """The labels that a sentence of the corpus with this number may have, in the order of their ids."""
        return self.corpus_labels[corpus] if self.corpus_labels else self.labels

    def label_id(self, label: str, corpus: int = 0) -> int:
        """The number of a label, in the corpus with this number; UserError if training text had no such label."""
        try:
            return self._label_ids[corpus if self.corpus_labels else 0][label]
        except KeyError:
            raise UserError(
                f"label {label!r} does not stand in the training text (known: {_listed(self.labels_of(corpus))}): "
                "check the labels' scheme, or train with a text that has it"
            ) from None

    def corpus_id(self, corpus: str) -> int:
        """The number of a corpus; UserError if the model does not know it."""
        try:
            return self._corpus_ids[corpus]
        except KeyError:
            raise UserError(f"the model knows no corpus {corpus!r}: choose one of {_listed(self.corpora)}") from None


def _ids(names: Sequence[str], first: int = 0) -> dict[str, int]:
    return {name: number for number, name in enumerate(names) if number >= first}


def _by_frequency(counts: Counter[str]) -> list[str]:
    return sorted(counts, key=lambda name: (-counts[name], name))


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) if names else "none"
