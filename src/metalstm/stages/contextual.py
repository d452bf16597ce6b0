"""The features that a language model gives the sentences of a corpus, once for all trainings on them."""

from pathlib import Path

import torch

from metalstm.corpora import columns
from metalstm.nn import batch, language_model
from metalstm.nn.context import SentenceContext
from metalstm.nn.lexicon import Lexicon
from metalstm.nn.options import ContextOptions
from metalstm.plan.job import Plan
from metalstm.vectors import contextual, load


def run(plan: Plan) -> None:
    """Write the features of every sentence that trainings read again and again; test sentences are read but once.

    Raises:
        UserError: the language model is damaged, or of other options.
    """
    torch.set_num_threads(1)
    options = ContextOptions.model_validate(plan.parameters["options"])
    vectors = load.load(Path(plan.inputs["vectors"]))
    sentences = [columns.read(Path(plan.inputs[split])) for split in ("train", "devel")]
    tokens = [sentence.tokens for split in sentences for sentence in split]
    learned = ((sentence.tokens, sentence.labels) for sentence in sentences[0])
    lexicon = Lexicon.build(learned, extra_words=vectors.words)
    context = SentenceContext(len(lexicon.words), vectors.vectors.shape[1], options, "auto")
    vector_of = load.rows_of(lexicon.words, vectors)
    context.begin(language_model.load(Path(plan.inputs["language_model"])), vector_of)
    features = {}
    if tokens:
        numbered = batch.number(lexicon, tokens)
        table = torch.from_numpy(load.lookup(vector_of, vectors))
        first_of = {key.tobytes(): row for row, key in enumerate(context.read(numbered))}
        features = dict(zip(first_of, context.compute(numbered, list(first_of.values()), table), strict=True))
    contextual.write(Path(plan.outputs["features"]), features, options.size)
    print(f"{plan.outputs['features']}: {options.size} values for each token of {len(features):,} different sentences")
