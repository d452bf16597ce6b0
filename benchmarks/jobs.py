"""What a job costs beside training, and what the engines cost when there is nothing to do.

    python benchmarks/jobs.py [--corpus FOLDER] [--runs N] [--rounds N]

First a study of one corpus, FOLDER with train.tsv, devel.tsv and test.tsv, whose only training has one epoch: the
time of each stage, for `train` without what `training.json` says that the training took; `train` also as
MLflow tracks it, in a database that is there. Then a study of the demo's
corpora with N trainings, whose files are placeholders that the stages take for their own: the wall time of `snakemake`
and of `dvc repro` that find nothing to do.
"""

import argparse
import contextlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from measuring import Row, report, row, run
from ruamel.yaml import YAML

from metalstm.plan import study as planning
from metalstm.plan.job import Plan
from metalstm.stages import manifest
from metalstm.tracking import store

ROOT = Path(__file__).resolve().parent.parent
DEMO = ROOT / "examples" / "demo"
TOOLS = Path(sys.executable).parent


@contextlib.contextmanager
def study(**changes: Any) -> Iterator[Path]:
    """A folder for a while, with the demo's study changed at its top."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        params = YAML(typ="safe").load(DEMO / "params.yaml")
        params = {"tracking": {"enabled": False}} | params | changes
        with (folder / "params.yaml").open("w", encoding="utf-8") as file:
            YAML(typ="safe").dump(params, file)
        shutil.copytree(DEMO / "corpora", folder / "corpora")
        shutil.copy(DEMO / "dvc.yaml", folder / "dvc.yaml")
        shutil.copytree(ROOT / "profiles", folder / "profiles")
        yield folder


def planned(folder: Path) -> list[Plan]:
    """The plans of the study in a folder, those that others need first."""
    with contextlib.chdir(folder):
        return list(planning.write(Path("params.yaml"))[1].values())


def beside_training(corpus: Path, rounds: int) -> list[Row]:
    """The seconds of each stage of one run, without tracking and with it."""
    labels = {
        line.rsplit("\t", 1)[1].partition("-")[2]
        for line in (corpus / "test.tsv").read_text("utf-8").split("\n")
        if line
    }
    own = {
        "folder": str(corpus.resolve()),
        "files": {split: f"{split}.tsv" for split in ("train", "devel", "test")},
        "scheme": "iobes",
        "labels": sorted(labels - {""}),
    }
    seconds: dict[tuple[str, str], list[float]] = {}
    for tracked in (False, True) * rounds:
        with study(
            tracking={"enabled": tracked},
            corpora=["one"],
            groups={"all-of-it": ["one"]},
            settings={"per_corpus": ["stm"], "per_group": []},
            own_corpora={"one": own},
            model={},
            training={"epochs": 1},
            vectors={"source": "skipgram", "corpora": ["one"], "size": 200},
        ) as folder:
            plans = planned(folder)
            if tracked:
                store.prepare(f"sqlite:///{folder}/mlflow.db")
            for plan in plans:
                if plan.stage not in ("fetch", "convert", "text", "vectors", "train", "score"):
                    continue
                command = [TOOLS / "metalstm", "stage", plan.stage, "--plan", plan.path]
                done, again = run(command, folder), run(command, folder)
                training = {"wall_seconds": 0.0, "cpu_seconds": 0.0}
                if plan.stage == "train":
                    training = json.loads((folder / plan.outputs["training.json"]).read_text(encoding="utf-8"))
                if tracked and plan.stage != "train":
                    continue
                name = f"{plan.stage}, tracked" if tracked else plan.stage
                for clock in ("wall", "cpu"):
                    beside = getattr(done, clock) - training[f"{clock}_seconds"]
                    seconds.setdefault((name, clock), []).append(beside)
                    seconds.setdefault((f"{name}, nothing to do", clock), []).append(getattr(again, clock))
    return [row(way, "s", taken, task="a job beside training", clock=clock) for (way, clock), taken in seconds.items()]


def pretend(folder: Path, plans: list[Plan]) -> None:
    """Placeholders for all outputs, noted as if their stages had made them; nothing is older than what it is from."""
    with contextlib.chdir(folder):
        for moment, plan in enumerate(plans, start=1):
            for path in map(Path, plan.outputs.values()):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(f"{path}\n", encoding="utf-8")
                os.utime(path, times=(path.stat().st_mtime + moment,) * 2)
            manifest.write(plan, manifest.basis(plan))
        for run_folder in {Path(plan.outputs["model.json"]).parent for plan in plans if "model.json" in plan.outputs}:
            for name in ("predictions", "continued"):
                (run_folder / name).mkdir(exist_ok=True)


def nothing_to_do(runs: int, rounds: int) -> list[Row]:
    """The wall seconds of both engines for a study that is done."""
    scopes = 4  # three corpora and their group
    with study(seeds=list(range(1, 1 + -(-runs // scopes)))) as folder:
        plans = planned(folder)
        pretend(folder, plans)
        engines = {
            "snakemake": [TOOLS / "snakemake", "--snakefile", ROOT / "Snakefile", "--cores", "1"],
            "dvc": [TOOLS / "dvc", "repro", "--quiet"],
        }
        if not (TOOLS / "snakemake").is_file() or "Nothing to be done" not in run(engines["snakemake"], folder).output:
            print("snakemake: absent, or it did not take the placeholders")
            del engines["snakemake"]
        if (TOOLS / "dvc").is_file():
            run([TOOLS / "dvc", "init", "--no-scm", "--quiet"], folder)
            run([TOOLS / "dvc", "commit", "--force", "--quiet"], folder)
        else:
            print("dvc: absent")
            del engines["dvc"]
        engines["metalstm plan"] = [TOOLS / "metalstm", "plan"]
        taken: dict[tuple[str, str], list[float]] = {}
        for _ in range(rounds):
            for name, command in engines.items():
                done = run(command, folder)
                for clock in ("wall", "cpu"):
                    taken.setdefault((name, clock), []).append(getattr(done, clock))
    return [
        row(name, "s", seconds, task="nothing to do", clock=clock, jobs=len(plans))
        for (name, clock), seconds in taken.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, default=Path("data/iobes/BC5CDR-chem"))
    parser.add_argument("--runs", type=int, default=92, help="trainings of the study with nothing to do")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    if not (options.corpus / "train.tsv").is_file():
        parser.error(f"{options.corpus}/train.tsv is not there: `snakemake data/iobes/BC5CDR-chem/train.tsv` makes it")
    report("jobs", beside_training(options.corpus, options.rounds) + nothing_to_do(options.runs, options.rounds))


if __name__ == "__main__":
    main()
