"""Convert one corpus to IOBES, one token and its label a line."""

from pathlib import Path
from typing import Literal

from metalstm.corpora import columns, schemes
from metalstm.corpora.columns import Sentence
from metalstm.corpora.schemes import Scheme
from metalstm.errors import UserError
from metalstm.plan import Plan


def run(plan: Plan) -> None:
    """Write data/iobes of the corpus of `plan`; broken label sequences are repaired, and that is said.

    Raises:
        UserError: a file that cannot be read as its columns say, or a label that is of no scheme.
    """
    layout = plan.parameters["columns"]
    separator = {"tab": "\t", "space": None}[layout["separator"]]
    for split, source in plan.inputs.items():
        sentences = columns.read(Path(source), token=layout["token"], label=layout["label"], separator=separator)
        try:
            converted, repaired = _to_iobes(sentences, plan.parameters["scheme"])
        except UserError as error:
            raise UserError(f"{source}: {error}") from None
        columns.write(Path(plan.outputs[split]), converted)
        note = f"; {repaired} labels broke the scheme and were repaired" if repaired else ""
        print(f"{plan.outputs[split]}: {len(converted)} sentences{note}")


def _to_iobes(sentences: list[Sentence], scheme: Scheme | Literal["auto"]) -> tuple[list[Sentence], int]:
    source = schemes.detect(sentence.labels for sentence in sentences) if scheme == "auto" else scheme
    repaired = sum(len(schemes.faults(sentence.labels, source)) for sentence in sentences)
    converted = [
        Sentence(sentence.tokens, tuple(schemes.convert(sentence.labels, source, "iobes"))) for sentence in sentences
    ]
    return converted, repaired
