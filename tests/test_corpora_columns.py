from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metalstm.corpora.columns import DOCUMENT_START, Sentence, first_lines, read, read_tokens, tab_or_spaces, write
from metalstm.errors import UserError

ODD_TOKENS = ['"', "null", "None", "NA", "nan", "#", "#c", "'", "\\", "\\n", ",", "x" * 505, "<a>", "&amp;", "-"]
ODD_TOKENS += [
    "a\u00a0b",
    "\u00a0",
    "a\u2028b",
    "\u0085",
    "a\u000bb",
    "a\u000cb",
    " ",
    "  ",
    "\u200b",
    "é",
    "e\u0301",
    "𝛼",
]

fields = st.text(st.characters(exclude_characters="\t\n\r\0\ufeff", exclude_categories=["Cs"]), min_size=1, max_size=6)
rows = st.tuples(st.one_of(fields, st.sampled_from(ODD_TOKENS)), fields)
sentences = (
    st.lists(rows, min_size=1, max_size=6)
    .filter(lambda rows: rows[0][0] != DOCUMENT_START)
    .map(lambda rows: Sentence(*map(tuple, zip(*rows, strict=True))))
)


def file(folder: Path, content: str | bytes) -> Path:
    path = folder / "corpus.tsv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def sentence(*rows: str) -> Sentence:
    tokens, labels = zip(*(row.split("/") for row in rows), strict=True)
    return Sentence(tokens, labels)


@given(st.lists(sentences, max_size=6))
def test_what_is_written_is_read_back(tmp_path_factory: pytest.TempPathFactory, corpus: list[Sentence]) -> None:
    path = tmp_path_factory.mktemp("columns") / "corpus.tsv"
    write(path, corpus)
    assert read(path) == corpus
    assert read_tokens(path) == [sentence.tokens for sentence in corpus]


def test_written_bytes(tmp_path: Path) -> None:
    path = tmp_path / "new" / "corpus.tsv"
    write(path, [sentence("é/B-x", "b/I-x"), sentence("c/O")])
    assert path.read_bytes() == b"\xc3\xa9\tB-x\nb\tI-x\n\nc\tO\n\n"
    write(path, [])
    assert path.read_bytes() == b""
    assert [entry.name for entry in path.parent.iterdir()] == ["corpus.tsv"]


@pytest.mark.parametrize("token", ODD_TOKENS)
def test_odd_token_is_a_token(tmp_path: Path, token: str) -> None:
    path = file(tmp_path, f"{token}\tO\nb\tB-x\n\n{token}\tO\n\n")
    expected = [Sentence((token, "b"), ("O", "B-x")), Sentence((token,), ("O",))]
    assert read(path) == expected
    write(tmp_path / "copy.tsv", expected)
    assert (tmp_path / "copy.tsv").read_bytes() == path.read_bytes()


def test_sentences_of_one_and_of_426_tokens(tmp_path: Path) -> None:
    path = file(tmp_path, "a\tO\n\n" + "b\tO\n" * 426 + "\n" + "c\tO\n\n")
    assert [len(sentence.tokens) for sentence in read(path)] == [1, 426, 1]


@pytest.mark.parametrize(
    "content",
    [
        "a\tO\nb\tB-x\n\nc\tO\n\n",
        "a\tO\nb\tB-x\n\nc\tO\n",
        "a\tO\nb\tB-x\n\nc\tO",
        "\n\na\tO\nb\tB-x\n\n\n\nc\tO\n\n\n",
        "a\tO\r\nb\tB-x\r\n\r\nc\tO\r\n\r\n",
        "a\tO\r\nb\tB-x\r\n\r\nc\tO",
        "\ufeffa\tO\nb\tB-x\n\nc\tO\n\n",
        "  \na\tO\nb\tB-x\n \nc\tO\n   ",
        "a\tO\r\nb\tB-x\r\n \r\nc\tO\r\n",
        "-DOCSTART-\tO\n\na\tO\nb\tB-x\n\n-DOCSTART-\t-X-\t-X-\tO\n\nc\tO\n\n",
        "-DOCSTART-\na\tO\nb\tB-x\n\n-DOCSTART-\tO\nc\tO\n\n",
    ],
    ids=[
        *("house", "no blank line", "no line end", "blank lines", "CR LF", "CR LF cut", "BOM", "spaces"),
        *("spaces and CR LF", "documents", "no blank"),
    ],
)
def test_forms_of_the_same_corpus(tmp_path: Path, content: str) -> None:
    path = file(tmp_path, content)
    assert read(path) == [sentence("a/O", "b/B-x"), sentence("c/O")]
    assert read_tokens(path) == [("a", "b"), ("c",)]


def test_conll_2003_columns(tmp_path: Path) -> None:
    path = file(
        tmp_path,
        "-DOCSTART- -X- O O\n\nEU NNP I-NP I-ORG\nrejects VBZ \t I-VP O \n \n\na\u00a0b NN I-NP O\n\n\n"
        "-DOCSTART- -X- -X- O\n\nPeter NNP I-NP I-PER\n",
    )
    expected = [sentence("EU/I-ORG", "rejects/O"), sentence("a\u00a0b/O"), sentence("Peter/I-PER")]
    assert read(path, separator=None) == expected
    assert [sentence.labels for sentence in read(path, label=2, separator=None)] == [
        ("I-NP", "I-VP"),
        ("I-NP",),
        ("I-NP",),
    ]
    assert read_tokens(path, separator=None, token=1) == [("NNP", "VBZ"), ("NN",), ("NNP",)]


def test_document_mark_inside_a_sentence_is_a_token(tmp_path: Path) -> None:
    path = file(tmp_path, "a\tO\n-DOCSTART-\tO\n\n")
    assert read(path) == [sentence("a/O", "-DOCSTART-/O")]


def test_tokens_without_labels(tmp_path: Path) -> None:
    path = file(tmp_path, 'a b\n"\n\n#\tO\textra\nnull\n')
    assert read_tokens(path) == [("a b", '"'), ("#", "null")]


def test_between_spaces_all_lines_have_as_many_columns(tmp_path: Path) -> None:
    path = file(tmp_path, "BRCA1\nis\n\na tumour suppressor.\n")
    with pytest.raises(UserError, match=r":4: expected 1 column separated by spaces or tabs.* but found 3: 'a"):
        read_tokens(path, separator=tab_or_spaces)


def test_a_line_of_spaces_is_blank_and_a_column_of_spaces_is_a_token(tmp_path: Path) -> None:
    assert read_tokens(file(tmp_path, "a\n \nb\n\u00a0\n\n")) == [("a",), ("b", "\u00a0")]
    path = file(tmp_path, "a\tO\n \tO\nb\t  \n  \nc\tO\n")
    assert read(path) == [Sentence(("a", " ", "b"), ("O", "O", "  ")), sentence("c/O")]
    assert read_tokens(path) == [("a", " ", "b"), ("c",)]
    assert first_lines(path) == [1, 5]


def test_empty_file_holds_nothing(tmp_path: Path) -> None:
    assert read(file(tmp_path, "")) == []
    assert read_tokens(file(tmp_path, "\n\n")) == []


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        ("a O\n", 1, "a token (column 0) and a label (column -1) separated by TAB, but found 1 column: 'a O'"),
        ("a\tO\n\nb\tO\nc\n", 4, "expected 2 columns separated by TAB, as in the lines before, but found 1: 'c'"),
        ("a\tO\nb\tO\tO\n", 2, "expected 2 columns"),
        ("a\tO\n\tO\n", 2, "expected a token"),
        ("a\tO\nb\t\n", 2, "expected a label"),
        ("a\tO\n\u00a0\n", 2, "expected 2 columns"),
        ("a\tO\n\t\n", 2, "expected a token"),
        (
            "a\tO\rb\tO\r\r",
            1,
            "expected LF as the end of a line, but found a CR alone; save the file with LF line ends",
        ),
        ("a\tO\r\n\r\nb\rc\tO\r\n", 3, "expected LF as the end of a line"),
        ("a\tO\r\nb\tO\r\r\n", 2, "expected LF as the end of a line"),
        ("-DOCSTART-\tO\n\na\tO\nb\n", 4, "expected 2 columns"),
        ("a\tO\n\r\n\r\nb\tO\r\nc\r\n", 5, "expected 2 columns"),
        (b"a\tO\n\nb\xe9\tO\n", 3, "expected UTF-8, but found byte 0xe9"),
        ("a\tO\n".encode("utf-16"), 1, "expected UTF-8"),
        ("a\tO\n".encode("utf-16-le"), 1, "found a NUL"),
    ],
)
def test_error_names_file_line_and_what_was_expected(
    tmp_path: Path, content: str | bytes, line: int, message: str
) -> None:
    path = file(tmp_path, content)
    with pytest.raises(UserError) as caught:
        read(path)
    assert str(caught.value).startswith(f"{path}:{line}: ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_tokens_between_lone_carriage_returns_are_refused(tmp_path: Path) -> None:
    path = file(tmp_path, "a\rb\r\rc\r")
    with pytest.raises(UserError, match=f"^{path}:1: expected LF .* save the file with LF line ends$"):
        read_tokens(path)


def test_columns_that_are_not_there(tmp_path: Path) -> None:
    path = file(tmp_path, "a\tO\n\n")
    for label in (2, 0, -2, -3):
        with pytest.raises(UserError, match=rf"corpus.tsv:1: expected .*a label \(column {label}\).*found 2 columns"):
            read(path, label=label)
    with pytest.raises(UserError, match=r"corpus.tsv:1: expected a token, but"):
        read_tokens(file(tmp_path, "\tO\n"))


def test_missing_file_and_folder(tmp_path: Path) -> None:
    for path in (tmp_path / "none.tsv", tmp_path):
        with pytest.raises(UserError, match=f"{path}: cannot be read"):
            read(path)


@pytest.mark.parametrize(
    "broken",
    [
        Sentence((), ()),
        *(Sentence(("a", token), ("O", "O")) for token in ("", "b\tc", "b\nc", "b\rc", "\r", "b\0")),
        *(Sentence(("a", "b"), ("O", label)) for label in ("", "O\t", "O\n", "O\r", "\rO")),
        Sentence((DOCUMENT_START, "b"), ("O", "O")),
        Sentence(("\ufeffa",), ("O",)),
    ],
)
def test_what_could_not_be_read_back_is_not_written(tmp_path: Path, broken: Sentence) -> None:
    path = tmp_path / "corpus.tsv"
    with pytest.raises(UserError, match=f"{path}: sentence 1 cannot be written"):
        write(path, [broken, sentence("c/O")])
    assert list(tmp_path.iterdir()) == []


def test_sentence_has_a_label_for_each_token() -> None:
    with pytest.raises(ValueError, match="2 tokens but 1 labels"):
        Sentence(("a", "b"), ("O",))


def test_upstream_files_come_back_byte_for_byte(mirror: Path, tmp_path: Path) -> None:
    for folder in ("linnaeus-IOB", "BioNLP13CG-IOB"):
        for split in ("train", "devel", "test"):
            (upstream,) = mirror.glob(f"raw.githubusercontent.com/cambridgeltl/*/*/data/{folder}/{split}.tsv")
            write(tmp_path / "copy.tsv", read(upstream))
            assert (tmp_path / "copy.tsv").read_bytes() == upstream.read_bytes()
