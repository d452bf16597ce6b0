"""Word vectors learned from the train text.

Mikolov, Sutskever, Chen, Corrado and Dean 2013, 'Distributed Representations of Words and Phrases and their
Compositionality': skip-gram with negative sampling, as gensim computes it.
"""

import zlib
from collections import Counter
from collections.abc import Sequence

import numpy as np

from metalstm.errors import UserError
from metalstm.vectors.load import WordVectors
from metalstm.vectors.options import VectorOptions


def train(sentences: Sequence[Sequence[str]], options: VectorOptions) -> WordVectors:
    """The vectors of all words that stand `options.min_count` times or more, the most frequent first.

    Words are taken as they are written: `Protein` and `protein` have a vector each, and so have `5` and `6`.
    In symbols of genes and chemicals case and digits tell names apart; a word that was never seen so
    written finds its lower case in `load.lookup`.

    With one worker, the same sentences and the same options the vectors are the same bit for bit, in this
    process or another. Raises UserError if no word is frequent enough.
    """
    from gensim.models import Word2Vec

    if max(Counter(word for tokens in sentences for word in tokens).values(), default=0) < options.min_count:
        raise UserError(
            f"vectors.min_count: no word of the train text stands {options.min_count} times; lower min_count"
        )
    model = Word2Vec(
        sentences,
        sg=1,
        vector_size=options.size,
        window=options.window,
        negative=options.negative,
        epochs=options.epochs,
        min_count=options.min_count,
        seed=options.seed,
        workers=options.workers,
        # Python's own hash of a string differs from process to process.
        hashfxn=_stable_hash,
    )
    return WordVectors(list(model.wv.index_to_key), np.asarray(model.wv.vectors, dtype=np.float32))


def _stable_hash(word: str) -> int:
    return zlib.crc32(word.encode("utf-8"))
