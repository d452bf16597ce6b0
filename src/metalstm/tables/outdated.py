"""Whether what the folder of a study holds is what its plans say: scores of other trainings are not kept."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from metalstm.files import sha256
from metalstm.plan import job
from metalstm.plan.job import MANIFESTS, PLANS
from metalstm.scoring.evidence import KINDS
from metalstm.tables import results
from metalstm.tables.rows import base, is_vote

_BEFORE_TRAININGS = ("fetch", "convert", "join", "text", "vectors", "language_model", "contextual", "gazetteer")
"""Stages, each after those that it reads, whose parameters are none of a training's own."""
_NOT_RUNS_OF_TRAIN = ("images", "dictionary")
"""What is planned under the name of its run."""
_FILLED_BY_THE_USER = ("cell_options",)
"""Parameters that hold what is named in params.yaml and no defaults."""


def files(folder: Path) -> set[str]:
    """What trainings read that was made with other parameters than the study in `folder` has now, if that is noted."""
    outdated: set[str] = set()
    for stage in _BEFORE_TRAININGS:
        for path in (folder / PLANS / stage).rglob("*.json"):
            plan = job.read(path)
            noted = _noted(folder / plan.manifest).get("parameters", {})
            differ = _fetched_otherwise if stage == "fetch" else _differ
            if differ(noted, plan.parameters) or outdated & set(plan.inputs.values()):
                outdated |= set(plan.outputs.values())
    return outdated


def trained_otherwise(folder: Path, name: str, metrics: Path, old: set[str]) -> bool:
    """Whether the plan of the run says something else than its metrics, or it read other files than are there.

    Those of `old` are still to be made anew.

    A key that only one has is no difference, as versions differ in what can be chosen; but what the user filled is
    as it is.
    """
    plan = folder / PLANS / ("" if name.startswith(_NOT_RUNS_OF_TRAIN) else "train") / f"{name}.json"
    if not plan.is_file():
        return False
    known = job.read(plan)
    if old & set(known.inputs.values()) or _reads_otherwise(folder, known.manifest):
        return True
    return any(
        "plan" in made_by and _differ(made_by["plan"], known.parameters) for _, made_by in results.runs([metrics])
    )


def scored_otherwise(folder: Path, name: str, metrics: Path) -> bool:
    """Whether scores are of other files than are there, a vote is of other seeds, or evidence was used otherwise.

    Raises:
        UserError: the metrics are not what a run writes.
    """
    setting, _, rest = name.partition("/")
    scored = name if setting == "dictionary" else f"score/{name}"
    if is_vote(setting):
        scored = f"vote/{base(setting)}/{rest}"
    if _reads_otherwise(folder, MANIFESTS / f"{scored}.json"):
        return True
    plan = folder / PLANS / f"{scored}.json"
    parameters = job.read(plan).parameters if plan.is_file() else {}
    made = [run for _, run in results.runs([metrics])]
    try:
        if "seeds" in parameters and any(vote["run"]["seeds"] != parameters["seeds"] for vote in made):
            return True
        return "evidence" in parameters and any(_is_evidence_otherwise(run, parameters["evidence"]) for run in made)
    except (KeyError, TypeError, AttributeError) as error:
        raise results.unreadable(metrics, error) from None


def _reads_otherwise(folder: Path, manifest: Path) -> bool:
    """Whether a file that a stage noted as read is another one by now."""
    noted = _noted(folder / manifest).get("inputs", {})
    return any((folder / path).is_file() and _digest(folder / path) != digest for path, digest in noted.items())


def _digest(path: Path) -> str:
    """The SHA-256 of a file, computed once for the vectors that every training reads."""
    stat = path.stat()
    return _sha256(path, stat.st_size, stat.st_mtime_ns)


@cache
def _sha256(path: Path, _size: int, _time: int) -> str:
    return sha256(path)


def _is_evidence_otherwise(run: dict[str, Any], chosen: dict[str, list[str]] | None) -> bool:
    """Whether this run's scores used evidence otherwise than where the study has `chosen` it."""
    evidence = run.get("evidence") or {}
    if evidence.keys() != run["scores"].keys():
        return True
    for corpus, made in evidence.items():
        if made["chosen_by"] != ("devel" if chosen is None else "params"):
            return True
        # Of kinds that older scores do not know none was used, and devel was not asked.
        if chosen is None and made["kinds"].keys() != set(KINDS):
            return True
        used = {kind for kind, said in made["kinds"].items() if said["used"]}
        if chosen is not None and used != {kind for kind, corpora in chosen.items() if corpus in corpora}:
            return True
    return False


def _noted(manifest: Path) -> dict[str, Any]:
    """What a stage noted when it last finished; nothing where that cannot be read, as for `stages.manifest`."""
    try:
        noted: dict[str, Any] = json.loads(manifest.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return noted


def _fetched_otherwise(noted: Mapping[str, Any], planned: Mapping[str, Any]) -> bool:
    """Whether a file of the corpus is another one by now; that its terms are, or where it stands, is no difference."""
    return any(
        split in planned["sources"] and _is_another_file(source, planned["sources"][split])
        for split, source in noted.get("sources", {}).items()
    )


def _is_another_file(first: Mapping[str, Any], second: Mapping[str, Any]) -> bool:
    if first["blob"] and second["blob"]:
        return bool(first["blob"] != second["blob"])
    return any(first[place] != second[place] for place in ("url", "path"))


def _differ(first: Any, second: Any) -> bool:
    if isinstance(first, Mapping) and isinstance(second, Mapping):
        return any(
            first[key] != second[key] if key in _FILLED_BY_THE_USER else _differ(first[key], second[key])
            for key in first.keys() & second.keys()
        )
    return bool(first != second)
