import os
from pathlib import Path

import pytest

from metalstm.corpora import columns, labels
from metalstm.corpora.columns import Sentence
from metalstm.errors import UserError

UNREAD = [Sentence(("a",), ("O",)), Sentence(("a", "b"), ("O", "U-x"))]


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("a O\n\na O\nb U-x\n", 4),
        ("\n \n-DOCSTART- O\n \na O\n\n\na O\nb U-x", 9),
        ("\ufeff-DOCSTART- -X- O\na NN O\n\n-DOCSTART- -X- O\n a  NN O \nb NN U-x\n\n", 6),
        ("a\tO\r\n\r\na\tO\r\nb\tU-x\r\n", 4),
    ],
)
def test_a_label_of_no_scheme_is_named_by_its_line(tmp_path: Path, content: str, line: int) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(content.encode())
    with pytest.raises(UserError, match=rf"a\.txt:{line}: expected the label O, or .* but found 'U-x'$"):
        labels.require_readable(path, columns.read(path, separator=columns.tab_or_spaces), columns.tab_or_spaces)


@pytest.mark.parametrize("label", ["B-x ", " B-x", "O ", "B-x\u00a0"])
def test_white_space_around_a_label_makes_no_type_of_its_own(tmp_path: Path, label: str) -> None:
    path = tmp_path / "a.tsv"
    path.write_text(f"a\tB-x\n\nb\t{label}\nc\tI-x\n\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"a\.tsv:3: expected a label without white space around it, but found '.*'; "):
        labels.require_readable(path, columns.read(path))


def test_a_pipe_is_not_read_again_for_a_line(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with pytest.raises(UserError, match=r"pipe: sentence 2, token 2: expected the label O"):
        labels.require_readable(path, UNREAD)


@pytest.mark.parametrize(
    ("label", "message"), [("B-x", "expected S-x instead of B-x: .*"), ("foo", "expected the label O, or .* 'foo'")]
)
def test_what_is_not_iobes_is_refused_with_its_line(tmp_path: Path, label: str, message: str) -> None:
    path = tmp_path / "a.tsv"
    path.write_text(f"a\tS-x\n\nb\tO\nc\t{label}\n\n", encoding="utf-8")
    with pytest.raises(UserError, match=rf"a\.tsv:4: {message}; run `metalstm convert` on the file first$"):
        labels.require_iobes(path, columns.read(path))


def test_a_line_is_counted_with_the_separator_that_the_file_was_read_with(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("a O\n \nb O\n\t\nc\tfoo\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"a\.txt:5: expected the label O"):
        labels.require_readable(path, columns.read(path, separator=None), None)
