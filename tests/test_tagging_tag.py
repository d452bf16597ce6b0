import gc
import json
import os
import socket
import subprocess
import sys
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from metalstm.cli import app
from metalstm.corpora.tokenise import sentences
from metalstm.errors import UserError
from metalstm.nn import storage
from metalstm.nn.batch import collate
from metalstm.nn.lexicon import Lexicon
from metalstm.nn.options import CharacterOptions, DropoutOptions, TaggerOptions
from metalstm.nn.tagger import Tagger
from metalstm.tagging.documents import Document, TaggedSentence, with_evidence
from metalstm.tagging.inference import ArrayTagger
from metalstm.tagging.inputs import STANDARD_INPUT, read_known_names, read_text, read_token_lines
from metalstm.tagging.tag import load, tag_sentences, tag_text
from metalstm.tagging.tokens import Reading, tag_tokens

DRUGS = ["aspirin", "warfarin", "heparin"]


@dataclass
class Pharmacist:
    """A tagger that knows three drugs, and tells of every batch what it was given."""

    lexicon: Lexicon
    stray: str = "O"
    weights_of: str | None = None
    read: list[list[str]] = field(default_factory=list)

    def reading(self, sentences):
        return nullcontext()

    def decode_labels(self, batch):
        sizes = batch.lengths.tolist()
        words = [
            [self.lexicon.words[word] for word in row[:size]] for row, size in zip(batch.words, sizes, strict=True)
        ]
        self.read += words
        return [["S-Drug" if word in DRUGS else self.stray for word in row] for row in words]


def pharmacist(corpora=("A",), *, joined=False, stray="O", words=()):
    labels = ["O", "S-Drug", *(f"S-{corpus}" for corpus in corpora if joined)]
    known = [
        *DRUGS,
        *words,
        "and",
        ".",
        *(f"<{corpus}>" for corpus in corpora),
        *(f"</{corpus}>" for corpus in corpora),
    ]
    return Pharmacist(Lexicon.build([(known, labels)], corpora=corpora), stray)


def small_tagger(sentences, corpora=("A",)):
    torch.manual_seed(1)
    options = TaggerOptions(
        word_size=12,
        hidden_size=8,
        characters=CharacterOptions(size=8, embedding_size=6),
        dropout=DropoutOptions(input=0.0, output=0.0),
        cell="torchlstm",
        tune_words=True,
    )
    return Tagger(Lexicon.build(sentences, corpora=corpora), options)


def test_labels_come_back_in_the_order_of_the_sentences(monkeypatch):
    monkeypatch.setattr("metalstm.tagging.tokens.TOKENS_A_BATCH", 5)
    sentences = [["and"], ["aspirin", "and", "heparin", "."], [], ["warfarin"], ["and", "aspirin", "."]]
    tagged = tag_tokens(pharmacist(), sentences)
    assert tagged.labels == [["O"], ["S-Drug", "O", "S-Drug", "O"], [], ["S-Drug"], ["O", "S-Drug", "O"]]
    assert tagged.task_labels_removed == 0


def test_batching_changes_no_label(monkeypatch):
    sentences = [(["aspirin"] * n + ["."], ["S-Drug"] * n + ["O"]) for n in range(1, 9)]
    tagger = small_tagger(sentences).eval()
    tokens = [words for words, _ in sentences]
    whole = tag_tokens(tagger, tokens).labels
    monkeypatch.setattr("metalstm.tagging.tokens.TOKENS_A_BATCH", 1)
    assert tag_tokens(tagger, tokens).labels == whole


def test_a_reading_is_of_the_weights_that_are_there_now():
    sentences = [(["aspirin"] * n + ["."], ["S-Drug"] * n + ["O"]) for n in range(1, 9)]
    tagger = small_tagger(sentences)
    tokens = [[], *(words for words, _ in sentences)]
    reading = Reading(tagger.lexicon, tokens)
    for label in (0, 1):
        with torch.no_grad():
            tagger.emission.bias.zero_()[label] = 100.0
        assert reading.tagged(tagger) == tag_tokens(tagger, tokens)
        assert set(reading.tagged(tagger).labels[1]) == {tagger.lexicon.labels[label]}


def test_a_joint_model_reads_task_tags_and_their_labels_are_stripped_by_position():
    tagger = pharmacist(("A", "B"), joined=True)
    assert tag_tokens(tagger, [["aspirin", "."]], "B").labels == [["S-Drug", "O"]]
    assert tagger.read == [["<B>", "aspirin", ".", "</B>"]]


def test_stray_task_labels_become_o_and_are_counted():
    tagged = tag_tokens(pharmacist(("A", "B"), joined=True, stray="S-A"), [["and", "aspirin", "."]], "B")
    assert tagged.labels == [["O", "S-Drug", "O"]]
    assert tagged.task_labels_removed == 2


def test_a_joint_model_needs_the_name_of_a_corpus():
    with pytest.raises(UserError, match=r"say as which one it shall tag \(--corpus\): A, B"):
        tag_text(pharmacist(("A", "B"), joined=True), "aspirin")


def test_an_unknown_corpus_is_refused_with_the_names_of_the_known():
    with pytest.raises(UserError, match=r"'C' \(--corpus\); it knows A, B"):
        tag_text(pharmacist(("A", "B"), joined=True), "aspirin", "C")


def test_a_model_of_one_corpus_takes_its_name_but_needs_no_tags():
    tagger = pharmacist(("A",))
    assert tag_tokens(tagger, [["aspirin"]], "A").labels == [["S-Drug"]]
    assert tagger.read == [["aspirin"]]


def test_a_text_keeps_its_characters_places():
    text = "  Was it\taspirin?  (And heparin.)\n\nwarfarin"
    document = tag_text(pharmacist(), text)
    assert document.text == text
    assert [(m.type, m.start, m.text) for m in document.mentions()] == [
        ("Drug", 9, "aspirin"),
        ("Drug", 24, "heparin"),
        ("Drug", 35, "warfarin"),
    ]
    assert [len(sentence.tokens) for sentence in document.sentences] == [4, 5, 1]


def test_a_text_without_tokens_has_no_sentences():
    assert tag_text(pharmacist(), " \n ").sentences == ()


def test_tokens_are_given_a_text_to_count_in():
    document = tag_sentences(pharmacist(), map(iter, [["and", "aspirin"], ["heparin"]]))
    assert document.text == "and aspirin\nheparin\n"
    assert [(m.start, m.end) for m in document.mentions()] == [(4, 11), (12, 19)]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("aspirin", "expected sentences of tokens, but found a text, 'aspirin'; give it to `tag_text`"),
        ([["and"], "aspirin"], "sentence 2: expected its tokens, but found a text, 'aspirin'; give a list"),
        ([["and"], ["aspirin", "\u00a0"]], r"sentence 2: expected tokens that are words, .*'\\xa0'"),
        ([["and", ""]], "sentence 1: expected tokens"),
        ([["and\tO"]], "sentence 1: expected tokens"),
        ([["and\n"]], "sentence 1: expected tokens"),
        ([["and", 1]], "sentence 1: expected tokens that are words, .* but found 1;"),
    ],
)
def test_what_is_no_token_is_not_tagged_as_one(given, message):
    with pytest.raises(UserError, match=message):
        tag_sentences(pharmacist(), given)


def test_characters_that_the_model_never_saw_are_read_in_ascii_and_shown_as_they_are():
    tagger = pharmacist(words=("TNFalpha",))
    document = tag_text(tagger, "TNFα and heparin")
    assert tagger.read == [["TNFalpha", "and", "heparin"]]
    assert document.sentences[0].tokens[0].text == "TNFα"


def test_characters_that_the_model_saw_are_read_as_they_are():
    tagger = pharmacist(words=("TNFα", "TNFalpha"))
    tag_text(tagger, "TNFα")
    assert tagger.read == [["TNFα"]]


def test_a_word_that_much_text_knows_is_read_as_the_corpora_spell_it():
    taught = [(["TNFalpha", "heparin"], ["O", "S-Drug"])]
    tagger = Pharmacist(Lexicon.build(taught, extra_words=["TNFα"], corpora=("A",)))
    tag_text(tagger, "TNFα")
    assert tagger.read == [["TNFalpha"]]


def test_a_stored_model_tags_text_as_it_was_taught(tmp_path):
    taught = [
        (["Give", "aspirin", "now", "."], ["O", "S-Drug", "O", "O"]),
        (["Give", "low", "-", "dose", "heparin", "sodium", "."], ["O", "O", "O", "O", "B-Drug", "E-Drug", "O"]),
        (["Give", "up", "."], ["O", "O", "O"]),
    ]
    tagger = small_tagger(taught)
    batch = collate(tagger.lexicon, [tokens for tokens, _ in taught], [labels for _, labels in taught])
    optimisers = [
        torch.optim.Adam(tagger.dense_parameters(), 0.05),
        torch.optim.SparseAdam(tagger.row_parameters(), 0.05),
    ]
    for _ in range(60):
        tagger.zero_grad()
        tagger.loss(batch).backward()
        for optimiser in optimisers:
            optimiser.step()
    storage.save(tagger, tmp_path)
    document = tag_text(storage.load(tmp_path), "Give low-dose heparin sodium. Give aspirin now. Give up.")
    assert [mention.text for mention in document.mentions()] == ["heparin sodium", "aspirin"]


def test_token_files_may_have_labels_or_not(tmp_path):
    path = tmp_path / "tokens"
    for content in ["a\nb\n\nc", "a\tO\nb\tS-x\n\nc\tO\n\n", "-DOCSTART- -X-\n\na NN O\nb NN O\n\n\nc NN O\n"]:
        path.write_text(content, encoding="utf-8")
        assert read_token_lines(path) == [("a", "b"), ("c",)]


@contextmanager
def pipe(content):
    reading, writing = os.pipe()
    os.write(writing, content)
    os.close(writing)
    yield Path(f"/dev/fd/{reading}")
    os.close(reading)


def test_tokens_may_come_through_a_pipe():
    with pipe(b"a\tO\nb\tS-x\n\nc\tO\n") as path:
        assert read_token_lines(path) == [("a", "b"), ("c",)]


@pytest.mark.parametrize("content", ["a\nb\n\n\nc\n\u00a0\n", "a\tO\n\n-DOCSTART-\tO\n\nc\tO\n \tS-x\n"])
def test_a_token_of_white_space_alone_is_refused_by_line(tmp_path, content):
    path = tmp_path / "tokens"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match=f"^{path}:6: expected a token, but found white space alone, '.*'; take out"):
        read_token_lines(path)
    with pipe(content.encode()) as path, pytest.raises(UserError, match=f"^{path}: sentence 2, token 2: expected a"):
        read_token_lines(path)


def test_a_token_of_white_space_from_standard_input_is_refused_by_its_place(tmp_path):
    (tmp_path / "tokens").write_text("a\n\u00a0\n", encoding="utf-8")
    command = [sys.executable, "-m", "metalstm", "tag", "--model", "nowhere", "--tokens"]
    with (tmp_path / "tokens").open() as file:
        done = subprocess.run(command, stdin=file, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("metalstm: /dev/stdin: sentence 1, token 2: expected a token, but found white space")


def test_a_run_that_went_on_for_each_corpus_is_loaded_as_one_of_them(tmp_path):
    taught = [(["aspirin"], ["S-Drug"])]
    tagger = small_tagger(taught, corpora=("A", "B"))
    joint = {name: value.clone() for name, value in tagger.state_dict().items()}
    with torch.no_grad():
        tagger.emission.bias += 1
    digests = {"A": storage.save_continued(tagger, joint, tmp_path, "A")}
    tagger.load_state_dict(joint)
    storage.save(tagger, tmp_path, continued=digests)
    with pytest.raises(UserError, match=rf"^{tmp_path}: .* say as which one it shall tag \(--corpus\): A, B$"):
        load(tmp_path)
    assert torch.equal(load(str(tmp_path), "A").emission.bias, joint["emission.bias"] + 1)
    assert torch.equal(load(tmp_path, "B").emission.bias, joint["emission.bias"])


def test_a_plain_run_is_not_loaded_as_a_corpus_that_it_does_not_know(tmp_path):
    storage.save(small_tagger([(["aspirin"], ["S-Drug"])]), tmp_path)
    assert isinstance(load(tmp_path, "A"), ArrayTagger)
    with pytest.raises(UserError, match="knows no corpus 'B': choose one of"):
        load(tmp_path, "B")


@pytest.mark.parametrize("found", [None, b"aspirin", ["aspirin"]])
def test_what_is_no_text_is_not_tagged_as_one(found):
    with pytest.raises(
        UserError, match=r"^expected a text, but found .*; sentences of tokens are for `tag_sentences`$"
    ):
        tag_text(small_tagger([(["aspirin"], ["S-Drug"])]), found)


def test_the_weights_of_one_corpus_do_not_tag_as_another(tmp_path):
    tagger = small_tagger([(["aspirin"], ["S-Drug"])], corpora=("A", "B"))
    joint = {name: value.clone() for name, value in tagger.state_dict().items()}
    digests = {"A": storage.save_continued(tagger, joint, tmp_path, "A")}
    storage.save(tagger, tmp_path, continued=digests)
    for loaded, other in (("A", "B"), ("B", "A")):
        ready = load(tmp_path, loaded)
        with pytest.raises(UserError, match=f"^these are the weights of {loaded}; to tag as {other}, load the model"):
            tag_sentences(ready, [["aspirin"]], other)
        assert tag_sentences(ready, [["aspirin"]]) == tag_sentences(ready, [["aspirin"]], loaded)


def test_standard_input_may_be_a_socket_and_is_utf8_whatever_the_locale():
    code = "from metalstm.tagging import inputs; print(ascii(inputs.read_text(inputs.STANDARD_INPUT)))"
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall("\ufeffé\r\nb\n".encode())
        ours.shutdown(socket.SHUT_WR)
        environment = os.environ | {"PYTHONIOENCODING": "latin-1"}
        done = subprocess.run(
            [sys.executable, "-c", code], stdin=theirs, capture_output=True, env=environment, check=True
        )
    assert done.stdout == b"'\\xe9\\r\\nb\\n'\n"


def test_no_standard_input_is_refused(monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(UserError, match=r"/dev/stdin: cannot be read \(Bad file descriptor\)"):
        read_text(STANDARD_INPUT)


@pytest.mark.parametrize("name", ["model.json", "model.safetensors", "predictions/A.test.tsv"])
def test_a_file_of_a_run_is_no_run_and_its_folder_is_named(tmp_path, name):
    for file in ("model.json", "model.safetensors", "predictions/A.test.tsv"):
        (tmp_path / "run" / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "run" / file).write_text("{}")
    with pytest.raises(UserError) as caught:
        load(tmp_path / "run" / name)
    assert str(caught.value) == (
        f"{tmp_path / 'run' / name}: expected the folder of a trained model, but this is a file; "
        f"name {tmp_path / 'run'}, which holds model.json and model.safetensors"
    )


def test_a_file_that_belongs_to_no_run_is_no_run(tmp_path):
    (tmp_path / "text").write_text("")
    with pytest.raises(UserError, match=r"this is a file; name the one that holds model\.json and model\.safetensors$"):
        load(tmp_path / "text")


def test_a_text_file_is_read_character_by_character(tmp_path):
    path = tmp_path / "text"
    path.write_bytes("\ufeffé\r\nb\n".encode())
    assert read_text(path) == "é\r\nb\n"


def test_a_text_file_that_is_not_utf8_is_refused_by_line(tmp_path):
    path = tmp_path / "text"
    path.write_bytes("a\né".encode("latin-1"))
    with pytest.raises(UserError, match=r"text:2: expected UTF-8, but found byte 0xe9"):
        read_text(path)


@pytest.mark.parametrize(
    ("switches", "found"),
    [
        ([], ["lung cancer", "gout", "gout"]),
        (["--abbreviations"], ["lung cancer", "LC", "LC", "gout", "gout"]),
        (["--names"], ["lung cancer", "gout", "gout", "gout"]),
        (["--abbreviations", "--names"], ["lung cancer", "LC", "LC", "gout", "gout", "gout"]),
        (["--known", "labelled"], ["lung cancer", "hurts", "gout", "gout"]),
        (["--known", "labelled", "--names"], ["lung cancer", "hurts", "gout", "gout", "gout"]),
        (
            ["--names", "--abbreviations", "--known", "labelled"],
            ["lung cancer", "LC", "LC", "hurts", "gout", "gout", "gout"],
        ),
    ],
)
def test_evidence_is_asked_for_by_switches(tmp_path, monkeypatch, switches, found):
    text = "No lung cancer (LC) here. LC hurts. A gout. A gout. A gout."
    labels = iter(["O", "B-D", "E-D", *["O"] * 9, "S-D", "O", "O", "S-D", *["O"] * 4])
    rows = [
        TaggedSentence(tuple(row), tuple(next(labels) for _ in row), tuple(token.text for token in row))
        for row in sentences(text)
    ]
    monkeypatch.setattr("metalstm.threads.use_one", lambda: None)
    monkeypatch.setattr("metalstm.tagging.tag.load", lambda *_: None)
    monkeypatch.setattr("metalstm.tagging.tag.tag_text", lambda *_: Document(text, tuple(rows)))
    monkeypatch.chdir(tmp_path)
    Path("labelled").write_text("It\tO\nhurts\tB-D\n\nhere\tB-D\n\nhere\tO\n")
    file = tmp_path / "text.txt"
    file.write_text(text)
    try:
        done = CliRunner().invoke(app, ["tag", "--model", "run", str(file), "--format", "jsonl", *switches])
    finally:
        gc.unfreeze()
        gc.enable()
    assert done.exit_code == 0, done.output
    assert [entity["text"] for entity in json.loads(done.stdout)["entities"]] == found


def test_several_files_are_tagged_one_after_the_other_each_as_its_own_document(tmp_path, monkeypatch):
    monkeypatch.setattr("metalstm.threads.use_one", lambda: None)
    monkeypatch.setattr("metalstm.tagging.tag.load", lambda *_: pharmacist())
    monkeypatch.chdir(tmp_path)
    for name, text in (("a", "Take aspirin."), ("-", "Take warfarin.")):
        Path(name).write_text(text)
    try:
        done = CliRunner().invoke(
            app, ["tag", "--model", "run", "a", "-", "./-", "--format", "jsonl"], input="No heparin."
        )
    finally:
        gc.unfreeze()
        gc.enable()
    assert done.exit_code == 0, done.output
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert [one["text"] for one in told] == ["Take aspirin.", "No heparin.", "Take warfarin."]
    assert [[(e["start"], e["text"]) for e in one["entities"]] for one in told] == [
        [(5, "aspirin")],
        [(3, "heparin")],
        [(5, "warfarin")],
    ]


def test_names_are_known_in_the_spelling_that_the_tagger_reads():
    document = tag_text(pharmacist(), "Alzheimer\u2019s disease and TNF\u03b1.")
    (sentence,) = document.sentences
    start, gene = sentence.words[:3], next(word for word in sentence.words if word.startswith("TNF"))
    known = {start: "Disease", (gene,): "Gene"}
    found = with_evidence(document, known=known, abbreviations=False, names=False).mentions()
    assert all(word.isascii() for word in sentence.words)
    assert [mention.text for mention in found] == ["Alzheimer\u2019s disease"[: found[0].end], "TNF\u03b1"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "expected sentences"),
        ("gout\n", ":1: expected a token .* and a label"),
        ("a\tO\ngout\tX-D\n", ":2: .*X-D"),
        ("gout\tS-D\n\ngout\tO\n", "no name of 3 characters or more is labelled nearly everywhere"),
    ],
)
def test_a_file_of_known_names_that_has_none_is_refused(tmp_path, content, message):
    path = tmp_path / "labelled"
    path.write_text(content)
    with pytest.raises(UserError, match=f"labelled.*{message}"):
        read_known_names(path)
