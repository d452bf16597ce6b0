"""The counts of every test sentence as a few kilobytes of text, so that metrics.json alone is enough for a table.

From them come intervals over pooled seeds and paired tests between runs, long after the predictions are gone. The
text is base64 of zlib (RFC 1950) of: one byte, the width of a number in bytes (1, or 2 where a count is above 255),
then for each sentence, in the order of the file, the numbers of correct, predicted and gold entities (strict),
unsigned and little-endian.
"""

import base64
import zlib

import numpy as np

from metalstm.errors import UserError
from metalstm.scoring.significance import Counts

_WIDTHS = (1, 2)


def write(counts: Counts) -> str:
    """Counts `[sentences, 3]`, as `significance.sentence_counts` gives them, as text.

    Raises:
        UserError: a sentence with more than 65,535 entities.
    """
    largest = int(counts.max(initial=0))
    width = next((width for width in _WIDTHS if largest < 256**width), None)
    if width is None:
        raise UserError(f"a sentence with {largest} entities; expected at most {256 ** _WIDTHS[-1] - 1}")
    content = bytes([width]) + counts.astype(f"<u{width}").tobytes()
    return base64.b64encode(zlib.compress(content, 9)).decode("ascii")


def read(text: str) -> Counts:
    """The counts `[sentences, 3]` that `write` wrote.

    Raises:
        UserError: the text is not of this form.
    """
    try:
        content = zlib.decompress(base64.b64decode(text, validate=True))
        numbers = np.frombuffer(content, dtype=f"<u{content[0]}", offset=1)
        return numbers.reshape(-1, 3).astype(np.int64)
    except (ValueError, TypeError, IndexError, zlib.error) as error:
        raise UserError(f"not the counts of sentences ({error}); score this run again") from None
