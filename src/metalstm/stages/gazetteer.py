"""Read a list of names, such as those of a taxonomy, for taggers to look for."""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from metalstm.corpora import texts, tokenise
from metalstm.errors import UserError
from metalstm.gazetteers import matching, storage
from metalstm.plan.job import Plan
from metalstm.vectors import paragraphs


def run(plan: Plan) -> None:
    """Write the names of the list as the numbers by which taggers find them.

    Raises:
        UserError: a file that is not there, not what it should be, cannot be read, or has no name in it.
    """
    files = texts.bring(plan.parameters["files"], f"gazetteers.{plan.job.split('/')[1]}")
    names = list(chain.from_iterable(map(_names, files)))
    keys = matching.keys(names)
    if not len(keys):
        raise UserError(f"{', '.join(map(str, files))}: no name to look for; expected one a line")
    storage.write(Path(plan.outputs["names"]), keys)
    print(f"{plan.outputs['names']}: {len(keys):,} names to look for, of {len(names):,} lines")


def _names(path: Path) -> Iterator[tuple[str, ...]]:
    for line in paragraphs.read(path):
        yield tuple(token.text for token in tokenise.tokenise(line))
