import os
import subprocess
import sys

import numpy as np
import pytest

from metalstm.errors import UserError
from metalstm.vectors.options import VectorOptions
from metalstm.vectors.word2vec import fasttext, skipgram

OPTIONS = VectorOptions(size=8, epochs=2, min_count=2, bucket=500)
LEARNERS = {"skipgram": skipgram, "fasttext": fasttext}

SCRIPT = """
import sys
from pathlib import Path
import test_vectors_word2vec as test
from metalstm.vectors.load import save
save(Path(sys.argv[1]), test.LEARNERS[sys.argv[2]](test.text(), test.OPTIONS))
"""


def text() -> list[tuple[str, ...]]:
    """Two topics, and a word in each that the other never stands beside."""
    generator = np.random.default_rng(3)
    topics = [["Aspirin", "drug", "dose", "mg"], ["IL-2", "gene", "cell", "binds"]]
    return [tuple(generator.choice(topics[number % 2], size=6).tolist()) for number in range(400)] + [("hapax",)]


@pytest.fixture(params=LEARNERS)
def learner(request):
    return request.param


def test_words_are_kept_as_written_and_rare_ones_left_out(learner):
    options = OPTIONS.model_copy(update={"min_count": 3})
    vectors = LEARNERS[learner]([*text(), ("drug", "Drug"), ("Drug", "hapax")], options)
    assert set(vectors.words) == {"Aspirin", "drug", "dose", "mg", "IL-2", "gene", "cell", "binds"}
    assert vectors.vectors.shape == (8, 8)
    assert vectors.vectors.dtype == np.float32


def test_words_of_one_topic_come_near_each_other(learner):
    vectors = LEARNERS[learner](text(), VectorOptions(size=8, epochs=20, bucket=500))
    row_of = {word: row for row, word in enumerate(vectors.words)}
    unit = vectors.vectors / np.linalg.norm(vectors.vectors, axis=1, keepdims=True)
    same, other = (float(unit[row_of["Aspirin"]] @ unit[row_of[word]]) for word in ("dose", "gene"))
    assert same > other


def test_the_same_bits_again_and_others_from_another_seed(learner):
    first, second = (LEARNERS[learner](text(), OPTIONS) for _ in range(2))
    assert first.words == second.words
    assert first.vectors.tobytes() == second.vectors.tobytes()
    other = LEARNERS[learner](text(), OPTIONS.model_copy(update={"seed": 2}))
    assert other.vectors.tobytes() != first.vectors.tobytes()


def test_the_same_bits_in_processes_that_hash_strings_differently(tmp_path, learner):
    files = []
    for hash_seed in ("1", "2"):
        files.append(tmp_path / f"{hash_seed}.bin")
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.path.dirname(__file__)}
        subprocess.run([sys.executable, "-c", SCRIPT, str(files[-1]), learner], env=environment, check=True)
    assert files[0].read_bytes() == files[1].read_bytes()


@pytest.mark.parametrize("sentences", [[], [("a", "b")]])
def test_text_without_frequent_words_is_the_users_to_mend(sentences, learner):
    with pytest.raises(UserError, match=r"min_count.*2 times"):
        LEARNERS[learner](sentences, OPTIONS)


def test_further_words_get_vectors_of_their_subwords():
    options = OPTIONS.model_copy(update={"epochs": 20, "min_n": 3, "max_n": 4})
    vectors = fasttext(text(), options, ["Aspirine", "gene", "x", "Aspirine", "\U0001d54f"])
    assert vectors.words[:8] == fasttext(text(), options).words
    assert vectors.words[8:10] == ["Aspirine", "x"]
    row_of = {word: row for row, word in enumerate(vectors.words)}
    unit = vectors.vectors / np.linalg.norm(vectors.vectors, axis=1, keepdims=True)
    assert unit[row_of["Aspirine"]] @ unit[row_of["Aspirin"]] > unit[row_of["Aspirine"]] @ unit[row_of["cell"]]


def test_a_word_too_short_for_any_subword_gets_none():
    options = OPTIONS.model_copy(update={"min_n": 5, "max_n": 6})
    assert fasttext(text(), options, ["abc", "ab"]).words[8:] == ["abc"]
