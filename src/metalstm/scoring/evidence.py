"""What the rest of a document says of its predictions, by the names that params.yaml and `metalstm tag` know."""

from collections.abc import Callable, Sequence
from typing import Literal

from metalstm.scoring.abbreviations import abbreviated
from metalstm.scoring.consistency import consistent
from metalstm.scoring.scores import Labels

Kind = Literal["abbreviations", "names"]

EVIDENCE: dict[Kind, Callable[[Sequence[Sequence[str]], Labels], list[list[str]]]] = {
    "abbreviations": abbreviated,
    "names": consistent,
}
"""In the order of use: what an abbreviation is labelled as is evidence for its other places."""
