"""A row of an F1 table."""

from dataclasses import dataclass

NO_CELL = "-"
"""What stands for a cell where there is no model."""
DICTIONARY = "dictionary"
"""The setting of what a dictionary of the train mentions finds."""
VOTE = "-vote"
"""Ends the setting of what several seeds of a setting find by majority, such as `stm-vote`."""
EVIDENCE = "-evidence"
"""Ends the setting of a setting's predictions with evidence from beyond their sentence (`scoring.evidence`)."""
DERIVATIONS = (EVIDENCE, VOTE, VOTE + EVIDENCE)
"""The endings of settings that make something of another setting's predictions."""

Absent = tuple[str, str, str]
"""Corpus, setting and cell of a row that is not there."""


@dataclass(frozen=True, slots=True)
class Row:
    """Strict scores on the test split, in per cent, as means over seeds; None where there is nothing to say."""

    group: str
    """The group of the joint model; for a model of one corpus the group whose table it stands in."""
    corpus: str
    setting: str
    cell: str
    seeds: int
    """How many; 0 where nothing is left to chance."""
    f1_mean: float
    f1_sd: float | None
    """Sample standard deviation over seeds; from two seeds on."""
    precision_mean: float
    recall_mean: float
    study_f1: float | None
    """What the study published for the corpus, for one model a corpus or one a group, whatever the cell."""
    delta: float | None
    """f1_mean - study_f1."""
    p_value: float | None
    """That a group's model and STM of the same corpus and cell differ by chance in the test sentences."""
    n_test_entities: int
    f1_low: float | None = None
    """The 95 % interval of the mean F1 of the seeds, by bootstrap over test sentences."""
    f1_high: float | None = None
    p_cell: float | None = None
    """That this cell and lstm, setting and corpus alike, differ by chance in the test sentences."""
    recall_unseen: float | None = None
    """On test mentions that neither train nor devel has; the mean over seeds."""
    devel_f1_mean: float | None = None
    """None where the development split was learned from."""
    gain: float | None = None
    """F1 less that of what `p_value` compares with, over the seeds that both have."""
    gain_cell: float | None = None
    """F1 less that of what `p_cell` compares with, over the seeds that both have."""


def is_vote(setting: str) -> bool:
    """Whether several seeds decide together."""
    return derivation(setting).startswith(VOTE)


def has_evidence(setting: str) -> bool:
    """Whether evidence from beyond the sentence is used."""
    return setting.endswith(EVIDENCE)


def derivation(setting: str) -> str:
    """One of `DERIVATIONS`; the empty string for a setting of its own."""
    return max((ending for ending in DERIVATIONS if setting.endswith(ending)), key=len, default="")


def base(setting: str) -> str:
    """The setting that another one is derived from; of every other setting itself."""
    return setting.removesuffix(derivation(setting))


def study_setting(setting: str) -> str:
    """`stm` or `mtm`: the study's figure that a setting stands beside, whatever else its models do."""
    return base(setting).split("-")[0]
