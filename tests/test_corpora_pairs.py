from pathlib import Path

import pytest

from metalstm.corpora import pairs
from metalstm.errors import UserError

GOLD = "-DOCSTART-\tO\n\n\nNo\tO\n\nAcute\tB-x\ngout\tE-x\n\n"


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    monkeypatch.chdir(tmp_path)
    return Path("gold.tsv"), Path("predicted.tsv")


@pytest.mark.parametrize(("wrong", "name"), [(0, "gold"), (1, "predicted")])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_an_unknown_label_is_named_by_file_and_line(
    files: tuple[Path, Path], wrong: int, name: str, line_end: str
) -> None:
    for number, file in enumerate(files):
        file.write_text(GOLD.replace("E-x", "foo") if number == wrong else GOLD, encoding="utf-8", newline=line_end)
    with pytest.raises(UserError, match=rf"^{name}\.tsv:7: expected the label O, or one of .* but found 'foo'$"):
        pairs.read(*files)


@pytest.mark.parametrize("content", ["", "\n\n"])
def test_files_without_a_sentence_are_refused(files: tuple[Path, Path], content: str) -> None:
    for file in files:
        file.write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match=r"^gold\.tsv: expected sentences, .*; give a file that has some$"):
        pairs.read(*files)
