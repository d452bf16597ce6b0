"""Runs completed from their files."""

import csv
import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from metalstm import files
from metalstm.errors import UserError
from metalstm.tracking import entries, store
from metalstm.tracking.settings import Settings

Outcome = Literal["sent", "replaced", "unchanged", "unfinished"]
"""replaced: sent, and older values of the same run are superseded; unfinished: it has no scores of its training yet."""

_RESULTS = Path("../../../../..")
"""From a run's folder, results/runs/<setting>/<scope>/<cell>/seed-<n>, to results."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What `send_all` did, in runs."""

    sent: int = 0
    replaced: int = 0
    unchanged: int = 0
    unfinished: int = 0


def send(run_dir: Path, uri: str) -> Outcome:
    """Complete a run in MLflow from its files: parameters, curves, scores, tags and artifacts.

    What MLflow already has is not sent again. A run without metrics.json, or with that of an earlier training, is left
    alone.

    Raises:
        UserError: a file of the run cannot be read, or the store cannot be used.
    """
    run = _read(run_dir)
    if run is None:
        return "unfinished"
    try:
        return _send(uri, run)
    except Exception as error:
        raise UserError(f"tracking store {store.reason(uri, error)}; run `metalstm track` later") from error


def try_send(run_dir: Path, uri: str | None) -> None:
    """`send` for a stage, which goes on if the store is away: a failure is one warning, as in `LiveRun`.

    Raises:
        UserError: a file of the run cannot be read.
    """
    run = _read(run_dir) if uri is not None else None
    if uri is not None and run is not None:
        store.attempt(uri, _send, uri, run)


def send_all(results_dir: Path, uri: str) -> Counts:
    """`send` every run folder under `results_dir`/runs, in the order of their names.

    Raises:
        UserError: as `send`, or there is no such folder.
    """
    return Counts(**Counter[str](send(folder, uri) for folder in run_folders(results_dir)))


def run_folders(results_dir: Path) -> list[Path]:
    """Every run folder under `results_dir`/runs, in the order of their names.

    Raises:
        UserError: there is no such folder.
    """
    runs = results_dir / "runs"
    if not runs.is_dir():
        absent = runs if results_dir.is_dir() else results_dir
        raise UserError(f"{absent}: no such folder; name the folder that holds `runs`, such as results")
    return [folder for folder in sorted(runs.glob("*/*/*/seed-*")) if folder.is_dir()]


@dataclass(frozen=True, slots=True)
class _Run:
    """What the files of a run say, in MLflow's terms."""

    folder: Path
    group: str
    plan: Mapping[str, Any]
    points: entries.Points
    tags: dict[str, str]
    versions: dict[str, str]
    artifacts: list[tuple[Path, str | None]]
    content: str
    """A digest of the artifacts: two runs of the same content are one."""
    start: int
    end: int


def _read(folder: Path) -> _Run | None:
    scores = folder / "metrics.json"
    if not scores.is_file():
        return None
    alone = [folder / name for name in ("metrics.json", "history.csv", "training.json")]
    artifacts: list[tuple[Path, str | None]] = [(file, None) for file in alone if file.is_file()]
    # A dot begins the name of what another process has not finished.
    artifacts += [(file, "predictions") for file in sorted((folder / "predictions").glob("[!.]*.tsv"))]
    end = int(scores.stat().st_mtime * 1000)
    try:
        metrics = json.loads(scores.read_text(encoding="utf-8"))
        if _is_trained_again(folder / "training.json", metrics):
            return None
        run, plan = metrics["run"], metrics["plan"]
        group = run.get("group") or Settings.read(folder / _RESULTS).group(run["scope"])
        return _Run(
            folder=folder,
            group=group,
            plan=plan,
            points=entries.score_points(metrics) | entries.curve_points(_rows(folder / "history.csv")),
            tags=entries.tags(run, plan, group),
            versions={f"version.{name}": str(value) for name, value in metrics["versions"].items()},
            artifacts=artifacts,
            content=hashlib.sha256("".join(files.sha256(file) for file, _ in artifacts).encode()).hexdigest(),
            start=end - int(metrics["wall_seconds"] * 1000),
            end=end,
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"{scores}: it, or history.csv or training.json beside it, is not what a run writes ({error!r}); "
            "delete it and run again"
        ) from None


def _is_trained_again(record: Path, metrics: Mapping[str, Any]) -> bool:
    """Whether the scores are of an earlier training than what lies beside them: they repeat what theirs noted."""
    noted = json.loads(record.read_text(encoding="utf-8")) if record.is_file() else {}
    return any(noted[key] != metrics[key] for key in noted.keys() & metrics.keys())


def _rows(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _send(uri: str, run: _Run) -> Outcome:
    from filelock import FileLock

    client = store.client(uri)
    with FileLock(run.folder / ".tracking.lock", timeout=60):
        experiment = store.experiment(client, run.group)
        known = store.runs(client, experiment, run.tags["run_key"])
        same = [other.info.run_id for other in known if other.data.tags.get("content") == run.content]
        current = same[0] if same else _complete(client, experiment, known, run)
        for other in known:
            _mark(client, other, current)
    others = [other for other in known if other.info.run_id != current]
    return "unchanged" if same else "replaced" if others else "sent"


def _mark(client: Any, run: Any, current: str) -> None:
    """Name the run that counts in every other one."""
    successor = run.data.tags.get("superseded_by")
    if run.info.run_id != current and successor != current:
        client.set_tag(run.info.run_id, "superseded_by", current)
    elif run.info.run_id == current and successor is not None:
        client.delete_tag(current, "superseded_by")


def _complete(client: Any, experiment: str, known: list[Any], run: _Run) -> str:
    """Bring the run that was watched live, or a new one, to what the files say, and return its id."""
    run_id, logged = _begun(client, known, run)
    if run_id is None:
        run_id = str(client.create_run(experiment, run.start, run.tags, run_name=run.tags["run_key"]).info.run_id)
    store.log_plan(client, run_id, run.plan)
    missing = {point: value for point, value in run.points.items() if point not in logged}
    store.log_points(client, run_id, missing, run.end)
    client.log_text(run_id, json.dumps(run.plan, indent=1, ensure_ascii=False) + "\n", "plan.json")
    for file, folder in run.artifacts:
        client.log_artifact(run_id, str(file), folder)
    client.set_terminated(run_id, "FINISHED", run.end)
    # The content comes last: a run that has it is complete.
    tag = store.mlflow().entities.RunTag
    client.log_batch(run_id, tags=[tag(*item) for item in (run.tags | run.versions | {"content": run.content}).items()])
    return run_id


def _begun(client: Any, known: list[Any], run: _Run) -> tuple[str | None, entries.Points]:
    """A run that is open and holds nothing but points of this one, and these points."""
    for other in known:
        if store.is_open(other, run.plan):
            curves = {name for name in other.data.metrics if name.partition("/")[0] in entries.CURVES}
            logged = {(name, 0): value for name, value in other.data.metrics.items() if name not in curves}
            for name in curves:
                history = client.get_metric_history(other.info.run_id, name)
                logged |= {(name, point.step): point.value for point in history}
            if logged.items() <= run.points.items():
                return str(other.info.run_id), logged
    return None, {}
