"""Which jobs go first: short ones, then the longest trainings, so that no core waits for a long one at the end."""

from collections.abc import Mapping
from pathlib import Path

from metalstm.plan.job import Plan

_TRAININGS = ("train", "images")
_COST = {
    **{"rnn": 0.7, "lstm": 1.0, "torchlstm": 1.0, "metarnn": 1.1, "lnlstm": 1.1, "bnlstm": 1.2},
    **{"metamtl": 1.7, "metalstm": 2.1, "metalnlstm": 2.2},
}
"""CPU seconds of an epoch on BioNLP13PC beside those of lstm, each cell with the options that it has by itself.

In batches of 16 sentences, with the tagging of the devel file; medians of five epochs, the cells in turn.
"""
_COST_OF_OTHERS = 2.0
_COST_WITHOUT_KERNELS = 3.0
"""Of lstm, in `benchmarks/step.py`; of most cells it is more."""


def priorities(plans: Mapping[str, Plan]) -> dict[str, int]:
    """The priority of every job: trainings are ranked by what they are likely to cost, everything else comes first.

    The cost of a training is estimated as size of the train files x epochs x layers x cost of the cell. The order is
    all that is asked of it; nothing of it stands in a plan.
    """
    sizes = {plan.parameters["corpus"]: _size(plan) for plan in plans.values() if plan.stage == "fetch"}
    # What is not known may be large, and is better begun too early than too late.
    largest = max((size for size in sizes.values() if size is not None), default=1)
    known = {corpus: largest if size is None else size for corpus, size in sizes.items()}
    costs = {job: _cost(plan, known) for job, plan in plans.items() if plan.stage in _TRAININGS}
    ranks = {cost: rank for rank, cost in enumerate(sorted(set(costs.values())), start=1)}
    return {job: ranks[costs[job]] if job in costs else len(ranks) + 1 for job in plans}


def _size(fetch: Plan) -> int | None:
    """The bytes of a corpus's train file, or of a set of images."""
    sources = fetch.parameters["sources"]
    source = sources.get("train") or sources["train-images"]
    own = Path(source["path"]) if source["path"] else None
    return own.stat().st_size if own is not None and own.is_file() else source["bytes"]


def _cost(training: Plan, sizes: Mapping[str, int]) -> float:
    chosen = training.parameters
    corpora = chosen.get("corpora") or [chosen["scope"]]
    options = chosen.get("training") or chosen["options"]
    epochs = options["epochs"] + options.get("continued", {}).get("epochs", 0)
    network = chosen.get("tagger") or {"cell": chosen["cell"], **options}
    a_layer = _COST.get(network["cell"], _COST_OF_OTHERS)
    if network.get("kernels") == "off":
        a_layer *= _COST_WITHOUT_KERNELS
    return float(sum(sizes[corpus] for corpus in corpora) * epochs * network["num_layers"] * a_layer)
