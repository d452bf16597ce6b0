import os
import subprocess
import sys

import numpy as np
import pytest

from metalstm.errors import UserError
from metalstm.vectors.options import VectorOptions
from metalstm.vectors.word2vec import train

OPTIONS = VectorOptions(size=8, epochs=2, min_count=2)

SCRIPT = """
import sys
from pathlib import Path
import test_vectors_word2vec as test
from metalstm.vectors.load import save
save(Path(sys.argv[1]), test.train(test.text(), test.OPTIONS))
"""


def text() -> list[tuple[str, ...]]:
    """Two topics, and a word in each that the other never stands beside."""
    generator = np.random.default_rng(3)
    topics = [["Aspirin", "drug", "dose", "mg"], ["IL-2", "gene", "cell", "binds"]]
    return [tuple(generator.choice(topics[number % 2], size=6).tolist()) for number in range(400)] + [("hapax",)]


def test_words_are_kept_as_written_and_rare_ones_left_out():
    vectors = train([*text(), ("drug", "Drug"), ("Drug", "hapax")], OPTIONS.model_copy(update={"min_count": 3}))
    assert set(vectors.words) == {"Aspirin", "drug", "dose", "mg", "IL-2", "gene", "cell", "binds"}
    assert vectors.vectors.shape == (8, 8)
    assert vectors.vectors.dtype == np.float32


def test_words_of_one_topic_come_near_each_other():
    vectors = train(text(), VectorOptions(size=8, epochs=20))
    row_of = {word: row for row, word in enumerate(vectors.words)}
    unit = vectors.vectors / np.linalg.norm(vectors.vectors, axis=1, keepdims=True)
    same, other = (float(unit[row_of["Aspirin"]] @ unit[row_of[word]]) for word in ("dose", "gene"))
    assert same > other


def test_the_same_bits_again_and_others_from_another_seed():
    first, second = train(text(), OPTIONS), train(text(), OPTIONS)
    assert first.words == second.words
    assert first.vectors.tobytes() == second.vectors.tobytes()
    other = train(text(), OPTIONS.model_copy(update={"seed": 2}))
    assert other.vectors.tobytes() != first.vectors.tobytes()


def test_the_same_bits_in_processes_that_hash_strings_differently(tmp_path):
    files = []
    for hash_seed in ("1", "2"):
        files.append(tmp_path / f"{hash_seed}.bin")
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.path.dirname(__file__)}
        subprocess.run([sys.executable, "-c", SCRIPT, str(files[-1])], env=environment, check=True)
    assert files[0].read_bytes() == files[1].read_bytes()


@pytest.mark.parametrize("sentences", [[], [("a", "b")]])
def test_text_without_frequent_words_is_the_users_to_mend(sentences):
    with pytest.raises(UserError, match=r"min_count.*2 times"):
        train(sentences, OPTIONS)
