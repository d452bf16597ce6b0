"""Join the corpora of a group into one, each sentence between the tags of its corpus."""

from pathlib import Path

from metalstm.corpora import columns, joint
from metalstm.corpora.splits import SPLITS
from metalstm.plan.job import Plan
from metalstm.wording import counted


def run(plan: Plan) -> None:
    """Write data/joint of the group of `plan`."""
    for split in SPLITS:
        parts = {corpus: columns.read(Path(plan.inputs[f"{corpus}.{split}"])) for corpus in plan.parameters["corpora"]}
        sentences = joint.join(parts)
        columns.write(Path(plan.outputs[split]), sentences)
        said = f"{counted(len(sentences), 'sentence')} of {counted(len(parts), 'corpus', 'corpora')}"
        print(f"{plan.outputs[split]}: {said}")
