"""Training and tagging beside Flair: each measurement a process of its own in one thread, taking turns.

    python benchmarks/peers.py [--flair PYTHON] [--train FILE] [--test FILE] [--rounds N] [--tokens N]

PYTHON is that of an environment with Flair (docs/benchmarks.md says how to make one); without it there are our own
figures only. Training is counted in tokens a second of processor time, once warm. Tagging is counted in sentences a
second: of the whole command, from its start to its end, and of the tagging alone.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from measuring import Row, corpus_file, report, row, run, sentences_of

HERE = Path(__file__).parent
TRAIN, TEST = Path("data/iobes/BC5CDR-chem/train.tsv"), Path("data/iobes/BC5CDR-chem/test.tsv")
TAGGED = 5000
TOKENS_A_SENTENCE = 26
OURS_PER_PEER = 10
"""We measure so many times the tokens: our steps are too short for as few as a peer's."""

FROZEN = ("--words", "static")
BY_LSTM = ("--characters", "lstm")
"""As Flair reads them."""

Way = Callable[[], dict[str, float]]


def in_turn(ways: Mapping[str, Way], rounds: int) -> dict[str, list[dict[str, float]]]:
    """What each way measured in each round."""
    measured: dict[str, list[dict[str, float]]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            measured[name].append(way())
    return measured


def training(options: argparse.Namespace, folder: Path) -> list[Row]:
    """Tokens a second of processor time, and peak memory, at both batch sizes; leaves models in the folder."""
    rows: list[Row] = []
    for batch in options.batch:
        ways: dict[str, Way] = {}

        def learning(command: list[str | Path], tokens: int, batch: int = batch) -> Way:
            steps = max(3, tokens // (batch * TOKENS_A_SENTENCE))
            called = [*command, "--batch", str(batch), "--steps", str(steps)]
            return lambda: json.loads(run(called).output.splitlines()[-1])

        for cell in ("lstm", "metalstm"):
            command = [sys.executable, HERE / "ours.py", "train", options.train, "--cell", cell]
            ways[cell] = learning([*command, "--save", folder / cell], OURS_PER_PEER * options.tokens)
            ways[f"{cell}, frozen words"] = learning([*command, *FROZEN], OURS_PER_PEER * options.tokens)
            if cell == "lstm":
                ways["lstm, characters by an LSTM"] = learning([*command, *BY_LSTM], OURS_PER_PEER * options.tokens)
        if options.flair:
            command = [options.flair, HERE / "flair_peer.py", "train", options.train]
            ways["Flair"] = learning([*command, "--save", folder / "flair.pt"], options.tokens)
            ways["Flair, frozen words"] = learning([*command, *FROZEN], options.tokens)
        for way, found in in_turn(ways, options.rounds).items():
            speeds = [one["tokens"] / one["cpu_seconds"] for one in found]
            rows.append(row(way, "tokens/s", speeds, task="training", batch=batch))
            memory = [one["peak_memory_mb"] for one in found]
            rows.append(row(way, "MB", memory, task="memory of training", batch=batch))
    return rows


def tagging(options: argparse.Namespace, folder: Path) -> list[Row]:
    """Sentences a second with start-up and without, and the start-up itself: a file of one sentence."""
    sentences = (sentences_of(options.test) * (TAGGED // 1000))[:TAGGED]
    inputs = {"tokens": folder / "tokens.tsv", "one": folder / "one.tsv", "text": folder / "text.txt"}
    for name, some in (("tokens", sentences), ("one", sentences[:1])):
        inputs[name].write_text("".join("\n".join(lines) + "\n\n" for lines in some), encoding="utf-8")
    text = (" ".join(line.split("\t")[0] for line in lines) for lines in sentences)
    inputs["text"].write_text("".join(f"{line}\n" for line in text), encoding="utf-8")

    def whole(*command: str | Path) -> Way:
        def measured() -> dict[str, float]:
            process = run(command)
            return {"wall": process.wall, "cpu": process.cpu}

        return measured

    def alone(*command: str | Path) -> Way:
        def measured() -> dict[str, float]:
            found = json.loads(run(command).output.splitlines()[-1])
            return {"wall": found["wall_seconds"], "cpu": found["cpu_seconds"]}

        return measured

    def ours(cell: str, *more: str | Path) -> list[str | Path]:
        return [sys.executable, "-m", "metalstm", "tag", "--model", folder / cell, "--out", folder / "out", *more]

    def theirs(file: Path) -> list[str | Path]:
        return [options.flair, HERE / "flair_peer.py", "tag", folder / "flair.pt", file, folder / "out"]

    tasks: dict[str, dict[str, Way]] = {"whole command": {}, "tagging alone": {}, "start-up": {}}
    for cell in ("lstm", "metalstm"):
        tasks["whole command"][cell] = whole(*ours(cell, "--tokens", inputs["tokens"]))
        peer = [sys.executable, HERE / "ours.py", "tag", folder / cell, inputs["tokens"], folder / "out"]
        tasks["tagging alone"][cell] = alone(*peer)
        tasks["start-up"][cell] = whole(*ours(cell, "--tokens", inputs["one"]))
    tasks["whole command"]["lstm, raw text"] = whole(*ours("lstm", inputs["text"]))
    if options.flair:
        tasks["whole command"]["Flair"] = whole(*theirs(inputs["tokens"]))
        tasks["tagging alone"]["Flair"] = alone(*theirs(inputs["tokens"]))
        tasks["start-up"]["Flair"] = whole(*theirs(inputs["one"]))

    rows = []
    for task, ways in tasks.items():
        for way, found in in_turn(ways, options.rounds).items():
            for clock in ("wall", "cpu"):
                if task == "start-up":
                    rows.append(row(way, "s", [one[clock] for one in found], task=f"tagging, {task}", clock=clock))
                else:
                    speeds = [len(sentences) / one[clock] for one in found]
                    rows.append(row(way, "sentences/s", speeds, task=f"tagging, {task}", clock=clock))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--flair", default=os.environ.get("FLAIR_PYTHON") or None, metavar="PYTHON")
    parser.add_argument("--train", type=Path, default=TRAIN, help="token TAB label a line")
    parser.add_argument("--test", type=Path, default=TEST, help="what is tagged, over again up to 5,000 sentences")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batch", type=int, nargs="+", default=[10, 32], help="sentences a step")
    parser.add_argument("--tokens", type=int, default=8000, help="tokens that Flair learns from in a round, about")
    options = parser.parse_args()
    for file in (options.train, options.test):
        if not file.is_file():
            parser.error(
                f"{file} is not there: `snakemake data/iobes/BC5CDR-chem/train.tsv` makes it; or name another file"
            )
    if not options.flair:
        print("Flair: absent (no --flair PYTHON)")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = training(options, folder) + tagging(options, folder)
    versions = {}
    if options.flair:
        names = run([options.flair, "-c", "import flair, torch; print(flair.__version__, torch.__version__)"])
        versions = dict(zip(("flair", "torch"), names.output.split()[-2:], strict=True))
    report("peers", rows, peer=versions, train=corpus_file(options.train), test=corpus_file(options.test))


if __name__ == "__main__":
    main()
