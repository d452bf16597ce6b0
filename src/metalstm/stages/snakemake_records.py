"""Snakemake's own notes of what it made, where a stage is run by another hand.

Snakemake (9.x) keeps a record of each output below `.snakemake/metadata`: the digests that the small inputs had. Where
an input is newer than the output but has the digest of the record, it takes the output for made from that input. That
is wrong once DVC or a person has run the stage in between, for the output is of other inputs then.
"""

import os
from base64 import urlsafe_b64encode
from collections.abc import Iterable
from pathlib import Path

RECORDS = Path(".snakemake/metadata")


def forget(outputs: Iterable[str]) -> None:
    """Remove the records of these outputs; then the times of files decide, and Snakemake's next run writes new ones.

    A stage that Snakemake itself runs loses nothing: the records are written when the job has ended.
    """
    if RECORDS.is_dir():
        longest = os.pathconf(RECORDS, "PC_NAME_MAX") - 1
        for output in outputs:
            _record(output, longest).unlink(missing_ok=True)


def _record(output: str, longest: int) -> Path:
    """Where the record of a file lies: its path in base64, cut into folders where a name would be too long."""
    name = urlsafe_b64encode(output.encode()).decode()
    *folders, last = (name[start : start + longest] for start in range(0, len(name), longest))
    return RECORDS.joinpath(*(f"@{folder}" for folder in folders), last)
