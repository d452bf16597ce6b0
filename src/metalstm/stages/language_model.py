"""Learn a language model over the study's word vectors, from a share of the text that they were learned from."""

import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import save_file

from metalstm.errors import UserError
from metalstm.files import atomic, write_text
from metalstm.nn.batch import Array
from metalstm.plan.job import Plan
from metalstm.training.language_model import learn
from metalstm.training.options import LanguageModelOptions
from metalstm.vectors import load


def run(plan: Plan) -> None:
    """Write the weights that a tagger reads, and a report of how well they predict words.

    Raises:
        UserError: there is no word vector, or no sentence to learn from.
    """
    torch.set_num_threads(1)
    options = LanguageModelOptions.model_validate(plan.parameters["options"])
    vectors = load.load(Path(plan.inputs["vectors"]))
    report = json.loads(Path(plan.inputs["report"]).read_text(encoding="utf-8"))
    sources = [source["sentences"] for kind in ("corpora", "texts") for source in report[kind].values()]
    tokens = [source["tokens"] for kind in ("corpora", "texts") for source in report[kind].values()]
    if not vectors.words or not sum(tokens):
        raise UserError(f"{plan.job}: no word has a vector, or the text of `vectors` is empty; name some text there")
    chosen = _chosen(sources, shares(tokens, options.tokens), options.seed)
    numbered = list(_numbered(Path(plan.inputs["sentences"]), chosen, vectors.words))
    try:
        learned = learn(numbered, torch.from_numpy(np.ascontiguousarray(vectors.vectors)), options)
    except UserError as error:
        raise UserError(f"{plan.job}: {error}") from None
    with atomic(Path(plan.outputs["weights"]), SafetensorError) as temporary:
        save_file({name: value.contiguous() for name, value in learned.contextual.state_dict().items()}, temporary)
    said = {
        "tokens": learned.tokens,
        "perplexity": {
            "forward": _rounded(learned.perplexity_forward),
            "backward": _rounded(learned.perplexity_backward),
        },
        "options": options.model_dump(),
    }
    write_text(Path(plan.outputs["report"]), json.dumps(said, indent=1) + "\n")
    print(f"{plan.outputs['weights']}: {json.dumps(said['perplexity'])} on sentences that were held out")


def _rounded(perplexity: float) -> float | None:
    """Two decimals; None, which JSON can say, where no sentence was held out."""
    return None if math.isnan(perplexity) else round(perplexity, 2)


def shares(tokens: Sequence[int], wanted: int) -> list[float]:
    """Of each source the share to read: `wanted` tokens in all, as many of each, and all of one that has fewer."""
    left, result = wanted, [0.0] * len(tokens)
    order = sorted(range(len(tokens)), key=lambda source: tokens[source])
    for place, source in enumerate(order):
        taken = min(tokens[source], left // (len(order) - place))
        result[source] = taken / tokens[source] if tokens[source] else 0.0
        left -= taken
    return result


def _chosen(sentences: Sequence[int], shares: Sequence[float], seed: int) -> Array:
    """Which sentences of the file are read; it has those of one source after those of another."""
    generator = np.random.default_rng(seed)
    parts: list[Any] = [generator.random(n) < share for n, share in zip(sentences, shares, strict=True)]
    return np.concatenate(parts)


def _numbered(path: Path, chosen: Array, words: Sequence[str]) -> Iterator[Array]:
    """The numbers of the words of sentences, as they are written or else in lower case."""
    row_of = {word: row for row, word in enumerate(words)}
    unknown = len(words) + 1
    with path.open(encoding="utf-8", newline="\n") as file:
        for sentence, read in zip(file, chosen, strict=True):
            if read:
                tokens = sentence.rstrip("\n").split(" ")
                rows = (row_of.get(word, row_of.get(word.lower(), unknown)) for word in tokens)
                yield np.fromiter(rows, dtype=np.int32, count=len(tokens))
