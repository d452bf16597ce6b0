"""Download the files of one corpus, or copy a user's own, verified by git blob id."""

from pathlib import Path

from metalstm.corpora import fetch
from metalstm.corpora.catalogue import Source
from metalstm.plan.job import Plan


def run(plan: Plan) -> None:
    """Bring the corpus of `plan` to data/raw; METALSTM_MIRROR is looked into before the addresses."""
    sources = {split: Source(**source) for split, source in plan.parameters["sources"].items()}
    folder = Path(next(iter(plan.outputs.values()))).parent
    print(f"{plan.parameters['corpus']}: {plan.parameters['licence'] or 'terms of use as its owner states them'}")
    fetch.fetch(sources, folder, by_hand=plan.parameters["by_hand"])
