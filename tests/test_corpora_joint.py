from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metalstm.corpora import joint_files
from metalstm.corpora.columns import Sentence, read, write
from metalstm.corpora.joint import clean_prediction, closing_tag, join, opening_tag, split, tag, task_label, untag
from metalstm.errors import UserError

TOKENS = ["a", "<NCBI-disease>", "</NCBI-disease>", "<CRAFT>", "</CRAFT>", "<", ">", '"', "null"]

sentences = st.lists(
    st.tuples(st.sampled_from(TOKENS), st.sampled_from(["O", "S-Disease"])), min_size=1, max_size=5
).map(lambda rows: Sentence(*map(tuple, zip(*rows, strict=True))))
corpora = st.dictionaries(
    st.sampled_from(["NCBI-disease", "CRAFT", "BC5CDR-chem", "a.b_c"]), st.lists(sentences, min_size=1, max_size=4)
)


def test_a_tagged_sentence() -> None:
    assert (opening_tag("NCBI-disease"), closing_tag("NCBI-disease")) == ("<NCBI-disease>", "</NCBI-disease>")
    assert task_label("NCBI-disease") == "S-NCBI-disease"
    assert tag(Sentence(("no", "flu"), ("O", "S-Disease")), "NCBI-disease") == Sentence(
        ("<NCBI-disease>", "no", "flu", "</NCBI-disease>"), ("S-NCBI-disease", "O", "S-Disease", "S-NCBI-disease")
    )


@given(corpora)
def test_split_undoes_join(given_corpora: dict[str, list[Sentence]]) -> None:
    joint = join(given_corpora)
    assert list(split(joint).items()) == list(given_corpora.items())
    assert len(joint) == sum(map(len, given_corpora.values()))


def test_files_come_back_byte_for_byte(tmp_path: Path) -> None:
    originals = {
        "NCBI-disease": 'a\tO\n<NCBI-disease>\tO\n</NCBI-disease>\tS-Disease\n"\tO\n\nnull\tO\n\n',
        "CRAFT": "<NCBI-disease>\tO\n\n<CRAFT>\tO\nx\u2028y\tB-GO\n\u00a0\tE-GO\n</CRAFT>\tO\n\n",
    }
    for corpus, content in originals.items():
        (tmp_path / f"{corpus}.tsv").write_bytes(content.encode())
    write(tmp_path / "joint.tsv", join({corpus: read(tmp_path / f"{corpus}.tsv") for corpus in originals}))
    assert (tmp_path / "joint.tsv").read_bytes().startswith(b"<NCBI-disease>\tS-NCBI-disease\na\tO\n")
    for corpus, sentences in split(read(tmp_path / "joint.tsv")).items():
        write(tmp_path / "back.tsv", sentences)
        assert (tmp_path / "back.tsv").read_bytes() == originals[corpus].encode()


def test_tags_are_found_whatever_labels_were_predicted() -> None:
    joint = Sentence(("<CRAFT>", "a", "</CRAFT>"), ("S-linnaeus", "O", "B-GO"))
    assert split([joint]) == {"CRAFT": [Sentence(("a",), ("O",))]}


@pytest.mark.parametrize(
    "tokens",
    [
        ("a", "b", "c"),
        ("<CRAFT>", "a", "b"),
        ("a", "b", "</CRAFT>"),
        ("<CRAFT>", "a", "</linnaeus>"),
        ("CRAFT", "a", "/CRAFT"),
        ("<CRAFT>", "</CRAFT>"),
        ("<a b>", "c", "</a b>"),
        ("<>", "c", "</>"),
        (),
    ],
)
def test_sentence_without_its_tags_is_refused(tokens: tuple[str, ...]) -> None:
    good = tag(Sentence(("a",), ("O",)), "CRAFT")
    with pytest.raises(UserError, match="sentence 2: expected tokens between the task tags"):
        split([good, Sentence(tokens, ("O",) * len(tokens))])


def test_a_tagged_sentence_is_untagged() -> None:
    sentence = Sentence(("no", "flu"), ("O", "S-Disease"))
    assert untag(tag(sentence, "CRAFT")) == ("CRAFT", sentence)


@pytest.mark.parametrize("destination", ["apart", "apart.tsv"])
def test_files_are_taken_apart_only_if_all_of_them_are_joint(tmp_path: Path, destination: str) -> None:
    joint = [tag(Sentence(("a", "b"), ("O", "O")), "CRAFT"), tag(Sentence(("c",), ("O",)), "linnaeus")]
    folder = tmp_path / "joint"
    write(folder / "devel.tsv", joint)
    write(folder / "test.tsv", [*joint, Sentence(("d", "e"), ("O", "O"))])
    source = folder if destination == "apart" else folder / "test.tsv"
    with pytest.raises(UserError, match=f"^{folder / 'test.tsv'}:10: expected tokens between the task tags"):
        joint_files.split(source, tmp_path / destination)
    assert not (tmp_path / destination).exists()
    write(folder / "test.tsv", joint)
    assert list(joint_files.split(source, tmp_path / destination).values()) == ([1] * 4 if source == folder else [2])


@pytest.mark.parametrize("destination", ["one", "two/../one", "link"])
def test_no_corpus_is_overwritten_by_the_joint_one(tmp_path: Path, destination: str) -> None:
    for corpus in ("one", "two"):
        for name in ("train", "devel", "test"):
            write(tmp_path / corpus / f"{name}.tsv", [Sentence((corpus, name), ("O", "O"))])
    (tmp_path / "link").symlink_to(tmp_path / "one")
    before = {path: path.read_bytes() for path in tmp_path.glob("*/*.tsv")}
    folders = joint_files.named([f"one={tmp_path / 'one'}", f"two={tmp_path / 'two'}"])
    with pytest.raises(
        UserError, match=rf"^{tmp_path / destination}/train.tsv: expected another file than .*one/train"
    ):
        joint_files.join(folders, tmp_path / destination)
    assert {path: path.read_bytes() for path in tmp_path.glob("*/*.tsv")} == before


@pytest.mark.parametrize(
    ("source", "destination"), [("CRAFT/a.tsv", "CRAFT/a.tsv"), ("CRAFT", "."), ("CRAFT/a.tsv", ".")]
)
def test_no_joint_file_is_overwritten_by_its_parts(tmp_path: Path, source: str, destination: str) -> None:
    path = tmp_path / "CRAFT" / "a.tsv"
    write(path, [tag(Sentence(("a", "b"), ("O", "O")), corpus) for corpus in ("BC5CDR-chem", "CRAFT")])
    before = path.read_bytes()
    with pytest.raises(UserError, match=rf"^{path}: expected another file than {path}, which is read"):
        joint_files.split(tmp_path / source, tmp_path / destination)
    assert path.read_bytes() == before
    assert [*tmp_path.rglob("*.tsv")] == [path]


@pytest.mark.parametrize("source", ["joint", "joint/test.tsv"])
@pytest.mark.parametrize("destination", ["apart", "apart.tsv"])
def test_without_a_sentence_there_is_nothing_to_take_apart(tmp_path: Path, source: str, destination: str) -> None:
    (tmp_path / "joint").mkdir()
    (tmp_path / "joint" / "test.tsv").write_text("\n")
    with pytest.raises(UserError, match=f"^{tmp_path / source}: expected sentences between task tags, but found none"):
        joint_files.split(tmp_path / source, tmp_path / destination)
    assert not (tmp_path / destination).exists()


@pytest.mark.parametrize("corpus", ["", "a b", "a/b", "<a>", "a\tb", "a\n", "..", "-a", "é", "CoNLL-2003 English"])
def test_corpus_with_an_odd_name_is_refused(corpus: str) -> None:
    for call in (opening_tag, closing_tag, task_label, lambda corpus: join({corpus: [Sentence(("a",), ("O",))]})):
        with pytest.raises(UserError, match="expected a name of letters, digits"):
            call(corpus)


def test_corpus_named_like_an_entity_type_is_refused() -> None:
    with pytest.raises(UserError, match="corpus 'Gene': expected a name that is no entity type"):
        join({"CRAFT": [Sentence(("a",), ("S-Gene",))], "Gene": [Sentence(("b",), ("O",))]})


def test_task_labels_left_in_a_prediction_become_outside() -> None:
    labels = ["S-CRAFT", "S-GO", "O", "S-NCBI-disease", "B-CRAFT"]
    assert clean_prediction(labels, ["CRAFT", "NCBI-disease"]) == (["O", "S-GO", "O", "O", "B-CRAFT"], 2)
    assert clean_prediction([], ["CRAFT"]) == ([], 0)
