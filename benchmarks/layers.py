"""Keep what `cells.py` prints, in the form of the other benchmarks: layers of each cell beside torch.nn.LSTM.

python benchmarks/layers.py [ARGUMENTS OF cells.py]
"""

import re
import sys
from pathlib import Path

from measuring import Row, report, row, run

LINE = re.compile(r"(?P<cell>\S+) +batch +(?P<batch>\d+)  (?P<speeds>.+) tokens/s")
SPEED = re.compile(r"(?P<way>[a-zA-Z][\w.]*) +(?P<speed>[\d,]+)")


def rows_of(line: str) -> list[Row]:
    """The rows of a line; none where it is not one of results."""
    found = LINE.match(line)
    if found is None:
        return []
    return [
        row(
            way["way"],
            "tokens/s",
            [float(way["speed"].replace(",", ""))],
            task="layer, forward and backward",
            cell=found["cell"],
            batch=int(found["batch"]),
        )
        for way in SPEED.finditer(found["speeds"])
    ]


def main() -> None:
    printed = run([sys.executable, Path(__file__).with_name("cells.py"), *sys.argv[1:]]).output
    rows = [one for line in printed.splitlines() for one in rows_of(line)]
    if not rows:
        sys.exit(printed)
    report("layers", rows)


if __name__ == "__main__":
    main()
