"""Read a list of names, such as those of a taxonomy, for taggers to look for."""

from collections.abc import Iterator
from pathlib import Path

from metalstm.corpora import tokenise
from metalstm.errors import UserError
from metalstm.gazetteers import matching, storage
from metalstm.plan.job import Plan
from metalstm.spelling import in_ascii
from metalstm.stages import texts
from metalstm.vectors import paragraphs
from metalstm.wording import counted


def run(plan: Plan) -> None:
    """Write the names of the list as the numbers by which taggers find them.

    Raises:
        UserError: a file that is not there, not what it should be, cannot be read, or has no name in it.
    """
    files = texts.bring(plan.parameters["files"], f"gazetteers.{plan.job.split('/')[1]}")
    lines = [line for path in files for line in paragraphs.read(path)]
    keys = matching.keys(name for line in lines for name in _spellings(line))
    if not len(keys):
        raise UserError(f"{', '.join(map(str, files))}: no name to look for; expected one a line")
    storage.write(Path(plan.outputs["names"]), keys)
    print(f"{plan.outputs['names']}: {counted(len(keys), 'name')} to look for, of {counted(len(lines), 'line')}")


def _spellings(line: str) -> Iterator[list[str]]:
    """A name as it is written, and in ASCII as the corpora have it and text is read by their taggers.

    What is one token may be spelled by several, as `±` is; the corpora have either.
    """
    written = [token.text for token in tokenise.tokenise(line)]
    yield written
    if not line.isascii():
        yield [in_ascii(token) for token in written]
        yield [token.text for token in tokenise.tokenise(in_ascii(line))]
