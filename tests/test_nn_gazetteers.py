"""Taggers that are told which lists of names a token stands in."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from metalstm.corpora import joint
from metalstm.corpora.columns import Sentence
from metalstm.errors import UserError
from metalstm.files import sha256
from metalstm.gazetteers.matching import Gazetteers, keys
from metalstm.nn import gazetteers, storage
from metalstm.nn.batch import collate
from metalstm.nn.options import Kernels, MultitaskOptions
from metalstm.nn.tagger import Tagger
from metalstm.tagging import inference
from test_nn_tagger import LABELS, LEXICON, SMALL, TOKENS

LISTS = {"drugs": keys([["aspirin"], ["IL", "-", "2"]]), "ills": keys([["pain"], ["breast", "cancer"]])}
NAMED = replace(LEXICON, gazetteers=Gazetteers.together(LISTS))
OPTIONS = SMALL.model_copy(update={"gazetteers": [*LISTS]})


def tagger(kernels: Kernels = "auto", **changes: object) -> Tagger:
    torch.manual_seed(0)
    return Tagger(NAMED, OPTIONS.model_copy(update={"kernels": kernels, **changes})).double()


def test_each_list_has_a_value_for_each_place() -> None:
    batch = collate(NAMED, TOKENS)
    assert batch.gazetteers[0].tolist() == [[4, 0], [0, 0], [0, 4], [0, 0]]
    found = gazetteers.features(batch.gazetteers, torch.float64)
    assert found.shape == (3, 4, gazetteers.size(2))
    assert found.sum(dim=2).tolist() == [[1, 0, 1, 0], [0, 0, 0, 0], [0, 1, 1, 0]]
    assert found[2, 1].tolist() == [0, 0, 0, 0, 1, 0, 0, 0]  # the first token of one of `ills`
    assert found[2, 2].tolist() == [0, 0, 0, 0, 0, 0, 1, 0]


def test_what_a_list_has_changes_the_scores_and_nothing_else_does() -> None:
    model = tagger().eval()
    told, untold = collate(NAMED, TOKENS), collate(LEXICON, TOKENS)
    assert torch.equal(told.words, untold.words)
    assert untold.gazetteers.shape == (3, 4, 0)
    other = replace(untold, gazetteers=torch.zeros_like(told.gazetteers))
    changed = (model.emissions(told) != model.emissions(other)).any(dim=2)
    assert changed[0].all()
    assert not changed[1, 0]  # *IL-2* is one token here, and so none of the list's three


@pytest.mark.parametrize("tune_words", [True, False])
@pytest.mark.parametrize("multitask", [None, MultitaskOptions(output="shared", corpus_embedding=3)])
def test_kernels_and_plain_pytorch_agree(tune_words: bool, multitask: MultitaskOptions | None) -> None:
    losses = []
    for kernels in ("auto", "off"):
        model = tagger(kernels, tune_words=tune_words, multitask=multitask)
        loss = model.loss(collate(NAMED, TOKENS, LABELS, ["a", "b", "a"]))
        loss.backward()
        learned = [*model.dense_parameters(), *model.row_parameters()]
        losses.append(
            (loss.detach(), [parameter.grad.to_dense() for parameter in learned if parameter.grad is not None])
        )
    (fast, fast_gradients), (plain, plain_gradients) = losses
    assert torch.allclose(fast, plain, atol=1e-12)
    for one, other in zip(fast_gradients, plain_gradients, strict=True):
        assert torch.allclose(one, other, atol=1e-12)


def test_lists_other_than_those_of_the_lexicon_are_refused() -> None:
    with pytest.raises(ValueError, match="the lexicon has the lists"):
        Tagger(LEXICON, OPTIONS)


def test_task_tags_are_in_no_name_and_hide_none() -> None:
    shown = joint.tag(Sentence(("pain",), ("S-disease",)), "ills")
    assert collate(NAMED, [shown.tokens]).gazetteers[0].tolist() == [[0, 0], [0, 4], [0, 0]]


def test_a_batch_takes_its_lists_along() -> None:
    batch = collate(NAMED, TOKENS).to("meta")
    assert batch.gazetteers.device.type == "meta"


def test_a_stored_tagger_has_its_lists(tmp_path: Path) -> None:
    model = tagger().float().eval()
    storage.save(model, tmp_path)
    again = storage.load(tmp_path)
    assert again.lexicon.gazetteers.names == ("drugs", "ills")
    batch = collate(again.lexicon, TOKENS)
    assert torch.equal(batch.gazetteers, collate(NAMED, TOKENS).gazetteers)
    assert torch.equal(again.emissions(batch), model.emissions(batch))
    assert inference.load(tmp_path) is None  # the way without torch knows of no lists


def test_a_stored_tagger_without_its_lists_is_refused(tmp_path: Path) -> None:
    storage.save(tagger().float(), tmp_path)
    weights, description = tmp_path / storage.WEIGHTS, tmp_path / storage.DESCRIPTION
    digest = sha256(weights)
    kept = {name: value for name, value in load_file(weights).items() if not name.startswith("gazetteers.")}
    save_file(kept, weights)
    description.write_text(description.read_text("utf-8").replace(digest, sha256(weights)), "utf-8")
    with pytest.raises(UserError, match="names lists of names: train again"):
        storage.load(tmp_path)
