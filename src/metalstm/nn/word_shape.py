"""How a word is written: its capitals, its digits and its signs."""

from collections.abc import Sequence
from enum import IntEnum

import torch
from torch import Tensor, nn

from metalstm.nn.batch import real
from metalstm.nn.embeddings import category_embedding
from metalstm.nn.lexicon import RESERVED


class Kind(IntEnum):
    """What a character is to a shape; one that training text did not have, or a letter without case, is `OTHER`."""

    OTHER = 0
    LOWER = 1
    UPPER = 2
    DIGIT = 3
    SIGN = 4


class Case(IntEnum):
    """Capitals: the 'caps' feature of Collobert 2011, 'Natural Language Processing (Almost) from Scratch'."""

    NONE = 0
    """No letter that has a case."""
    LOWER = 1
    UPPER = 2
    INITIAL = 3
    """The first character and no other."""
    MIXED = 4


SHAPES = len(Case) * 2 * 2
"""Case, with a digit or without, with a sign or without."""


class WordShape(nn.Module):
    """An embedding of shapes: `module(spellings [distinct, characters], lengths [distinct]) -> [distinct, size]`."""

    kinds: Tensor
    """[alphabet] the kind of each character."""

    def __init__(self, characters: Sequence[str], size: int) -> None:
        """Draw the embedding from torch's default generator; `characters` are those of a lexicon."""
        super().__init__()
        self.embedding = category_embedding(SHAPES, size)
        kinds = [Kind.OTHER] * len(RESERVED) + [kind(character) for character in characters[len(RESERVED) :]]
        # The lexicon says it anew whenever a tagger is rebuilt.
        self.register_buffer("kinds", torch.tensor(kinds), persistent=False)

    def forward(self, spellings: Tensor, lengths: Tensor) -> Tensor:
        """The embedding of each word's shape; padding is never read."""
        features: Tensor = self.embedding(self.shapes(spellings, lengths))
        return features

    def shapes(self, spellings: Tensor, lengths: Tensor) -> Tensor:
        """The number of each word's shape, `[distinct]`, below `SHAPES`."""
        kinds = self.kinds[spellings].masked_fill(~real(lengths, spellings.shape[1]), Kind.OTHER)
        uppers = (kinds == Kind.UPPER).sum(dim=1)
        has_lower = (kinds == Kind.LOWER).any(dim=1)
        is_initial = (uppers == 1) & (kinds[:, 0] == Kind.UPPER)
        capitals = torch.where(has_lower, torch.where(is_initial, Case.INITIAL, Case.MIXED), Case.UPPER)
        case = torch.where(uppers > 0, capitals, torch.where(has_lower, Case.LOWER, Case.NONE))
        has_digit, has_sign = ((kinds == sought).any(dim=1).long() for sought in (Kind.DIGIT, Kind.SIGN))
        return (case * 2 + has_digit) * 2 + has_sign


def kind(character: str) -> Kind:
    """The kind of one character."""
    if character.islower():
        return Kind.LOWER
    if character.isupper():
        return Kind.UPPER
    if character.isdigit():
        return Kind.DIGIT
    return Kind.OTHER if character.isalnum() else Kind.SIGN
