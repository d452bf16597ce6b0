from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metalstm.corpora.check import Problem, check, render
from metalstm.corpora.columns import Sentence, write
from metalstm.corpora.schemes import SCHEMES, Scheme, repair
from metalstm.errors import UserError


def problems(folder: Path, content: str | bytes, scheme: Scheme | None = None) -> list[Problem]:
    path = folder / "corpus.tsv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return check(path, scheme)


labels = st.lists(st.sampled_from(["O", "B-x", "I-x", "E-x", "S-x", "I-y"]), min_size=1, max_size=8)


@given(st.lists(labels, min_size=1, max_size=4), st.sampled_from(SCHEMES))
def test_nothing_is_wrong_with_what_is_written(
    tmp_path_factory: pytest.TempPathFactory, sequences: list[list[str]], scheme: Scheme
) -> None:
    path = tmp_path_factory.mktemp("check") / "corpus.tsv"
    write(path, [Sentence(("null",) * len(labels), tuple(repair(labels, scheme))) for labels in sequences])
    assert check(path) == []
    assert check(path, scheme) == []


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        ("", 1, "expected sentences, a line of token TAB label for each token, but found none"),
        ("a\tO\nb\n\n", 2, "expected two columns, token TAB label, but found 1"),
        ("a\tO\nb O\n\n", 2, "expected two columns, token TAB label, but found 1, with spaces instead of TAB"),
        ("a\tO\n \n", 2, "expected a token and its label or a blank line, but found spaces alone"),
        ("a\tB-x\n  \nb\tB-x\n\n", 2, "expected a token and its label or a blank line, but found spaces alone"),
        (
            "a\tO\nb\rc\tO\n\n",
            2,
            "expected LF as the end of a line, but found a CR alone; save the file with LF line ends",
        ),
        ("a\tNN\tO\n\n", 1, "expected two columns, token TAB label, but found 3"),
        ("a\tO\n\tO\n\n", 2, "expected a token before the TAB, but found nothing"),
        ("a\tO\nb\t\n\n", 2, "expected a label after the TAB, but found nothing"),
        ("a\tO\nb\tO \n\n", 2, "expected a label without white space around it, but found 'O '"),
        (
            "a\tO\nb\tU-x\n\n",
            2,
            "expected the label O, or one of B-, I-, E- and S- followed by a type, but found 'U-x'",
        ),
        ("a\tO\nb\tB\n\n", 2, "expected the label O, or one of B-, I-, E- and S- followed by a type, but found 'B'"),
        ("a\tO\n\nb\tI-x\nc\tB-y\n\nd\tB-y\n\n", 3, "expected B-x instead of I-x: in IOB2 an entity starts with B-"),
        (b"a\tO\n\nb\xe9\tO\n\n", 3, "expected UTF-8, but found the byte 0xe9"),
        ("a\tO\r\nb\tO\r\n\r\n", 1, "expected LF as the end of every line, but every line ends with CR LF"),
        ("a\tO\nb\tO\r\n\n", 2, "expected LF as the end of the line, but found CR LF"),
        ("\ufeffa\tO\n\n", 1, "expected a file without byte order mark, but it starts with one"),
        ("a\tO\nb\0\tO\n\n", 2, "expected text, but found a NUL"),
        ("\na\tO\n\n", 1, "expected a token, but the file starts with a blank line"),
        ("a\tO\n\n\nb\tO\n\n", 3, "expected one blank line between sentences, but found another one"),
        ("a\tO\nb\tO\n", 2, "expected a blank line after the last sentence, but the file ends without one"),
        ("a\tO\nb\tO", 2, "expected LF and a blank line after the last sentence, but the file ends in a line"),
    ],
)
def test_each_fault_has_its_line_and_its_sentence(
    tmp_path: Path, content: str | bytes, line: int, message: str
) -> None:
    assert problems(tmp_path, content) == [Problem(line, message)]


def test_all_faults_are_found_in_one_go(tmp_path: Path) -> None:
    content = b"\xef\xbb\xbfa\tB-x\nb\tE-x\n\n\nc\nd\t\n\tO\ne\xff\tO\n\nf\tQ-x\ng\tS-x\r\n\nh\tI-x\nh\tI-x\ni\0\tO"
    found = problems(tmp_path, content)
    assert [problem.line for problem in found] == [1, 4, 5, 6, 7, 8, 10, 11, 13, 13, 14, 15, 15]
    assert all("expected" in problem.message and "\n" not in problem.message for problem in found)


def test_a_file_whose_lines_end_with_cr_is_told_so(tmp_path: Path) -> None:
    found = [problem.message for problem in problems(tmp_path, "a\tO\rb\tO\r\r")]
    assert found[0] == "expected LF as the end of a line, but found a CR alone; save the file with LF line ends"
    assert not [message for message in found if "CR LF" in message]


TAKEN = "; `metalstm convert` takes the first for the token and the last for the label"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        # Token, true and predicted label, as runs write them; then as CoNLL-2003 has it, with TAB and with spaces.
        ("a\tB-x\tO\nb\tE-x\tE-x\n\n", [(1, f"every line has 3{TAKEN}"), (2, "expected S-x instead of E-x")]),
        ("-DOCSTART-\t-X-\tO\tO\n\na\tNN\tI-NP\tI-x\nb\tNN\tI-NP\tO\n\n", [(3, f"every line has 4{TAKEN}")]),
        (
            "-DOCSTART- -X- O O\n\na NN I-NP I-x\nb NN  I-NP O\n\n",
            [(1, "every line has spaces instead; `metalstm convert` writes TAB"), (3, f"every line has 4{TAKEN}")],
        ),
        ("a\u00a0b O\nb Q-x\n\n", [(1, "every line has spaces instead"), (2, "found 'Q-x'")]),
        ("a\nb\n\nc\n\n", [(1, "expected two columns, token TAB label, but every line has 1")]),
        ("a\tNN\tO\nb\tO\n\n", [(1, "but found 3")]),
    ],
)
def test_other_columns_are_one_fault_and_the_last_is_checked(
    tmp_path: Path, content: str, expected: list[tuple[int, str]]
) -> None:
    found = problems(tmp_path, content)
    assert [problem.line for problem in found] == [line for line, _ in expected]
    assert all(message in problem.message for problem, (_, message) in zip(found, expected, strict=True))


def test_labels_beside_a_broken_line_are_not_accused(tmp_path: Path) -> None:
    assert [problem.line for problem in problems(tmp_path, "a\tB-x\nb\nc\tE-x\nd\tE-x\n\n", "iobes")] == [2, 4]


def test_given_scheme_is_the_measure(tmp_path: Path) -> None:
    content = "a\tB-x\nb\tI-x\n\n"
    assert problems(tmp_path, content, "iob2") == []
    assert [problem.message for problem in problems(tmp_path, content, "iobes")] == [
        "expected E-x instead of I-x: in IOBES an entity of several tokens ends with E-"
    ]
    with pytest.raises(UserError, match="'bilou'"):
        problems(tmp_path, "", "bilou")  # type: ignore[arg-type]


def test_mixed_schemes_are_named_once(tmp_path: Path) -> None:
    found = problems(tmp_path, "a\tS-x\n\nb\tB-x\nc\tE-x\n\nd\tB-x\ne\tI-x\n\nf\tI-x\n\n")
    assert [problem.line for problem in found] == [7, 7, 9]
    assert found[1].message == (
        "expected one scheme in the whole file, IOBES by most of its labels, but this sentence is valid IOB2 "
        "(sentences in another scheme: 2)"
    )


def test_document_marks_are_no_fault(tmp_path: Path) -> None:
    assert problems(tmp_path, "-DOCSTART-\t-X-\t-X-\tO\n\na\tI-x\n\n") == []


def test_odd_tokens_are_no_fault(tmp_path: Path) -> None:
    tokens = ['"', "null", "NA", "#", "a\u2028b", "\u0085", "a\u00a0b", "x" * 505]
    assert problems(tmp_path, "".join(f"{token}\tO\n" for token in tokens) + "\n") == []


def test_rendered_problem_can_be_jumped_to() -> None:
    assert render(Path("data/x.tsv"), Problem(7, "expected a token")) == "data/x.tsv:7: expected a token"


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        check(tmp_path / "none.tsv")


def test_upstream_iob2_file_is_in_order(mirror: Path) -> None:
    (upstream,) = mirror.glob("raw.githubusercontent.com/cambridgeltl/*/*/data/NCBI-disease-IOB/test.tsv")
    assert check(upstream) == []
