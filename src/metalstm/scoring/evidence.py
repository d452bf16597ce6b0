"""What labelled text and the rest of a document say of predictions, by the names that params.yaml and users know."""

from collections.abc import Callable, Sequence
from typing import Literal

from metalstm.scoring.abbreviations import abbreviated
from metalstm.scoring.consistency import consistent
from metalstm.scoring.known import KnownNames, known
from metalstm.scoring.scores import Labels

Kind = Literal["known", "abbreviations", "names"]

EVIDENCE: dict[Kind, Callable[[Sequence[Sequence[str]], Labels, KnownNames], list[list[str]]]] = {
    "known": known,
    "abbreviations": lambda tokens, labels, _: abbreviated(tokens, labels),
    "names": lambda tokens, labels, _: consistent(tokens, labels),
}
"""In the order of use: what is a known name, or the abbreviation of one, is evidence for its other places."""
