"""A step of taggers on the simulated card: a line of JSON for each, with its losses there and on the CPU, and waits."""

import copy
import json
from typing import Any

import numpy as np
import torch

import card
from metalstm.nn.batch import number
from metalstm.nn.cells import names
from metalstm.nn.lexicon import Lexicon
from metalstm.nn.options import (
    AttentionOptions,
    CharacterOptions,
    ContextOptions,
    DropoutOptions,
    MultitaskOptions,
    TaggerOptions,
)
from metalstm.nn.tagger import Tagger

TOKENS = [["aspirin", "stops", "pain", "."], ["IL-2"], ["the", "breast", "cancer", "the"]]
LABELS = [["S-chem", "O", "O", "O"], ["S-gene"], ["O", "B-disease", "E-disease", "O"]]
CORPORA = ["a", "b", "a"]
DROPOUT = DropoutOptions(input=0.0, output=0.0)
PLAIN = TaggerOptions(
    word_size=8, hidden_size=6, characters=CharacterOptions(embedding_size=4, size=6), dropout=DROPOUT
)
CONTEXT = {"tune_words": False, "context": ContextOptions(hidden_size=5, size=4)}
CASES: dict[str, dict[str, Any]] = {name: {"cell": name} for name in names()} | {
    "two layers": {"num_layers": 2},
    "dropout": {"dropout": DropoutOptions(input=0.3, output=0.3, recurrent=0.2, variational=True)},
    "frozen words, some dropped": {"tune_words": False, "dropout": DropoutOptions(words=0.5)},
    "characters by an LSTM": {"characters": CharacterOptions(encoder="lstm", embedding_size=4, size=6)},
    "word shape": {"word_shape": 3},
    "attention": {"attention": AttentionOptions(heads=2)},
    "mtm-plus": {"multitask": MultitaskOptions(corpus_embedding=3)},
    "mtm-plus, shared output": {"multitask": MultitaskOptions(output="shared", corpus_embedding=3)},
    "contextual vectors": CONTEXT,
    "contextual vectors, pooled": CONTEXT | {"pooling_window": 1},
}
"""Options of a tagger, by what is tried."""


def step(options: TaggerOptions) -> dict[str, Any]:
    """The loss of three sentences on the card and, where nothing is drawn, on the CPU; and the waits of a step."""
    torch.manual_seed(3)
    rows = [0, 2] if options.has_output_per_corpus else [0, 1, 2]  # a batch is of one corpus then
    tokens, labels, corpora = ([of_all[row] for row in rows] for of_all in (TOKENS, LABELS, CORPORA))
    own = {"a": set(LABELS[0]) | set(LABELS[2]), "b": set(LABELS[1])} if options.has_output_per_corpus else None
    tagger = Tagger(Lexicon.build(zip(TOKENS, LABELS, strict=True), corpora=["a", "b"], corpus_labels=own), options)
    if options.tune_words:
        tagger.words.sparse = False  # a tensor of our card cannot be sparse
    sentences = number(tagger.lexicon, tokens, labels, corpora)
    if tagger.context is not None:
        drawn = {name: torch.randn_like(value) for name, value in tagger.context.vectors.state_dict().items()}
        tagger.context.begin(drawn, np.arange(len(tagger.lexicon.words), dtype=np.int32))
        if options.pooling_window:
            tagger.context.remember(sentences, tagger.words.weight)
            tagger.context.pool(sentences, [len(rows)])
    batch = sentences.batch(range(len(rows)))
    drops = options.dropout != DROPOUT
    expected = None if drops else copy.deepcopy(tagger).loss(batch).item()
    with card.Card() as there, card.Library(there):
        card.on_card(tagger)
        there.waits.clear()
        loss = tagger.loss(batch)
        loss.backward()
        waits = sum(there.waits.values())
        assert all(
            isinstance(weight.grad, card.OnCard) for weight in tagger.dense_parameters() if weight.grad is not None
        )
        tagger.eval()
        with torch.no_grad(), tagger.reading(sentences):
            tagger.decode_labels(batch)
    return {"loss": loss.numbers.item(), "expected": expected, "waits": waits}


if __name__ == "__main__":
    torch.set_num_threads(1)
    card.install()
    for case, changes in CASES.items():
        print(json.dumps({"case": case, **step(PLAIN.model_copy(update=changes))}), flush=True)
