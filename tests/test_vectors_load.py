import gzip
import lzma
import subprocess
import sys

import numpy as np
import pytest
from gensim.models import FastText, KeyedVectors
from gensim.models.fasttext import save_facebook_model
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from metalstm.errors import UserError
from metalstm.vectors.load import WordVectors, detect, has_subwords, load, load_subwords, lookup, rows_of, save

WORDS = ["the", "β-catenin", '"', "5", "x\u0085y", "a\u00a0b", "null"]
VECTORS = WordVectors(WORDS, np.linspace(-1.5, 2.5, num=len(WORDS) * 4, dtype=np.float32).reshape(-1, 4))


def lines(vectors: WordVectors, end: str = "\n") -> str:
    rows = zip(vectors.words, vectors.vectors, strict=True)
    return "".join(f"{word} {' '.join(repr(float(value)) for value in row)}{end}" for word, row in rows)


def same(left: WordVectors, right: WordVectors) -> bool:
    return left.words == right.words and left.vectors.tobytes() == right.vectors.tobytes()


HEADER = f"{len(WORDS)} 4\n"
FILES = {
    "word2vec text": (HEADER + lines(VECTORS)).encode(),
    "word2vec text with CRLF": (HEADER.strip() + "\r\n" + lines(VECTORS, "\r\n")).encode(),
    "fastText, a space at each line's end": (HEADER + lines(VECTORS, " \n")).encode(),
    "GloVe text": lines(VECTORS).encode(),
    "GloVe text without the last line end": lines(VECTORS).rstrip("\n").encode(),
    "word2vec binary": HEADER.encode()
    + b"".join(word.encode() + b" " + row.tobytes() for word, row in zip(WORDS, VECTORS.vectors, strict=True)),
    "word2vec binary with line ends": HEADER.encode()
    + b"".join(word.encode() + b" " + row.tobytes() + b"\n" for word, row in zip(WORDS, VECTORS.vectors, strict=True)),
}


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize(("ending", "packed"), [("", bytes), (".gz", gzip.compress), (".xz", lzma.compress)])
def test_every_format_gives_the_same_vectors(tmp_path, kind, ending, packed):
    path = tmp_path / f"vectors{ending}"
    path.write_bytes(packed(FILES[kind]))
    assert same(load(path), VECTORS)
    assert load(path).vectors.dtype == np.float32


@pytest.mark.parametrize(
    ("content", "format"),
    [
        (b"2 1\na 0.5\nb 0.25\n", "word2vec text"),
        (b"1 1\na \x00\x00\x00\x00", "word2vec binary"),
        (b"1 1\na\xff \x00\x00\x00\x00", "word2vec binary"),
        ("1 2\né 1 2\n".encode("latin-1"), "word2vec text"),
        (b"a 0.5 0.25\n", "GloVe text"),
    ],
)
def test_formats_are_told_apart(tmp_path, content, format):
    (tmp_path / "vectors").write_bytes(content)
    assert detect(tmp_path / "vectors") == format


names = st.text(st.characters(exclude_categories=["Cs"], exclude_characters=" \n\0"), min_size=1, max_size=6)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data(), words=st.lists(names, min_size=1, max_size=6, unique=True), size=st.integers(1, 5))
def test_what_is_saved_is_loaded(tmp_path, data, words, size):
    finite = st.floats(width=32, allow_nan=False, allow_infinity=False)
    vectors = WordVectors(words, data.draw(arrays(np.float32, (len(words), size), elements=finite)))
    save(tmp_path / "saved.bin", vectors)
    # The format is told from the bytes alone, and by chance these may all be printable.
    if detect(tmp_path / "saved.bin") == "word2vec binary":
        assert same(load(tmp_path / "saved.bin"), vectors)


def test_gensim_reads_what_is_saved(tmp_path):
    save(tmp_path / "deep" / "saved.bin", VECTORS)
    keyed = KeyedVectors.load_word2vec_format(str(tmp_path / "deep" / "saved.bin"), binary=True)
    assert same(WordVectors(keyed.index_to_key, keyed.vectors), VECTORS)


@pytest.mark.parametrize("between", [b"", b"\n"])
def test_word2vec_binary_is_read_as_gensim_reads_it_and_without_gensim(tmp_path, between):
    words = [*(word.encode() for word in WORDS), b"cut\xce", b"\xce", b"the"]
    vectors = np.random.default_rng(1).normal(size=(len(words), 5)).astype("<f4")
    rows = (word + b" " + row.tobytes() + between for word, row in zip(words, vectors, strict=True))
    path = tmp_path / "words.bin"
    path.write_bytes(f"{len(words)} 5\n".encode() + b"".join(rows))
    keyed = KeyedVectors.load_word2vec_format(str(path), binary=True, unicode_errors="replace")
    known = [word for word in keyed.index_to_key if word is not None]
    assert same(load(path), WordVectors(known, keyed.vectors[: len(known)]))
    code = (
        "import sys; from pathlib import Path; from metalstm.vectors.load import load;"
        f"load(Path({str(path)!r})); print('gensim' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_equal_vectors_are_saved_as_equal_bytes_and_nothing_else_is_left(tmp_path):
    for name in ("a.bin", "b.bin"):
        save(tmp_path / name, VECTORS)
    assert (tmp_path / "a.bin").read_bytes() == (tmp_path / "b.bin").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.bin", "b.bin"]


@pytest.mark.parametrize(("word", "message"), [("in vitro", "'in vitro' holds a space"), ("", "'' is empty")])
def test_a_word_that_the_format_cannot_hold_is_named(tmp_path, word, message):
    with pytest.raises(UserError, match=message):
        save(tmp_path / "saved.bin", WordVectors([word], np.zeros((1, 2), np.float32)))
    assert not list(tmp_path.iterdir())


TEXT = "3 2\na 1 2\nb 3 4\nc 5 6\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r":1: expected"),
        (b"hello\n", r":1: expected"),
        (f"\ufeff{TEXT}".encode(), r":1: .* byte order mark"),
        (b"\xef\xbb\xbfa 1 2\n", r":1: .* byte order mark"),
        (b"word and more words\n", r":1: expected"),
        (TEXT.replace("b 3 4", "b 3").encode(), r":3: expected a word and 2 values.*found 1"),
        (TEXT.replace("b 3 4", "b 3 4 5").encode(), r":3: expected a word and 2 values.*found 3"),
        (TEXT.replace("b 3 4", "b  3 4").encode(), r":3: expected a word and 2 values"),
        (TEXT.replace("c 5 6\n", "c 5").encode(), r":4: expected a word and 2 values.*found 1"),
        (TEXT.replace("c 5 6\n", "").encode(), r":1: 3 words are announced, and 2 follow"),
        (TEXT.replace("3 2\n", "2 2\n").encode(), r":1: 2 words are announced, and 3 follow"),
        (TEXT.replace("3 2\n", "").replace("c 5 6", "c 5").encode(), r":3: expected a word and 2 values"),
        (
            TEXT.replace("3 2\n", "").replace("c 5", ". . 5").encode(),
            r":3: .*found 3; a word with a space.*remove",
        ),
        (TEXT.replace("3 4", "3 four").encode(), r":3: expected a number, found b'four'"),
        (TEXT.replace("b", "é").encode("latin-1"), r":3: the word .* is not UTF-8"),
        (TEXT.replace("3 4", "3 nan").encode(), r"vector of 'b' holds a value that is not finite"),
        (FILES["word2vec binary"][:-5], r"damaged or ends too soon"),
        (b"9999999999999999 300\na \x00\x01\x02\x03", r"damaged or ends too soon"),
        (b"3 2\n\x00", r"damaged or ends too soon"),
    ],
)
def test_a_broken_file_is_the_users_to_mend(tmp_path, content, message):
    path = tmp_path / "broken.vec"
    path.write_bytes(content)
    with pytest.raises(UserError, match=message) as caught:
        load(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("damage", [lambda data: data[: len(data) // 2], lambda data: b"PK" + data[2:]])
def test_a_damaged_gzip_file_is_the_users_to_mend(tmp_path, damage):
    path = tmp_path / "vectors.txt.gz"
    path.write_bytes(damage(gzip.compress(TEXT.encode() * 1000)))
    for read in (load, has_subwords):
        with pytest.raises(UserError, match="damaged or ends too soon"):
            read(path)


def test_a_missing_file_is_the_users_to_mend(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        load(tmp_path / "none.vec")


def test_a_word_twice_keeps_its_first_vector(tmp_path):
    (tmp_path / "twice.vec").write_text("3 1\na 1\nb 2\na 3\n")
    assert same(load(tmp_path / "twice.vec"), WordVectors(["a", "b"], np.array([[1], [2]], np.float32)))


def test_lookup_takes_the_word_as_written_then_its_lower_case():
    vectors = WordVectors(["protein", "p53", "P53"], np.array([[1, 1], [2, 2], [3, 3]], np.float32))
    found = lookup(rows_of(["P53", "Protein", "p53", "PROTEIN", "unheard"], vectors), vectors)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, [[3, 3], [1, 1], [2, 2], [1, 1], [np.nan, np.nan]])


def test_lookup_of_nothing():
    assert lookup(rows_of([], VECTORS), VECTORS).shape == (0, 4)
    assert np.isnan(lookup(rows_of(["unheard"], VECTORS), VECTORS)).all()


def fasttext_model() -> FastText:
    sentences = [["Aspirin", "helps", "gene", "binds"], ["Aspirin", "dose", "helps"]] * 20
    return FastText(sentences, vector_size=4, min_count=1, bucket=50, epochs=2, seed=3, workers=1)


def test_fasttexts_own_format_is_read_with_its_subwords(tmp_path):
    path = tmp_path / "model.bin"
    model = fasttext_model()
    save_facebook_model(model, str(path))
    assert has_subwords(path)
    vectors = load(path)
    assert vectors.words == list(model.wv.index_to_key)
    np.testing.assert_allclose(vectors.vectors, model.wv.vectors, rtol=1e-6)
    np.testing.assert_allclose(load_subwords(path)["Aspirine"], model.wv["Aspirine"], rtol=1e-6)


def test_a_packed_fasttext_model_is_refused(tmp_path):
    save_facebook_model(fasttext_model(), str(tmp_path / "plain"))
    (tmp_path / "model.bin.gz").write_bytes(gzip.compress((tmp_path / "plain").read_bytes()))
    with pytest.raises(UserError, match="unpack it"):
        load(tmp_path / "model.bin.gz")


def test_a_fasttext_model_cut_short_is_the_users_to_mend(tmp_path):
    save_facebook_model(fasttext_model(), str(tmp_path / "model.bin"))
    data = (tmp_path / "model.bin").read_bytes()
    for length in (4, 60, 200, len(data) - 100):
        (tmp_path / "short.bin").write_bytes(data[:length])
        with pytest.raises(UserError, match=r"short.bin: not a fastText model that can be read"):
            load(tmp_path / "short.bin")
