"""The whole network."""

import dataclasses

import pytest
import torch
from torch import Tensor, nn

from metalstm.errors import UserError
from metalstm.nn.batch import Batch, collate, real
from metalstm.nn.lexicon import UNKNOWN, Lexicon
from metalstm.nn.options import (
    AttentionOptions,
    CharacterOptions,
    ContextOptions,
    CrfOptions,
    DropoutOptions,
    Kernels,
    MultitaskOptions,
    TaggerOptions,
)
from metalstm.nn.tagger import Dropout, Tagger, num_parameters

TOKENS = [["aspirin", "stops", "pain", "."], ["IL-2"], ["the", "breast", "cancer", "the"]]
LABELS = [["S-chem", "O", "O", "O"], ["S-gene"], ["O", "B-disease", "E-disease", "O"]]
LEXICON = Lexicon.build([*zip(TOKENS, LABELS, strict=True), (["x"], ["I-disease"])], corpora=["a", "b"])
NO_DROPOUT = DropoutOptions(input=0.0, output=0.0)
SMALL = TaggerOptions(
    word_size=8,
    hidden_size=7,
    characters=CharacterOptions(embedding_size=4, size=6),
    dropout=NO_DROPOUT,
)


def tagger(options: TaggerOptions = SMALL, vectors: Tensor | None = None) -> Tagger:
    torch.manual_seed(0)
    return Tagger(LEXICON, options, vectors)


def batch(rows: slice = slice(None)) -> Batch:
    return collate(LEXICON, TOKENS[rows], LABELS[rows])


@pytest.mark.parametrize(
    "options",
    [
        SMALL,
        SMALL.model_copy(update={"characters": CharacterOptions(encoder="lstm", size=6)}),
        SMALL.model_copy(update={"characters": CharacterOptions(encoder="none"), "num_layers": 2, "word_shape": 3}),
        SMALL.model_copy(update={"attention": AttentionOptions(heads=2), "cell": "rnn"}),
    ],
)
def test_a_sentence_is_scored_the_same_alone_and_in_company(options: TaggerOptions) -> None:
    model = tagger(options).double().eval()
    together = model.emissions(batch())
    assert together.shape == (3, 4, len(LEXICON.labels))
    for row, sentence in enumerate(TOKENS):
        alone = model.emissions(batch(slice(row, row + 1)))
        assert torch.allclose(together[row, : len(sentence)], alone[0], atol=1e-12)


def test_loss_is_the_mean_over_sentences() -> None:
    model = tagger().double().eval()
    alone = [model.loss(batch(slice(row, row + 1))) for row in range(3)]
    assert torch.allclose(model.loss(batch()), torch.stack(alone).mean(), atol=1e-12)
    with pytest.raises(ValueError, match="labels"):
        model.loss(collate(LEXICON, TOKENS))


@pytest.mark.parametrize("words", [0.0, 1e-9])
def test_kernels_change_nothing(words: float) -> None:
    dropout = NO_DROPOUT.model_copy(update={"words": words})
    found = {}
    for way in ("auto", "off"):
        model = tagger(SMALL.model_copy(update={"kernels": way, "dropout": dropout})).double()
        loss = model.loss(batch())
        loss.backward()
        found[way] = [loss, *(parameter.grad.to_dense() for parameter in model.parameters())]
    for one, other in zip(found["auto"], found["off"], strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-12)


def test_it_learns_its_sentences_by_heart() -> None:
    model = tagger()
    rows = torch.optim.SGD(model.row_parameters(), lr=0.5)
    dense = torch.optim.SGD(model.dense_parameters(), lr=0.5)
    for _ in range(30):
        rows.zero_grad()
        dense.zero_grad()
        model.loss(batch()).backward()
        rows.step()
        dense.step()
    assert model.decode_labels(collate(LEXICON, TOKENS)) == LABELS


def test_gradients_reach_every_parameter_and_only_the_rows_of_the_batch() -> None:
    model = tagger(SMALL.model_copy(update={"attention": AttentionOptions(heads=7)}))
    model.loss(batch(slice(0, 1))).backward()
    (words,) = model.row_parameters()
    assert words.grad is not None
    assert words.grad.is_sparse
    assert set(words.grad.coalesce().indices()[0].tolist()) == {LEXICON.word_id(word) for word in TOKENS[0]}
    assert all(parameter.grad is not None and not parameter.grad.is_sparse for parameter in model.dense_parameters())
    assert len(model.dense_parameters()) + 1 == len(list(model.parameters()))


def test_word_vectors_are_where_the_table_starts() -> None:
    vectors = torch.full((len(LEXICON.words), 8), 2.0)
    vectors[UNKNOWN] = torch.nan
    vectors[LEXICON.word_id("pain"), 3] = torch.nan
    weight = tagger(vectors=vectors).words.weight.detach()
    drawn = {UNKNOWN, LEXICON.word_id("pain")}
    for row, values in enumerate(weight[1:], start=1):
        assert (values.abs().max() <= (3 / 8) ** 0.5 and values.std() > 0) if row in drawn else (values == 2.0).all()
    assert not weight[0].any()
    with pytest.raises(UserError, match=r"11 words of 8 values"):
        tagger(vectors=vectors[:, :5])


def test_frozen_words_are_kept_but_not_trained() -> None:
    model = tagger(SMALL.model_copy(update={"tune_words": False}))
    assert model.row_parameters() == []
    model.loss(batch()).backward()
    assert model.words.weight.grad is None
    assert "words.weight" in model.state_dict()
    assert num_parameters(model) == num_parameters(tagger())
    assert sum(p.numel() for p in model.dense_parameters()) == num_parameters(model) - 8 * len(LEXICON.words)


@pytest.mark.parametrize(
    "update",
    [
        {"tune_words": True},
        {"word_shape": 2, "num_layers": 2},
        {"characters": CharacterOptions(encoder="none")},
        {"context": ContextOptions(hidden_size=5, size=4)},
        {"context": ContextOptions(hidden_size=5, size=4), "word_shape": 3, "cell": "metalstm"},
        {"context": ContextOptions(hidden_size=5, size=4), "multitask": MultitaskOptions(output="shared")},
    ],
    ids=str,
)
def test_what_is_learned_beside_frozen_features_gets_its_whole_gradient(update: dict[str, object]) -> None:
    gradients = []
    for way in ("auto", "off"):
        model = tagger(SMALL.model_copy(update={"tune_words": False, "kernels": way} | update)).double()
        model.loss(batch()).backward()
        gradients.append({name: weight.grad for name, weight in model.named_parameters() if weight.requires_grad})
    fast, plain = gradients
    assert fast["encoder.layers.0.0.W_x"].any()
    for name, gradient in fast.items():
        torch.testing.assert_close(gradient, plain[name])


def test_decoding_knows_no_dropout_no_gradient_and_leaves_the_mode() -> None:
    model = tagger(SMALL.model_copy(update={"dropout": DropoutOptions(input=0.9, output=0.9, words=0.9)})).train()
    paths = [model.decode(batch()) for _ in range(3)]
    assert paths[0] == paths[1] == paths[2]
    assert model.training
    assert model.encoder.training
    assert [[LEXICON.labels[label] for label in path] for path in paths[0]] == model.decode_labels(batch())
    assert model.loss(batch()) != model.loss(batch())


def test_the_seed_decides_dropout() -> None:
    model = tagger(SMALL.model_copy(update={"dropout": DropoutOptions(recurrent=0.3, words=0.3)})).train()
    losses = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        losses.append(model.loss(batch()).item())
    assert losses[0] == losses[1] != losses[2]


def test_dropout_masks() -> None:
    torch.manual_seed(0)
    features = torch.ones(4, 50, 40)
    for variational in (False, True):
        dropped = Dropout(0.25, variational=variational)(features)
        assert dropped.unique().tolist() == pytest.approx([0.0, 4 / 3])
        assert (dropped == 0).float().mean().item() == pytest.approx(0.25, abs=0.05)
        assert bool((dropped == dropped[:, :1]).all()) == variational
    assert torch.equal(Dropout(0.25, variational=True).eval()(features), features)


@pytest.mark.parametrize("kernels", ["auto", "off"])
def test_word_dropout_makes_known_words_unknown(kernels: Kernels) -> None:
    class Recording(nn.Module):
        def forward(self, inputs: Tensor, lengths: Tensor, *, learned: slice) -> Tensor:
            self.seen = inputs[:, :, 0].long()
            return torch.zeros(*inputs.shape[:2], 2 * SMALL.hidden_size)

    dropout = DropoutOptions(input=0.0, output=0.0, words=0.5)
    model = tagger(SMALL.model_copy(update={"dropout": dropout, "kernels": kernels}))
    model.encoder = Recording()  # type: ignore[assignment]
    with torch.no_grad():  # every word's vector says which word it is
        model.words.weight.copy_(torch.arange(len(LEXICON.words))[:, None].expand_as(model.words.weight))
    sentences = collate(LEXICON, [["aspirin"] * 400, ["pain"] * 200])
    inside = real(sentences.lengths, 400)
    model.train().emissions(sentences)
    seen = model.encoder.seen[inside]
    assert 0.4 < (seen == UNKNOWN).float().mean().item() < 0.6
    assert ((seen == UNKNOWN) | (seen == sentences.words[inside])).all()
    model.eval().emissions(sentences)
    assert torch.equal(model.encoder.seen[inside], sentences.words[inside])


def test_decoded_labels_are_valid_iobes_unless_told_otherwise() -> None:
    generator = torch.Generator().manual_seed(3)
    tokens = [["x"] * 9 for _ in range(20)]
    free = tagger(SMALL.model_copy(update={"crf": CrfOptions(valid_when_decoding=False)}))
    bound = tagger()
    noise = torch.randn(20, 9, len(LEXICON.labels), generator=generator)
    broken = {}
    for name, model in (("free", free), ("bound", bound)):
        model.emissions = lambda batch: noise  # type: ignore[method-assign]
        paths = model.decode_labels(collate(LEXICON, tokens))
        steps = [step for path in paths for step in zip(["O", *path], [*path, "O"], strict=True)]
        broken[name] = sum((a[0] in "BI") != (b[0] in "IE") for a, b in steps)
    assert broken["bound"] == 0 < broken["free"]


def test_other_schemes_need_the_constraints_switched_off() -> None:
    lexicon = dataclasses.replace(LEXICON, labels=("NOUN", "VERB"))
    with pytest.raises(UserError, match="not IOBES"):
        Tagger(lexicon, SMALL)
    Tagger(lexicon, SMALL.model_copy(update={"crf": CrfOptions(valid_when_decoding=False)}))


def test_an_encoder_of_many_tasks_is_told_the_corpus() -> None:
    class Told(nn.Module):
        takes_corpus = True

        def forward(self, inputs: Tensor, lengths: Tensor, corpus: Tensor, *, learned: slice) -> Tensor:
            return corpus[:, None, None].to(inputs.dtype).expand(-1, inputs.shape[1], 14)

    model = tagger()
    model.encoder = Told()  # type: ignore[assignment]
    scores = model.emissions(collate(LEXICON, TOKENS, corpora=["a", "b", "b"]))
    assert torch.equal(scores[1, 0], scores[2, 0])
    assert not torch.equal(scores[0, 0], scores[1, 0])


def test_options_of_the_cell_come_before_those_of_the_tagger() -> None:
    dropout = DropoutOptions(recurrent=0.2, output=0.3, variational=True)
    options = tagger(SMALL.model_copy(update={"dropout": dropout})).encoder.options
    assert (options.dropout_recurrent, options.dropout_between, options.variational) == (0.2, 0.3, True)
    own = SMALL.model_copy(update={"dropout": dropout, "cell_options": {"dropout_recurrent": 0.1}})
    assert tagger(own).encoder.options.dropout_recurrent == 0.1


def multitask(output: str = "per_corpus", size: int = 3) -> Tagger:
    labels = {"a": ["O", "S-chem"], "b": ["O", "B-disease", "E-disease", "I-disease"]}
    lexicon = Lexicon.build(
        zip(TOKENS, LABELS, strict=True),
        corpora=labels,
        corpus_labels=labels if output == "per_corpus" else None,
    )
    torch.manual_seed(0)
    return Tagger(
        lexicon, SMALL.model_copy(update={"multitask": MultitaskOptions(output=output, corpus_embedding=size)})
    )


def of(model: Tagger, corpus: str, row: int) -> Batch:
    return collate(model.lexicon, [TOKENS[row]], [LABELS[row]], [corpus])


def test_each_corpus_has_an_output_layer_and_labels_of_its_own() -> None:
    model = multitask()
    assert model.emissions(of(model, "a", 0)).shape == (1, 4, 2)
    assert model.emissions(of(model, "b", 2)).shape == (1, 4, 4)
    assert of(model, "b", 2).labels.tolist() == [[3, 0, 1, 3]]
    assert {label for path in model.decode_labels(of(model, "b", 2)) for label in path} <= {*model.lexicon.labels_of(1)}
    model.loss(of(model, "a", 0)).backward()
    reached = {name for name, parameter in model.named_parameters() if parameter.grad is not None}
    unreached = {name for name, _ in model.named_parameters()} - reached
    assert unreached == {f"{name}.1.{part}" for name, part in OF_A_CORPUS}
    with pytest.raises(UserError, match=r"'S-gene' does not stand .*known: O, S-chem"):
        of(model, "a", 1)
    with pytest.raises(ValueError, match="one corpus"):
        model.emissions(collate(model.lexicon, TOKENS[:2], corpora=["a", "b"]))


OF_A_CORPUS = [
    *(("emission", part) for part in ("weight", "bias")),
    *(("crf", part) for part in ("transitions", "start", "end")),
]


def test_a_corpus_that_is_told_at_every_token_changes_the_scores() -> None:
    for size, told in ((0, False), (3, True)):
        model = multitask("shared", size)
        one, other = (model.emissions(collate(model.lexicon, TOKENS[:1], corpora=[name])) for name in ("a", "b"))
        assert torch.equal(one, other) != told
    both = model.emissions(collate(model.lexicon, TOKENS[:1] * 2, corpora=["a", "b"]))
    assert torch.allclose(both, torch.cat([one, other]), atol=1e-6)


def test_options_for_several_corpora_are_nothing_to_a_tagger_without() -> None:
    plain = tagger()
    assert {name.split(".")[0] for name in plain.state_dict()} == {"words", "characters", "encoder", "emission", "crf"}
