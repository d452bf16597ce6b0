"""What labelled text and the rest of a document say of predictions, by the names that params.yaml and users know."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal

from metalstm.scoring.abbreviations import abbreviated
from metalstm.scoring.consistency import consistent
from metalstm.scoring.known import KnownNames, known
from metalstm.scoring.scores import Labels

Kind = Literal["known", "abbreviations", "names"]

Evidence = Callable[[Sequence[Sequence[str]], Labels], list[list[str]]]
"""From the tokens of a document's sentences and the IOBES labels predicted for them to other such labels."""


def evidence(names: KnownNames) -> dict[Kind, Evidence]:
    """Every kind, in the order of use: a known name, or an abbreviation of one, is evidence for its other places."""
    return {"known": partial(known, names=names), "abbreviations": abbreviated, "names": consistent}
