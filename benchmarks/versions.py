"""How fast this version trains beside another one: whole steps of two clones in turn, in processor time.

    python benchmarks/versions.py OTHER [--train FILE] [--cells CELL ...] [--batch N ...] [--rounds N] [--sentences N]
                                  [--optimiser NAME] [--words trained|static]

OTHER is a clone of the repository at another commit. Each clone has a process that stays alive; in a round each learns
from the same sentences, one right after the other, so that a machine whose speed changes is as fast for both. Kernels
are compiled before the first round.
"""

import argparse
import itertools
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parents[1]
CELLS = ["lstm", "lnlstm", "metalstm", "metalnlstm"]
RATES = {"sgd": 0.15}
ADAPTIVE_RATE = 0.004
STEPS_BEFORE = 3
"""Steps of a round before the clock starts, in which the caches fill."""


class Trained(NamedTuple):
    """What both sides train."""

    file: Path
    cell: str
    batch: int
    sentences: int
    """Of a round."""
    optimiser: str
    words: str
    """`trained` with the rest, or `static`."""


class Side:
    """The process of one clone, whose tagger learns on from round to round."""

    def __init__(self, clone: Path, trained: Trained) -> None:
        """Start it; `clone` is imported from, whatever is installed."""
        paths = os.pathsep.join(map(str, (clone / "src", clone / "benchmarks")))
        environment = os.environ | {"PYTHONPATH": paths, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        command = [sys.executable, "-P", __file__, "--side", *map(str, trained)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self._process = subprocess.Popen(command, env=environment, text=True, **pipes)  # type: ignore[call-overload]

    def speed(self) -> float:
        """Tokens a second of processor time in its next round."""
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            sys.exit("a side has ended before its time; what it says stands above")
        return float(line)

    def end(self) -> None:
        """Let it end."""
        self._process.stdin.close()
        self._process.wait()


def learn_in_rounds(trained: Trained) -> None:
    """What a `Side` runs: for each line that comes, a round, and a line with its speed."""
    import torch
    from ours import endless, learn, made, prepared

    from metalstm import memory
    from metalstm.training.optimisers import optimiser
    from metalstm.training.options import OptimiserOptions

    torch.set_num_threads(1)
    memory.keep()
    lexicon, text = prepared(trained.file)
    tagger = made(lexicon, trained.cell, "auto", trained.words)
    rate = RATES.get(trained.optimiser, ADAPTIVE_RATE)
    learner = optimiser(OptimiserOptions(name=trained.optimiser, learning_rate=rate), tagger)
    stream = endless(text, trained.batch)
    for _ in sys.stdin:
        for some in itertools.islice(stream, STEPS_BEFORE):
            learn(tagger, learner, some)
        before, tokens = time.process_time(), 0
        for some in itertools.islice(stream, max(1, trained.sentences // trained.batch)):
            learn(tagger, learner, some)
            tokens += int(some.lengths.sum())
        print(tokens / (time.process_time() - before), flush=True)


def in_turn(clones: dict[str, Path], rounds: int, trained: Trained) -> dict[str, list[float]]:
    """Tokens a second of each clone in each round; who is first changes from round to round."""
    sides = {name: Side(clone, trained) for name, clone in clones.items()}
    for side in sides.values():
        side.speed()
    found: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(rounds):
        for name in list(sides) if turn % 2 else reversed(sides):
            found[name].append(sides[name].speed())
    for side in sides.values():
        side.end()
    return found


def main() -> None:
    """Measure every cell and batch size in both clones."""
    from measuring import report, row

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("other", type=Path)
    parser.add_argument("--train", type=Path, default=Path("data/iobes/BC5CDR-chem/train.tsv"))
    parser.add_argument("--cells", nargs="*", default=CELLS)
    parser.add_argument("--batch", type=int, nargs="+", default=[10, 32])
    parser.add_argument("--rounds", type=int, default=24)
    parser.add_argument("--sentences", type=int, default=600, help="of a round")
    parser.add_argument("--optimiser", default="sgd")
    parser.add_argument("--words", choices=["trained", "static"], default="trained")
    options = parser.parse_args()
    clones = {"this": HERE, "other": options.other.resolve()}
    rows = []
    for batch, cell in itertools.product(options.batch, options.cells):
        trained = Trained(options.train.resolve(), cell, batch, options.sentences, options.optimiser, options.words)
        found = in_turn(clones, options.rounds, trained)
        ratios = [this / other for this, other in zip(found["this"], found["other"], strict=True)]
        print(f"{cell}, batch {batch}: {statistics.median(ratios):.3f} of the other", flush=True)
        what = {
            "task": "training",
            "cell": cell,
            "batch": batch,
            "optimiser": options.optimiser,
            "words": options.words,
        }
        rows += [row(name, "tokens/s", some, **what) for name, some in found.items()]
        rows.append(row("this / other", "", ratios, **what))
    report("versions", rows)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--side"]:
        of_file, of_cell, of_batch, of_sentences, *how = sys.argv[2:]
        learn_in_rounds(Trained(Path(of_file), of_cell, int(of_batch), int(of_sentences), *how))
    else:
        main()
