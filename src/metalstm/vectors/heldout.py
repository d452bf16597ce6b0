"""Which text holds a sentence that a corpus keeps for development or test.

Vectors that have read such a sentence know words of it that a model should meet as unknown, and scores get better than
they are. Text is compared by its lower-cased letters and digits alone: how it is tokenised, spaced and punctuated does
not matter. A sentence counts if it has at least 5 tokens and 30 letters and digits. Shorter ones are headings such as
`Materials and methods .`, and would count nearly everything.
"""

import re
from collections import defaultdict
from collections.abc import Sequence

LEAST_TOKENS = 5
LEAST_CHARACTERS = 30

_WORD = re.compile(r"[^\W_]+")
_BEGINNING = 20
"""Characters under which sentences are looked up; most places of a text have none that begins like them."""


class HeldOut:
    """The development and test sentences of corpora."""

    def __init__(self) -> None:
        """None yet."""
        self._corpora: defaultdict[str, set[str]] = defaultdict(set)
        self._by_beginning: defaultdict[str, set[str]] = defaultdict(set)

    def __len__(self) -> int:
        """How many there are, each counted once."""
        return len(self._corpora)

    def add(self, tokens: Sequence[str], corpus: str) -> None:
        """Keep a sentence of `corpus`, if it is long enough to count."""
        if len(tokens) >= LEAST_TOKENS and len(sentence := _compared(" ".join(tokens))) >= LEAST_CHARACTERS:
            self._corpora[sentence].add(corpus)
            self._by_beginning[sentence[:_BEGINNING]].add(sentence)

    def elsewhere(self, tokens: Sequence[str], corpus: str) -> bool:
        """Whether another corpus than `corpus` keeps just this sentence."""
        return bool(self._corpora.get(_compared(" ".join(tokens)), set()) - {corpus})

    def within(self, text: str) -> bool:
        """Whether a kept sentence stands in `text`, beginning where a word begins."""
        words = _WORD.findall(text.lower())
        together = "".join(words)
        start = 0
        for word in words:
            for sentence in self._by_beginning.get(together[start : start + _BEGINNING], ()):
                if together.startswith(sentence, start):
                    return True
            start += len(word)
        return False


def _compared(text: str) -> str:
    return "".join(_WORD.findall(text.lower()))
