"""Where names stand in sentences, whatever their labels."""

from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from metalstm.scoring.seen import SurfaceForm, longest_first


class Occurrence(NamedTuple):
    """The number of a sentence, from 0, and of the token there that a form begins with."""

    sentence: int
    start: int
    form: SurfaceForm


def occurrences(tokens: Sequence[Sequence[str]], forms: Collection[SurfaceForm]) -> Iterator[Occurrence]:
    """All places at which exactly the tokens of one of `forms` stand, in the order of the text, the longest first."""
    sizes = longest_first(forms)
    for sentence, words in enumerate(map(tuple, tokens)):
        for start, word in enumerate(words):
            for size in sizes.get(word, ()):
                form = words[start : start + size]
                if len(form) == size and form in forms:
                    yield Occurrence(sentence, start, form)
