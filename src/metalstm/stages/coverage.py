"""Count what of each corpus the word vectors cover."""

import json
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from metalstm.corpora import columns
from metalstm.corpora.splits import SPLITS
from metalstm.files import write_text
from metalstm.plan.job import Plan
from metalstm.vectors import load
from metalstm.vectors.coverage import Coverage, coverage


def run(plan: Plan) -> None:
    """Write how many tokens, and how many tokens inside gold mentions, have no vector; show the shares as a table.

    Nothing is learned from the labels: they only say which tokens to count.
    """
    vectors = load.load(Path(plan.inputs["vectors"]))
    words = set(vectors.words)
    found: dict[str, dict[str, Coverage]] = {}
    for corpus in plan.parameters["corpora"]:
        read = {split: columns.read(Path(plan.inputs[f"{corpus}.{split}"])) for split in SPLITS}
        found[corpus] = {
            split: coverage(((s.tokens, s.labels) for s in sentences), words) for split, sentences in read.items()
        }
    report = {
        "words": len(vectors.words),
        "size": vectors.vectors.shape[1],
        "coverage": {
            corpus: {split: asdict(counted) for split, counted in splits.items()} for corpus, splits in found.items()
        },
    }
    write_text(Path(plan.outputs["report"]), json.dumps(report, indent=1) + "\n")
    Console(soft_wrap=True).print(_table(found))


def _table(found: dict[str, dict[str, Coverage]]) -> Table:
    table = Table("corpus", title="Tokens without a word vector, per cent: all, inside mentions")
    for split in SPLITS:
        table.add_column(split, justify="right")
    for corpus, splits in found.items():
        table.add_row(corpus, *(_shares(splits[split]) for split in SPLITS))
    return table


def _shares(counted: Coverage) -> str:
    of_all = 100 * counted.without / max(counted.tokens, 1)
    inside = 100 * counted.entity_without / max(counted.entity_tokens, 1)
    return f"{of_all:.2f} {inside:6.2f}"
