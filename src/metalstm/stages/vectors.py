"""Learn the word vectors of the study, or bring a file of vectors into its format."""

from pathlib import Path

import numpy as np

from metalstm.errors import UserError
from metalstm.plan.job import Plan
from metalstm.vectors import load, word2vec
from metalstm.vectors.load import WordVectors
from metalstm.vectors.options import VectorOptions


def run(plan: Plan) -> None:
    """Write the vectors in word2vec's binary format."""
    options = VectorOptions.model_validate({key: plan.parameters[key] for key in VectorOptions.model_fields})
    vectors = _vectors(options, plan.inputs)
    load.save(Path(plan.outputs["vectors"]), vectors)
    origin = {
        "file": f"from {options.file}",
        "random": "none: words start at random",
    }.get(options.source, f"learned from {plan.inputs.get('sentences')} ({options.source})")
    print(f"{plan.outputs['vectors']}: {len(vectors.words):,} words, {options.size} values each, {origin}")


def _vectors(options: VectorOptions, inputs: dict[str, str]) -> WordVectors:
    if options.source == "random":
        return WordVectors([], np.zeros((0, options.size), dtype=np.float32))
    if options.source in ("skipgram", "fasttext"):
        from gensim.models.word2vec import LineSentence

        sentences = LineSentence(inputs["sentences"])
        if options.source == "skipgram":
            return word2vec.skipgram(sentences, options)
        return word2vec.fasttext(sentences, options, _words(inputs))
    file = Path(str(options.file))
    vectors = word2vec.with_composed(load.load_subwords(file), _words(inputs)) if "words" in inputs else load.load(file)
    if vectors.vectors.shape[1] != options.size:
        raise UserError(
            f"{options.file}: its vectors have {vectors.vectors.shape[1]} values; "
            f"set `vectors.size: {vectors.vectors.shape[1]}` in params.yaml"
        )
    return vectors


def _words(inputs: dict[str, str]) -> list[str]:
    """The words of all corpora, but for those with a space in them: a file of vectors has no place for such."""
    words = Path(inputs["words"]).read_text(encoding="utf-8").split("\n")
    return [word for word in words if word and " " not in word]
