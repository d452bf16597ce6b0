"""Which text holds a sentence that a corpus keeps for development or test.

Vectors that have read such a sentence know words of it that a model should meet as unknown, and scores get better than
they are. Text is compared by its lower-cased letters and digits alone: how it is tokenised, spaced and punctuated does
not matter. Nor does whether it is ASCII, in which the MTL-Bioinformatics-2016 corpora write everything: `TNFα` and
`TNFalpha` are one. A sentence counts if it has at least 5 tokens and 30 letters and digits. Shorter ones are headings
such as `Materials and methods .`, and would count nearly everything.
"""

import re
from collections import defaultdict
from collections.abc import Sequence

from metalstm.spelling import in_ascii

LEAST_TOKENS = 5
LEAST_CHARACTERS = 30

_WORD = re.compile(r"[^\W_]+")
_BEGINNING = 20
"""Characters under which sentences are looked up; most places of a text have none that begins like them."""


class HeldOut:
    """The development and test sentences of corpora."""

    def __init__(self) -> None:
        """None yet."""
        self._sentences: set[str] = set()
        # As they stand and in ASCII.
        self._corpora: defaultdict[str, set[str]] = defaultdict(set)
        self._by_beginning: defaultdict[str, set[str]] = defaultdict(set)

    def __len__(self) -> int:
        """How many there are, each counted once."""
        return len(self._sentences)

    def add(self, tokens: Sequence[str], corpus: str) -> None:
        """Keep a sentence of `corpus`, if it is long enough to count."""
        text = " ".join(tokens)
        if len(tokens) >= LEAST_TOKENS and len(sentence := _compared(text)) >= LEAST_CHARACTERS:
            self._sentences.add(sentence)
            for spelled in map(_compared, _spellings(text)):
                self._corpora[spelled].add(corpus)
                self._by_beginning[spelled[:_BEGINNING]].add(spelled)

    def elsewhere(self, tokens: Sequence[str], corpus: str) -> bool:
        """Whether another corpus than `corpus` keeps just this sentence, in whichever spelling."""
        spelled = map(_compared, _spellings(" ".join(tokens)))
        return any(self._corpora.get(sentence, set()) - {corpus} for sentence in spelled)

    def within(self, text: str) -> bool:
        """Whether a kept sentence stands in `text`, in whichever spelling, beginning where a word begins."""
        return any(map(self._stands_in, _spellings(text)))

    def _stands_in(self, text: str) -> bool:
        words = _WORD.findall(text.lower())
        together = "".join(words)
        start = 0
        for word in words:
            for sentence in self._by_beginning.get(together[start : start + _BEGINNING], ()):
                if together.startswith(sentence, start):
                    return True
            start += len(word)
        return False


def _spellings(text: str) -> tuple[str, ...]:
    """The text as it stands and, if that is not the same, in ASCII.

    Both, since a sign that does not count may be spelled with letters: `×` as `x`.
    """
    return (text,) if text.isascii() else (text, in_ascii(text))


def _compared(text: str) -> str:
    return "".join(_WORD.findall(text.lower()))
