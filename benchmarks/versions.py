"""How fast this version trains beside another one: two clones in turn, in processor time.

    python benchmarks/versions.py OTHER [--train FILE] [--cells CELL ...] [--batch N ...] [--rounds N] [--tokens N]

OTHER is a clone of the repository at another commit. Kernels are compiled before the first round.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

from measuring import report, row

HERE = Path(__file__).resolve().parents[1]
TOKENS_A_SENTENCE = 26
CELLS = ["lstm", "lnlstm", "metalstm", "metalnlstm"]


def speed(clone: Path, file: Path, cell: str, batch: int, tokens: int) -> float:
    """Tokens a second of processor time, of the taggers and the kernels in `clone`."""
    steps = max(3, tokens // (batch * TOKENS_A_SENTENCE))
    command = [sys.executable, clone / "benchmarks/ours.py", "train", file, "--cell", cell]
    environment = os.environ | {"PYTHONPATH": str(clone / "src"), "OMP_NUM_THREADS": "1"}
    sizes = ["--batch", str(batch), "--steps", str(steps)]
    done = subprocess.run([*command, *sizes], env=environment, check=True, capture_output=True, text=True)
    found = json.loads(done.stdout.splitlines()[-1])
    return float(found["tokens"] / found["cpu_seconds"])


def main() -> None:
    """Measure every cell and batch size in both clones."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("other", type=Path)
    parser.add_argument("--train", type=Path, default=Path("data/iobes/BC5CDR-chem/train.tsv"))
    parser.add_argument("--cells", nargs="*", default=CELLS)
    parser.add_argument("--batch", type=int, nargs="+", default=[10, 32])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tokens", type=int, default=80_000)
    options = parser.parse_args()
    clones = {"this": HERE, "other": options.other.resolve()}
    rows = []
    for batch in options.batch:
        for cell in options.cells:
            found: dict[str, list[float]] = {name: [] for name in clones}
            for turn in range(options.rounds + 1):
                for name, clone in clones.items():
                    measured = speed(clone, options.train.resolve(), cell, batch, options.tokens if turn else 1)
                    if turn:
                        found[name].append(measured)
            ratio = statistics.median(found["this"]) / statistics.median(found["other"])
            print(f"{cell}, batch {batch}: {ratio:.3f} of the other", flush=True)
            rows += [
                row(name, "tokens/s", some, task="training", cell=cell, batch=batch) for name, some in found.items()
            ]
    report("versions", rows)


if __name__ == "__main__":
    main()
