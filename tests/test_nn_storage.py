"""Taggers on disk."""

import json
from pathlib import Path

import pytest
import torch

from metalstm.errors import UserError
from metalstm.nn.batch import collate
from metalstm.nn.lexicon import Lexicon
from metalstm.nn.options import AttentionOptions, CharacterOptions, MultitaskOptions, TaggerOptions
from metalstm.nn.storage import DESCRIPTION, WEIGHTS, continued_path, describe, load, save, save_continued
from metalstm.nn.tagger import Tagger

TOKENS = [["a\u2028b", "§", "pain", '"'], ["IL-2"]]
LABELS = [["B-x", "E-x", "O", "O"], ["S-x"]]
EXTRA = {"setting": "mtm", "scope": "chem", "corpora": ["a", "b"], "plan": {"seed": 1, "rate": 0.15, "none": None}}


def tagger(seed: int = 0) -> Tagger:
    torch.manual_seed(seed)
    options = TaggerOptions(
        word_size=5,
        hidden_size=4,
        tune_words=False,
        characters=CharacterOptions(encoder="lstm", size=4, embedding_size=3),
        word_shape=2,
        attention=AttentionOptions(heads=2),
        cell_options={"dropout_recurrent": 0.25},
    )
    return Tagger(Lexicon.build(zip(TOKENS, LABELS, strict=True), ["extra"], ["a", "b"]), options)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save(tagger(), tmp_path / "run", extra=EXTRA)
    return tmp_path / "run"


def test_a_loaded_tagger_is_the_one_that_was_saved(folder: Path) -> None:
    saved, loaded = tagger().eval(), load(folder)
    assert not loaded.training
    assert (loaded.options, loaded.lexicon) == (saved.options, saved.lexicon)
    batch = collate(saved.lexicon, TOKENS)
    assert torch.equal(loaded.emissions(batch), saved.emissions(batch))
    assert loaded.decode_labels(batch) == saved.decode_labels(batch)
    assert all(torch.equal(value, loaded.state_dict()[name]) for name, value in saved.state_dict().items())


def test_the_description_alone_says_what_the_writer_added(folder: Path) -> None:
    (folder / WEIGHTS).unlink()
    description = describe(folder)
    assert description.extra == EXTRA
    assert description.lexicon == tagger().lexicon


def test_the_same_tagger_gives_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    save(load(folder), tmp_path / "again", extra=EXTRA)
    for name in (WEIGHTS, DESCRIPTION):
        assert (folder / name).read_bytes() == (tmp_path / "again" / name).read_bytes()
    assert sorted(path.name for path in folder.iterdir()) == [DESCRIPTION, WEIGHTS]


def test_loading_leaves_the_random_state(folder: Path) -> None:
    state = torch.random.get_rng_state()
    load(folder)
    assert torch.equal(state, torch.random.get_rng_state())


def test_what_json_cannot_hold_leaves_the_files_as_they_were(folder: Path) -> None:
    before = [(folder / name).read_bytes() for name in (WEIGHTS, DESCRIPTION)]
    with pytest.raises(ValueError, match="serialize"):
        save(tagger(1), folder, extra={"key": object()})
    assert [(folder / name).read_bytes() for name in (WEIGHTS, DESCRIPTION)] == before


def test_missing_files(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"model\.json: there is no such file"):
        load(tmp_path / "nothing")
    (folder / WEIGHTS).unlink()
    with pytest.raises(UserError, match=r"model\.safetensors: there is no such file"):
        load(folder)


def test_weights_of_another_model_are_refused(folder: Path, tmp_path: Path) -> None:
    save(tagger(1), tmp_path / "other")
    (folder / WEIGHTS).write_bytes((tmp_path / "other" / WEIGHTS).read_bytes())
    with pytest.raises(UserError, match="not the weights"):
        load(folder)


def edited(folder: Path, **changes: object) -> Path:
    path = folder / DESCRIPTION
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | changes), encoding="utf-8")
    return folder


def test_foreign_newer_and_damaged_descriptions_are_refused(folder: Path) -> None:
    options = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))["options"]
    for changes, message in (
        ({"options": options | {"hidden_size": "many"}}, r"options\.hidden_size"),
        ({"options": options | {"surprise": 1}}, r"options\.surprise"),
        ({"options": options | {"hidden_size": 6}}, "do not fit .*train again"),
        ({"version": 99}, "newer version"),
        ({"format": "something else"}, "not the description of a tagger"),
    ):
        with pytest.raises(UserError, match=message) as caught:
            load(edited(folder, **changes))
        assert "\n" not in str(caught.value)
    for text in ("[]", '{"model_type": "bert"}', "{", "\xff"):
        (folder / DESCRIPTION).write_text(text, encoding="latin-1")
        with pytest.raises(UserError, match=r"model\.json: not "):
            load(folder)


def joint_tagger() -> Tagger:
    torch.manual_seed(0)
    options = TaggerOptions(word_size=5, hidden_size=4, multitask=MultitaskOptions())
    labels = {"a": ["O", "S-x"], "b": ["B-x", "E-x", "O"]}
    return Tagger(Lexicon.build(zip(TOKENS, LABELS, strict=True), corpora=labels, corpus_labels=labels), options)


def test_a_model_of_one_corpus_has_the_weights_that_went_on_for_it(tmp_path: Path) -> None:
    labels = {"a": ["O", "S-x"]}
    lexicon = Lexicon.build(zip(TOKENS, LABELS, strict=True), corpora=labels, corpus_labels=labels)
    model = Tagger(lexicon, joint_tagger().options)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with torch.no_grad():
        model.corpus_embedding.weight.zero_()  # type: ignore[union-attr]
    after = {name: value.clone() for name, value in model.state_dict().items()}
    digests = {"a": save_continued(model, before, tmp_path, "a")}
    model.load_state_dict(before)
    save(model, tmp_path, continued=digests)
    assert all(torch.equal(value, after[name]) for name, value in load(tmp_path).state_dict().items())


def test_weights_of_one_corpus_are_kept_beside_the_joint_ones(tmp_path: Path) -> None:
    model = joint_tagger()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    digests = {"a": save_continued(model, before, tmp_path, "a")}
    row = model.lexicon.word_id("pain")
    with torch.no_grad():
        model.words.weight[row] += 1.0
        model.corpus_embedding.weight.zero_()  # type: ignore[union-attr]
    after = {name: value.clone() for name, value in model.state_dict().items()}
    digests["b"] = save_continued(model, before, tmp_path, "b")
    model.load_state_dict(before)
    save(model, tmp_path, continued=digests)
    for corpus, weights in ((None, before), ("a", before), ("b", after)):
        loaded = load(tmp_path, corpus)
        assert loaded.lexicon == model.lexicon
        assert all(torch.equal(value, weights[name]) for name, value in loaded.state_dict().items())
    # Of a large table only the rows that changed are written.
    assert continued_path(tmp_path, "b").stat().st_size < 600
    with pytest.raises(UserError, match="no corpus 'c': choose one of a, b"):
        load(tmp_path, "c")
    continued_path(tmp_path, "b").write_bytes(continued_path(tmp_path, "a").read_bytes())
    with pytest.raises(UserError, match="not the weights"):
        load(tmp_path, "b")
    continued_path(tmp_path, "b").unlink()
    with pytest.raises(UserError, match=r"b\.safetensors: there is no such file"):
        load(tmp_path, "b")


def test_descriptions_from_before_there_were_several_output_layers_are_read(folder: Path) -> None:
    content = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
    del content["continued_sha256"], content["lexicon"]["corpus_labels"], content["options"]["multitask"]
    (folder / DESCRIPTION).write_text(json.dumps(content), encoding="utf-8")
    assert load(folder).lexicon == tagger().lexicon
