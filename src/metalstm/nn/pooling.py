"""What a language model says of a word at all its places nearby, as one vector.

Akbik, Bergmann and Vollgraf 2019, 'Pooled Contextualized Embeddings for Named Entity Recognition': a name that one
sentence says little of may be plain in another. Here the mean is over the sentences around, before and after, in the
order of a file, as documents are; not over everything read so far.
"""

from collections.abc import Sequence

import numpy as np

from metalstm.nn.batch import Array


def pooled(features: Sequence[Array], words: Sequence[Array], window: int) -> list[Array]:
    """The mean features of each token's word within `window` sentences before and after it, float16.

    features: of each sentence of a file, in its order, `[tokens, size]`. words: which word each token is, `[tokens]`.
    The token itself and others of its sentence count too.
    """
    lengths = [len(sentence) for sentence in words]
    if not any(lengths):
        return [values.astype(np.float16) for values in features]
    sentence_of = np.repeat(np.arange(len(words)), lengths)
    together, values = np.concatenate(words), np.concatenate(features)
    by_word = np.argsort(together, kind="stable")
    means = np.empty(values.shape, np.float16)
    for places in np.split(by_word, np.flatnonzero(np.diff(together[by_word])) + 1):
        sentences = sentence_of[places]
        first = np.searchsorted(sentences, sentences - window, side="left")
        end = np.searchsorted(sentences, sentences + window, side="right")
        sums = np.cumsum(values[places], axis=0, dtype=np.float64)
        sums = np.concatenate([np.zeros((1, values.shape[1])), sums])
        means[places] = (sums[end] - sums[first]) / (end - first)[:, None]
    return np.split(means, np.cumsum(lengths)[:-1])
