"""Convert one corpus to IOBES, one token and its label a line."""

from pathlib import Path

from metalstm.corpora import columns, conversion, joint
from metalstm.corpora.columns import Sentence
from metalstm.corpora.statistics import statistics
from metalstm.errors import UserError
from metalstm.plan.job import Plan
from metalstm.wording import counted


def run(plan: Plan) -> None:
    """Write data/iobes of the corpus of `plan`; broken label sequences are repaired, and that is said.

    Raises:
        UserError: a file that cannot be read as its columns say, or that holds no sentence, or the sentences of another
            one; a label that is of no scheme; or an entity type that is the name of the corpus.
    """
    read: dict[str, list[Sentence]] = {}
    layout = plan.parameters["columns"]
    separator = {"tab": "\t", "space": None}[layout["separator"]]
    for split, source in plan.inputs.items():
        converted = conversion.read(
            Path(source),
            plan.parameters["scheme"],
            "iobes",
            token=layout["token"],
            label=layout["label"],
            separator=separator,
        )
        try:
            joint.require_names([plan.parameters["corpus"]], converted.sentences)
        except UserError as error:
            raise UserError(f"{source}: {error}") from None
        for other, sentences in read.items():
            # A copy under another name is seen by nothing but what it holds.
            if converted.sentences == sentences:
                raise UserError(
                    f"{source}: the sentences of {other} over again: scores on what was learned say nothing; "
                    "give each split a file of its own"
                )
        read[source] = converted.sentences
        columns.write(Path(plan.outputs[split]), converted.sentences)
        counts = statistics(converted.sentences)
        said = f"{counted(counts.sentences, 'sentence')}, {counted(counts.tokens, 'token')}, "
        said += counted(counts.entities, "entity", "entities")
        if converted.repaired:
            said += f"; repaired {counted(converted.repaired, 'label')} that broke {converted.source}"
        print(f"{plan.outputs[split]}: {said}")
