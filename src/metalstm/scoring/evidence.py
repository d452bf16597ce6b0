"""What labelled text and the rest of a document say of predictions, by the names that params.yaml and users know."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal, get_args

from metalstm.scoring.abbreviations import abbreviated
from metalstm.scoring.consistency import consistent
from metalstm.scoring.known import KnownNames, known
from metalstm.scoring.scores import Labels

Kind = Literal["known", "abbreviations", "names"]

KINDS: tuple[Kind, ...] = get_args(Kind)
"""In the order of use: a known name, or an abbreviation of one, is evidence for its other places."""

Evidence = Callable[[Sequence[Sequence[str]], Labels], list[list[str]]]
"""From the tokens of a file's or a document's sentences, and the IOBES labels predicted for them, to other labels."""


def by_kind(names: KnownNames) -> dict[Kind, Evidence]:
    """Every kind, in the order of `KINDS`; `names` are the known ones."""
    return {"known": partial(known, names=names), "abbreviations": abbreviated, "names": consistent}
