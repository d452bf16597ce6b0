"""Learning word vectors: seconds, and how alike the vectors of two runs are, with one worker and with two.

    python benchmarks/vectors.py --sentences data/text/sentences.txt [--lines 40000] [--epochs 5] [--workers 1 2]
        [--ways skipgram fasttext]

Everything runs twice, in turn, with one seed. `same bytes` says whether the two runs gave the same vectors; the
cosines are between the two vectors of a word: the median of all words, and the one that 95 of 100 words are above.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import numpy as np
from gensim.models.word2vec import LineSentence
from measuring import Row, report, row
from numpy.typing import NDArray

from metalstm.vectors import word2vec
from metalstm.vectors.load import WordVectors
from metalstm.vectors.options import VectorOptions

LEARN: dict[str, Callable[[LineSentence, VectorOptions], WordVectors]] = {
    "skipgram": word2vec.skipgram,
    "fasttext": word2vec.fasttext,
}
RUNS = 2


def cosines(one: WordVectors, other: WordVectors) -> NDArray[np.float32]:
    """Of each word's two vectors, [words]; one set of words in the same order in both."""
    assert one.words == other.words
    lengths = np.linalg.norm(one.vectors, axis=1) * np.linalg.norm(other.vectors, axis=1)
    products: NDArray[np.float32] = (one.vectors * other.vectors).sum(axis=1)
    return np.asarray(products / lengths, dtype=np.float32)


def compare(sentences: LineSentence, ways: list[str], workers: list[int], epochs: int) -> list[Row]:
    """The rows of each way to learn, with each number of workers."""
    taken: dict[tuple[str, int], list[tuple[float, float]]] = {(way, n): [] for way in ways for n in workers}
    found: dict[tuple[str, int], list[WordVectors]] = {key: [] for key in taken}
    for _ in range(RUNS):
        for way, number in taken:
            begun, used = time.perf_counter(), time.process_time()
            vectors = LEARN[way](sentences, VectorOptions(epochs=epochs, workers=number))
            taken[way, number].append((time.perf_counter() - begun, time.process_time() - used))
            found[way, number].append(vectors)
    rows = []
    for (way, number), runs in found.items():
        what = {"task": "word vectors", "workers": number, "words": len(runs[0].words)}
        wall, processor = zip(*taken[way, number], strict=True)
        alike = cosines(runs[0], runs[1])
        rows += [
            row(way, "s", wall, **what, clock="wall"),
            row(way, "s", processor, **what, clock="processor"),
            row(way, "cosine", [float(np.median(alike))], **what, of="median word"),
            row(way, "cosine", [float(np.quantile(alike, 0.05))], **what, of="word at 5 per cent"),
            row(way, "same bytes", [float(np.array_equal(runs[0].vectors, runs[1].vectors))], **what),
        ]
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sentences", type=Path, required=True, help="a sentence a line, as the stage text writes it")
    parser.add_argument("--lines", type=int, default=40_000, help="so many sentences from its beginning")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--ways", nargs="+", default=list(LEARN), choices=list(LEARN))
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, chosen.sentences.open(encoding="utf-8", newline="\n") as lines:
        beginning = Path(folder) / "sentences.txt"
        beginning.write_text("".join(islice(lines, chosen.lines)), encoding="utf-8", newline="\n")
        rows = compare(LineSentence(str(beginning)), chosen.ways, chosen.workers, chosen.epochs)
    report("vectors", rows, lines=chosen.lines, epochs=chosen.epochs)


if __name__ == "__main__":
    main()
