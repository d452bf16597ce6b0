"""Tables of vectors for words and characters, and how their values start."""

import math

import torch
from torch import Tensor, nn

from metalstm.errors import UserError
from metalstm.nn.lexicon import PADDING

_ROWS_AT_ONCE = 1 << 12
"""A table of words may take a sixth of a training's memory: it is never copied as a whole."""


def random_embedding(rows: int, size: int, *, sparse: bool = False) -> nn.Embedding:
    """A table `[rows, size]` from U(-sqrt(3/size), sqrt(3/size)), that is of variance 1/size (Ma and Hovy 2016).

    The padding row is zero and gets no gradient. With `sparse` the gradient holds the rows of a batch only.
    """
    embedding = nn.Embedding(rows, size, padding_idx=PADDING, sparse=sparse)
    _draw(embedding)
    with torch.no_grad():
        embedding.weight[PADDING].zero_()
    return embedding


def category_embedding(categories: int, size: int) -> nn.Embedding:
    """A table `[categories, size]` of the same distribution, without a row for padding."""
    embedding = nn.Embedding(max(1, categories), size)
    _draw(embedding)
    return embedding


def word_embedding(rows: int, size: int, vectors: Tensor | None, *, tuned: bool) -> nn.Embedding:
    """A word table that starts from `vectors [rows, size]` where there are any.

    A row of `vectors` with a NaN says that the word has no vector: it starts at random. A tuned table has sparse
    gradients, another one is frozen. Raises UserError if the vectors do not fit.
    """
    embedding = random_embedding(rows, size, sparse=tuned)
    if vectors is not None:
        if vectors.shape != (rows, size):
            raise UserError(
                f"word vectors of shape {list(vectors.shape)} do not fit {rows} words of {size} values: "
                "make the vectors again, with this vectors.size and these words"
            )
        with torch.no_grad():
            parts = (torch.split(table, _ROWS_AT_ONCE) for table in (embedding.weight, vectors))
            for part, given in zip(*parts, strict=True):
                has_vector = ~given.isnan().any(dim=1, keepdim=True)
                part.copy_(torch.where(has_vector, given.to(part.dtype), part))
            embedding.weight[PADDING].zero_()
    embedding.weight.requires_grad_(tuned)
    return embedding


def _draw(embedding: nn.Embedding) -> None:
    bound = math.sqrt(3 / embedding.embedding_dim)
    with torch.no_grad():
        embedding.weight.uniform_(-bound, bound)
