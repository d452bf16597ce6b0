"""Learn the word vectors of the study, or bring a file of vectors into its format."""

import json
from pathlib import Path

import numpy as np

from metalstm.corpora import columns
from metalstm.errors import UserError
from metalstm.files import write_text
from metalstm.plan.job import Plan
from metalstm.vectors import load, text, word2vec
from metalstm.vectors.load import WordVectors
from metalstm.vectors.options import VectorOptions


def run(plan: Plan) -> None:
    """Write the vectors in word2vec's binary format, and a report of what they learned from and cover."""
    chosen = dict(plan.parameters)
    corpora, _ = chosen.pop("corpora"), chosen.pop("file_blob")
    options = VectorOptions.model_validate(chosen)
    train = {corpus: [s.tokens for s in columns.read(Path(plan.inputs[corpus]))] for corpus in corpora}
    sentences = text.sentences(train)
    vectors = _vectors(options, sentences)
    load.save(Path(plan.outputs["vectors"]), vectors)
    report = {
        "source": options.file or options.source,
        "words": len(vectors.words),
        "size": options.size,
        "sentences": len(sentences),
        "tokens": sum(map(len, sentences)),
        "coverage": {
            corpus: load.coverage([word for tokens in train[corpus] for word in tokens], vectors) for corpus in corpora
        },
    }
    write_text(Path(plan.outputs["report"]), json.dumps(report, indent=1) + "\n")
    origin = {
        "file": f"from {options.file}",
        "random": "none: words start at random",
        "skipgram": f"learned from the train text of {', '.join(corpora)}, since vectors.file names no file",
    }[options.source]
    print(f"{plan.outputs['vectors']}: {len(vectors.words)} words, {options.size} values each, {origin}")


def _vectors(options: VectorOptions, sentences: list[tuple[str, ...]]) -> WordVectors:
    if options.source == "random":
        return WordVectors([], np.zeros((0, options.size), dtype=np.float32))
    if options.source == "skipgram":
        return word2vec.train(sentences, options)
    vectors = load.load(Path(str(options.file)))
    if vectors.vectors.shape[1] != options.size:
        raise UserError(
            f"{options.file}: its vectors have {vectors.vectors.shape[1]} values; "
            f"set `vectors.size: {vectors.vectors.shape[1]}` in params.yaml"
        )
    return vectors
