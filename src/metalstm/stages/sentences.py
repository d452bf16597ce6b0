"""The sentences of a run's file, corpus by corpus, whether the file is of one corpus or of a joint one."""

from pathlib import Path

from metalstm.corpora import columns, joint
from metalstm.corpora.columns import Sentence
from metalstm.plan.job import Plan


def by_corpus(plan: Plan, split: str) -> dict[str, list[Sentence]]:
    """The sentences of a split of each corpus of a train or score plan, without task tags."""
    sentences = columns.read(Path(plan.inputs[split]))
    if not plan.parameters["joint"]:
        return {plan.parameters["scope"]: sentences}
    parts = joint.split(sentences)
    return {corpus: parts.get(corpus, []) for corpus in plan.parameters["corpora"]}
