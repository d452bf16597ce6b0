"""Word vectors learned from text.

Mikolov, Sutskever, Chen, Corrado and Dean 2013, 'Distributed Representations of Words and Phrases and their
Compositionality': skip-gram with negative sampling. Bojanowski, Grave, Joulin and Mikolov 2017, 'Enriching Word Vectors
with Subword Information': the same, where a word's vector is the mean of its own and those of its subwords. Both as
gensim computes them.

Words are taken as they are written: `Protein` and `protein` have a vector each, and so have `5` and `6`. In symbols
of genes and chemicals case and digits tell names apart; a word that was never seen so written finds its lower case in
`load.rows_of`.

With one worker, the same sentences and the same options the vectors are the same bit for bit, in this process or
another.
"""

import time
import zlib
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from metalstm.errors import UserError
from metalstm.vectors.load import WordVectors
from metalstm.vectors.options import VectorOptions

Sentences = Iterable[Sequence[str]]
"""Read once for the words and once an epoch."""


def skipgram(sentences: Sentences, options: VectorOptions) -> WordVectors:
    """The vectors of all words that stand `options.min_count` times or more, the most frequent first.

    Raises UserError if no word is frequent enough.
    """
    from gensim.models import Word2Vec

    return _words_of(_fit(Word2Vec(**_arguments(options)), sentences, options).wv)


def fasttext(sentences: Sentences, options: VectorOptions, words: Iterable[str] = ()) -> WordVectors:
    """The vectors that `skipgram` gives words, made with subwords; then those of further `words`, of subwords alone.

    A word too short for any subword gets no vector unless it was learned. Raises UserError as `skipgram` does.
    """
    from gensim.models import FastText

    subwords = {"min_n": options.min_n, "max_n": options.max_n, "bucket": options.bucket}
    return with_composed(_fit(FastText(**_arguments(options), **subwords), sentences, options).wv, words)


def with_composed(keyed: Any, words: Iterable[str]) -> WordVectors:
    """The words of gensim's FastTextKeyedVectors, and of further `words` those that have subwords, composed of them."""
    from gensim.models.fasttext import ft_ngram_hashes

    learned = _words_of(keyed)
    subword = (keyed.min_n, keyed.max_n, keyed.bucket)
    further = [word for word in dict.fromkeys(words) if word not in keyed.key_to_index]
    further = [word for word in further if keyed.bucket and ft_ngram_hashes(word, *subword)]
    rows = np.zeros((len(learned.words) + len(further), keyed.vector_size), dtype=np.float32)
    rows[: len(learned.words)] = learned.vectors
    for row, word in enumerate(further, start=len(learned.words)):
        rows[row] = keyed.get_vector(word)
    return WordVectors([*learned.words, *further], rows)


def _words_of(keyed: Any) -> WordVectors:
    return WordVectors(list(keyed.index_to_key), np.asarray(keyed.vectors, dtype=np.float32))


def _arguments(options: VectorOptions) -> dict[str, Any]:
    return {
        "sg": 1,
        "vector_size": options.size,
        "window": options.window,
        "negative": options.negative,
        "sample": options.sample,
        "epochs": options.epochs,
        "min_count": options.min_count,
        "seed": options.seed,
        "workers": options.workers,
        # Python's own hash of a string differs from process to process.
        "hashfxn": _stable_hash,
    }


def _fit(model: Any, sentences: Sentences, options: VectorOptions) -> Any:
    model.build_vocab(sentences)
    if not model.wv.index_to_key:
        raise UserError(f"vectors.min_count: no word of the text stands {options.min_count} times; lower min_count")
    print(f"{model.corpus_total_words:,} tokens, {len(model.wv.index_to_key):,} words", flush=True)
    model.train(
        sentences,
        total_examples=model.corpus_count,
        total_words=model.corpus_total_words,
        epochs=options.epochs,
        callbacks=[_Progress(options.epochs)],
    )
    return model


class _Progress:
    """A line an epoch, as gensim calls it; on a large text an epoch takes minutes."""

    def __init__(self, epochs: int) -> None:
        self._epochs = epochs
        self._epoch = 0
        self._begun = time.monotonic()

    def on_train_begin(self, model: Any) -> None:
        pass

    def on_epoch_begin(self, model: Any) -> None:
        pass

    def on_epoch_end(self, model: Any) -> None:
        self._epoch += 1
        print(f"epoch {self._epoch} of {self._epochs}: {time.monotonic() - self._begun:.0f} s", flush=True)

    def on_train_end(self, model: Any) -> None:
        pass


def _stable_hash(word: str) -> int:
    return zlib.crc32(word.encode("utf-8"))
