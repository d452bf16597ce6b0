import json
import os
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from metalstm.errors import UserError
from metalstm.plan.job import Plan
from metalstm.tracking import Counts, LiveRun, Settings, entries, prepare, send, send_all, store, try_send
from metalstm.training.history import Epoch, as_csv

HISTORY = [Epoch(n, 10.0 / n, 70.0 + n / 3, 0.15 / n, 1.5, 1.4, 3000.0) for n in (1, 2, 3)]


@pytest.fixture(autouse=True)
def _tracking_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "_off", False)


@pytest.fixture(scope="module")
def ready_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty store, made once: MLflow's migrations take over a second."""
    path = tmp_path_factory.mktemp("store") / "mlflow.db"
    prepare(f"sqlite:///{path}")
    return path


@pytest.fixture
def uri(ready_database: Path, tmp_path: Path) -> str:
    folder = tmp_path / "a folder"
    folder.mkdir()
    with closing(sqlite3.connect(ready_database)) as source, closing(sqlite3.connect(folder / "mlflow.db")) as target:
        source.backup(target)
    return f"sqlite:///{folder / 'mlflow.db'}"


def plan(seed: int = 1, size: int = 100, code: str = "c0de") -> Plan:
    chosen = {"setting": "stm", "scope": "NCBI-disease", "cell": "lstm", "seed": seed, "corpora": ["NCBI-disease"]}
    nested = {"tagger": {"hidden_size": size, "cell_options": {}, "text": "x" * 9000}}
    return Plan(f"train/stm/NCBI-disease/lstm/seed-{seed}", parameters=chosen | nested, code=code)


def metrics(plan: Plan, f1: float = 83.25) -> dict[str, Any]:
    reading = {"precision": 84.0, "recall": 82.5, "f1": f1, "support": 960, "by_type": {}}
    scores = {"strict": reading, "conlleval": reading, "study": reading}
    scores |= {"seen": {"recall": 91.5, "support": 700}, "unseen": {"recall": 60.0, "support": 260}}
    return {
        "run": {name: plan.parameters[name] for name in ("setting", "scope", "cell", "seed", "corpora")},
        "scores": {"NCBI-disease": {"devel": scores, "test": scores}},
        "best_epoch": 3,
        "epochs": 3,
        "wall_seconds": 4.5,
        "versions": {"torch": "2.13.0"},
        "plan": {"code": plan.code, **plan.parameters},
    }


def write_run(results: Path, plan: Plan, f1: float = 83.25, history: list[Epoch] = HISTORY) -> Path:
    chosen = plan.parameters
    folder = results / f"runs/stm/{chosen['scope']}/{chosen['cell']}/seed-{chosen['seed']}"
    (folder / "predictions").mkdir(parents=True, exist_ok=True)
    (folder / "predictions" / "NCBI-disease.test.tsv").write_text("gene\tO\tO\n\n")
    (folder / "predictions" / ".node.123.NCBI-disease.devel.tsv").write_text("half")
    (folder / "history.csv").write_text(as_csv(history))
    (folder / "metrics.json").write_text(json.dumps(metrics(plan, f1)))
    (results / "plan").mkdir(exist_ok=True)
    settings = {"enabled": True, "uri": "elsewhere", "group_of": {"NCBI-disease": "disease"}}
    (results / "plan" / "tracking.json").write_text(json.dumps(settings))
    return folder


def tracked(uri: str) -> list[Any]:
    """All runs of all experiments, the oldest first."""
    client = store.client(uri)
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    return list(reversed(client.search_runs(experiments, order_by=["attributes.start_time DESC"])))


def curve(uri: str, run: Any, name: str) -> dict[int, float]:
    history = store.client(uri).get_metric_history(run.info.run_id, name)
    assert len(history) == len({point.step for point in history})
    return {point.step: point.value for point in history}


def test_four_processes_meet_a_fresh_folder(tmp_path: Path) -> None:
    program = (
        "import sys; from metalstm.plan.job import Plan; from metalstm.tracking import LiveRun, Settings\n"
        "plan = Plan('', parameters={'setting': 'stm', 'scope': 'a', 'cell': 'lstm', 'seed': int(sys.argv[1])})\n"
        "with LiveRun(plan, Settings('sqlite:///mlflow.db', {'a': 'group'})): pass\n"
    )
    command = [sys.executable, "-c", program]
    started = [
        subprocess.Popen([*command, str(n)], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for n in range(4)
    ]
    for process in started:
        output, _ = process.communicate(timeout=120)
        assert (process.returncode, output) == (0, "")
    runs = tracked(f"sqlite:///{tmp_path / 'mlflow.db'}")
    assert sorted(run.info.run_name for run in runs) == [f"stm/a/lstm/seed-{n}" for n in range(4)]
    assert {run.info.status for run in runs} == {"FINISHED"}
    assert len({run.info.experiment_id for run in runs}) == 1
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_live_run_is_completed_from_its_files(uri: str, tmp_path: Path) -> None:
    with LiveRun(plan(), Settings(uri, {"NCBI-disease": "disease"})) as live:
        for row in HISTORY[:2]:
            live.epoch(row)
    [begun] = tracked(uri)
    assert curve(uri, begun, "loss") == {1: 10.0, 2: 5.0}
    folder = write_run(tmp_path / "results", plan())
    assert send(folder, uri) == "sent"
    [run] = tracked(uri)
    assert run.info.run_id == begun.info.run_id
    assert run.info.status == "FINISHED"
    for name in ("loss", "devel_f1", "learning_rate"):
        assert curve(uri, run, name) == {row.epoch: getattr(row, name) for row in HISTORY}
    assert run.data.metrics["test/NCBI-disease/strict_f1"] == 83.25
    assert run.data.metrics["devel/NCBI-disease/study_recall"] == 82.5
    assert run.data.metrics["test/NCBI-disease/unseen_recall"] == 60.0
    assert run.data.params["tagger.hidden_size"] == "100"
    assert run.data.params["corpora"] == '["NCBI-disease"]'
    tags = run.data.tags
    assert (tags["setting"], tags["scope"], tags["cell"], tags["seed"]) == ("stm", "NCBI-disease", "lstm", "1")
    assert (tags["group"], tags["code"], tags["version.torch"]) == ("disease", "c0de", "2.13.0")
    kept = Path(uri.removeprefix("sqlite:///")).parent / "mlartifacts" / "disease" / run.info.run_id / "artifacts"
    files = sorted(str(file.relative_to(kept)) for file in kept.rglob("*") if file.is_file())
    assert files == ["history.csv", "metrics.json", "plan.json", "predictions/NCBI-disease.test.tsv"]


def test_sending_again_sends_nothing(uri: str, tmp_path: Path) -> None:
    folder = write_run(tmp_path / "results", plan())
    assert [send(folder, uri), send(folder, uri)] == ["sent", "unchanged"]
    assert len(tracked(uri)) == 1


def test_changed_values_supersede_the_old_run(uri: str, tmp_path: Path) -> None:
    folder = write_run(tmp_path / "results", plan())
    assert send(folder, uri) == "sent"
    write_run(tmp_path / "results", plan(size=200), f1=84.0)
    assert send(folder, uri) == "replaced"
    current = {run.data.params["tagger.hidden_size"]: run for run in tracked(uri)}
    assert current["100"].data.tags["superseded_by"] == current["200"].info.run_id
    assert "superseded_by" not in current["200"].data.tags
    write_run(tmp_path / "results", plan())
    assert send(folder, uri) == "unchanged"
    current = {run.data.params["tagger.hidden_size"]: run for run in tracked(uri)}
    assert current["200"].data.tags["superseded_by"] == current["100"].info.run_id
    assert "superseded_by" not in current["100"].data.tags


def test_scores_of_an_earlier_training_are_not_sent_with_the_curves_of_a_later(uri: str, tmp_path: Path) -> None:
    folder = write_run(tmp_path, plan(size=100))
    scored = metrics(plan(size=100))
    noted = {key: scored[key] for key in ("best_epoch", "epochs", "wall_seconds", "versions", "plan")}
    record = folder / "training.json"
    record.write_text(json.dumps(noted | {"task_labels_removed": {}}))
    assert send(folder, uri) == "sent"
    record.write_text(json.dumps(noted | {"wall_seconds": 5.5, "task_labels_removed": {}}))
    (folder / "history.csv").write_text(as_csv(HISTORY[:2]))
    assert send(folder, uri) == "unfinished"
    assert len(tracked(uri)) == 1


def test_a_live_run_with_other_curves_is_not_mixed_in(uri: str, tmp_path: Path) -> None:
    with LiveRun(plan(), Settings(uri, {"NCBI-disease": "disease"})) as live:
        live.epoch(Epoch(1, 99.0, None, 0.1, 1.0, 1.0, 1.0))
    assert send(write_run(tmp_path / "results", plan()), uri) == "replaced"
    assert sorted(len(curve(uri, run, "loss")) for run in tracked(uri)) == [1, 3]


def test_an_interrupted_training_is_continued(uri: str) -> None:
    settings = Settings(uri, {})
    with suppress(KeyboardInterrupt), LiveRun(plan(), settings) as live:
        live.epoch(HISTORY[0])
        live.epoch(HISTORY[1])
        raise KeyboardInterrupt
    [run] = tracked(uri)
    assert run.info.status == "KILLED"
    with LiveRun(plan(), settings) as live:
        live.epoch(HISTORY[1])
        live.epoch(HISTORY[2])
        [run] = tracked(uri)
        assert run.info.status == "RUNNING"
    assert curve(uri, run, "loss") == {1: 10.0, 2: 5.0, 3: 10.0 / 3}
    with LiveRun(plan(size=7), settings):
        assert len(tracked(uri)) == 2


def test_a_folder_of_results_is_sent(uri: str, tmp_path: Path) -> None:
    for seed in (1, 2):
        write_run(tmp_path, plan(seed))
    (tmp_path / "runs/mtm/disease/lstm/seed-1").mkdir(parents=True)
    assert send_all(tmp_path, uri) == Counts(sent=2, unfinished=1)
    assert send_all(tmp_path, uri) == Counts(unchanged=2, unfinished=1)
    assert sorted(run.info.run_name for run in tracked(uri)) == [f"stm/NCBI-disease/lstm/seed-{n}" for n in (1, 2)]
    assert {run.data.tags["group"] for run in tracked(uri)} == {"disease"}


def test_mistakes_are_named(uri: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such folder"):
        send_all(tmp_path / "nowhere", uri)
    folder = write_run(tmp_path, plan())
    (folder / "metrics.json").write_text('{"run": {}}')
    with pytest.raises(UserError, match=r"metrics\.json: .*not what a run writes"):
        send(folder, uri)
    write_run(tmp_path, plan())
    store.client(uri).delete_experiment(store.experiment(store.client(uri), "disease"))
    with pytest.raises(UserError, match="experiment disease is deleted"):
        send(folder, uri)


def test_settings(tmp_path: Path) -> None:
    assert Settings.read(tmp_path) == Settings(None, {})
    (tmp_path / "plan").mkdir()
    file = tmp_path / "plan" / "tracking.json"
    file.write_text('{"enabled": false, "uri": "sqlite:///mlflow.db", "group_of": {"a": "b"}}')
    assert Settings.read(tmp_path) == Settings(None, {"a": "b"})
    assert [Settings.read(tmp_path).group(scope) for scope in "ac"] == ["b", "c"]
    for uri, found in (
        ("sqlite:///mlflow.db", f"sqlite:///{tmp_path.parent}/mlflow.db"),
        ("sqlite:////srv/study/mlflow.db", "sqlite:////srv/study/mlflow.db"),
        ("http://localhost:5000", "http://localhost:5000"),
    ):
        file.write_text(f'{{"enabled": true, "uri": "{uri}", "group_of": {{}}}}')
        assert Settings.read(tmp_path).uri == found
    file.write_text("{}")
    with pytest.raises(UserError, match=r"tracking\.json"):
        Settings.read(tmp_path)


def test_broken_settings_do_not_stop_a_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("results/plan").mkdir(parents=True)
    Path("results/plan/tracking.json").write_text("[")
    with LiveRun(plan()) as live:
        live.epoch(HISTORY[0])
    assert capfd.readouterr().err.count("\n") == 1


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A server that takes connections and never answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield int(listener.getsockname()[1])


@pytest.mark.parametrize("kind", ["closed_port", "silent_port"])
def test_a_dead_server_costs_one_line_and_a_few_seconds(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    uri = f"http://user:secret@127.0.0.1:{request.getfixturevalue(kind)}"
    folder = write_run(tmp_path, plan())
    store.mlflow()
    start = time.monotonic()
    with LiveRun(plan(), Settings(uri)) as live:
        for row in HISTORY:
            live.epoch(row)
    try_send(folder, uri)
    assert time.monotonic() - start < 5
    output, warnings = capfd.readouterr()
    assert output == ""
    assert warnings.startswith("warning: tracking is off: http://127.0.0.1")
    assert warnings.count("\n") == 1


def test_sending_to_a_dead_server_is_an_error(closed_port: int, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="tracking store http://127"):
        send(write_run(tmp_path, plan()), f"http://127.0.0.1:{closed_port}")


def test_a_server_that_dies_in_a_training(uri: str, capfd: pytest.CaptureFixture[str]) -> None:
    with LiveRun(plan(), Settings(uri)) as live:
        live.epoch(HISTORY[0])
        with closing(sqlite3.connect(uri.removeprefix("sqlite:///"))) as connection:
            connection.execute("DROP TABLE metrics")
        live.epoch(HISTORY[1])
        live.epoch(HISTORY[2])
    assert capfd.readouterr().err.count("\n") == 1


def test_many_threads_send_one_run(uri: str, tmp_path: Path) -> None:
    folder = write_run(tmp_path, plan())
    store.client(uri)
    threads = [threading.Thread(target=send, args=(folder, uri)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(tracked(uri)) == 1


def test_telemetry_is_off_and_mlflow_is_imported_late() -> None:
    program = "import sys, metalstm.tracking; sys.exit('mlflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
    store.mlflow()
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"


def test_the_score_of_an_epoch_on_one_corpus_is_a_curve_of_its_own() -> None:
    row = {"epoch": "4", "loss": "0.5", "devel_f1": "80.0", "learning_rate": "0.1", "corpus": "linnaeus"}
    points = entries.curve_points([row, {**row, "epoch": "3", "corpus": ""}])
    assert points[("devel_f1/linnaeus", 4)] == points[("devel_f1", 3)] == 80.0
    assert ("devel_f1", 4) not in points
    assert points[("loss", 4)] == 0.5
