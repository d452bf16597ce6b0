"""The MLflow store: made ready for many processes, asked quietly, and given up at its first failure."""

import os
import re
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from functools import cache
from pathlib import Path
from typing import Any

from metalstm import files
from metalstm.errors import UserError
from metalstm.tracking.entries import Points, parameters, safe

_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "CRITICAL",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "3",
}
"""Read by MLflow when it is imported or when it asks a server; what a user has set stays."""

_off = False


def prepare(uri: str) -> None:
    """Create the database of a `sqlite:///` store; other stores are left to their servers.

    MLflow's migrations race when several processes meet a fresh database, and a process that dies in them leaves
    half a database. So one process makes it elsewhere, under a lock, and puts it in place whole. It is in WAL
    mode, in which readers and one writer do not block each other.
    """
    database = _database(uri)
    if database is None:
        return
    make_client = mlflow().MlflowClient
    from filelock import FileLock

    database.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{database}.lock", timeout=60):
        if database.is_file() and database.stat().st_size:
            # Fails only while others use a database that is not in WAL mode yet; MLflow can work with that too.
            with suppress(sqlite3.OperationalError), closing(sqlite3.connect(database, timeout=1)) as connection:
                connection.execute("PRAGMA journal_mode = WAL")
            return
        with tempfile.TemporaryDirectory() as folder, files.atomic(database) as temporary:
            made = Path(folder, "mlflow.db")
            make_client(f"sqlite:///{made}")
            with closing(sqlite3.connect(made)) as source, closing(sqlite3.connect(temporary)) as target:
                source.backup(target)
                target.execute("PRAGMA journal_mode = WAL")


@cache
def client(uri: str) -> Any:
    """An MlflowClient of a store that is ready for use."""
    prepare(uri)
    database = _database(uri)
    return mlflow().MlflowClient(uri if database is None else f"sqlite:///{database}")


def mlflow() -> Any:
    """MLflow, imported as late as possible (it costs over a second), quiet and without telemetry."""
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    import mlflow
    import mlflow.entities

    return mlflow


def experiment(client: Any, group: str) -> str:
    """The id of a group's experiment, made if it is missing; its artifacts stand in mlartifacts beside the database.

    Raises:
        UserError: the experiment was deleted.
    """
    name = safe(group)
    known = client.get_experiment_by_name(name)
    if known is None:
        database = _database(client.tracking_uri)
        place = None if database is None else (database.parent / "mlartifacts" / name).as_uri()
        try:
            return str(client.create_experiment(name, place))
        except mlflow().MlflowException:
            # Another process may have been faster: then it is there now.
            known = client.get_experiment_by_name(name)
            if known is None:
                raise
    if known.lifecycle_stage != "active":
        raise UserError(f"experiment {name} is deleted; `mlflow experiments restore` brings it back")
    return str(known.experiment_id)


def runs(client: Any, experiment: str, key: str) -> list[Any]:
    """All runs of a `run_key`, the latest first."""
    return list(client.search_runs([experiment], f"tags.run_key = '{key}'"))


def log_plan(client: Any, run_id: str, plan: Mapping[str, Any]) -> None:
    """Log the plan's choices as parameters; those that are there already must be the same."""
    parameter = mlflow().entities.Param
    client.log_batch(run_id, params=[parameter(name, value) for name, value in parameters(plan).items()])


def log_points(client: Any, run_id: str, points: Points, timestamp: int) -> None:
    """Log values of metrics; `timestamp` in milliseconds since 1970."""
    metric = mlflow().entities.Metric
    client.log_batch(run_id, [metric(name, value, timestamp, step) for (name, step), value in points.items()])


def is_open(run: Any, plan: Mapping[str, Any]) -> bool:
    """Whether a run was begun and not completed, and has no other parameters than the plan gives."""
    wanted = parameters(plan)
    agrees = all(wanted.get(name, value) == value for name, value in run.data.params.items())
    return agrees and not {"content", "superseded_by"} & set(run.data.tags)


def now() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def attempt(uri: str, action: Callable[..., object], *arguments: object) -> None:
    """Let tracking fail, whatever the reason, without harm to the work that it watches.

    The first failure is told in one line on stderr, and nothing is attempted after it in this process.
    """
    global _off
    if _off:
        return
    try:
        action(*arguments)
    except Exception as error:
        _off = True
        print(f"warning: tracking is off: {reason(uri, error)}; `metalstm track` sends runs later", file=sys.stderr)


def reason(uri: str, error: Exception) -> str:
    """The store and what went wrong, in one short line without passwords."""
    text = f"{uri}: " + (" ".join(str(error).split()) or type(error).__name__)
    text = re.sub(r"//[^/@\s]*@", "//", text)
    return text if len(text) <= 240 else f"{text[:237]}..."


def _database(uri: str) -> Path | None:
    """The file of a `sqlite:///` store, absolute, for a process may change its folder; None for other stores."""
    return Path(uri.removeprefix("sqlite:///")).absolute() if uri.startswith("sqlite:///") else None
