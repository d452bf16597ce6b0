import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from metalstm.errors import UserError
from metalstm.tables import cost, csv_file
from metalstm.tables.cost import Cost


def write(folder: Path, name: str, content: Any) -> Path:
    path = folder / f"{name}.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def run(setting: str, cell: str, seconds: float, speed: float = 1000.0, memory: float = 500.0) -> dict[str, Any]:
    measured = {"cpu_seconds": seconds, "tokens_per_second": speed, "peak_memory_mb": memory}
    return {"run": {"setting": setting, "cell": cell}, **measured}


@pytest.fixture
def costs(tmp_path: Path) -> list[Cost]:
    contents = {
        "a": run("mtm", "lstm", 7200.0),
        "b": run("stm", "lstm", 1800.0, speed=3000.0, memory=400.0),
        "c": run("stm", "lstm", 3600.0, speed=1000.0, memory=600.0),
        "d": run("stm", "rnn", 360.0),
        "vote": [{"run": {"setting": "stm-vote", "cell": "lstm"}}],
    }
    metrics = [write(tmp_path, name, content) for name, content in contents.items()]
    return cost.gather(metrics, cells=["rnn", "lstm"], settings=["stm", "mtm"])


def test_runs_are_summed_by_setting_and_cell(costs: list[Cost]) -> None:
    assert costs == [
        Cost("stm", "rnn", 1, 0.1, 0.05, 1000.0, 500.0),
        Cost("stm", "lstm", 2, 1.5, 0.75, 2000.0, 600.0),
        Cost("mtm", "lstm", 1, 2.0, 1.0, 1000.0, 500.0),
    ]


def test_the_csv_reads_back(costs: list[Cost], tmp_path: Path) -> None:
    path = tmp_path / "cost.csv"
    path.write_text(csv_file.text(costs, Cost), encoding="utf-8")
    assert csv_file.read(path, Cost) == costs


def test_page_and_terminal_end_with_the_sum(costs: list[Cost], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    output = io.StringIO()
    cost.terminal(costs, file=output)
    for text in (cost.page("Cost", costs), output.getvalue()):
        last = next(line for line in reversed(text.splitlines()) if "all " in line)
        assert last.replace("|", " ").split() == ["all", "4", "3.60", "1.80", "600"]


def test_names_are_whole_where_the_table_goes_into_a_file(costs: list[Cost], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    output = io.StringIO()
    cost.terminal([replace(costs[0], cell="two-layers-contextual")], file=output)
    assert "two-layers-contextual" in output.getvalue()


def test_a_table_without_a_training_is_its_sum_alone(tmp_path: Path) -> None:
    path = tmp_path / "cost.csv"
    path.write_text(csv_file.text([], Cost), encoding="utf-8")
    output = io.StringIO()
    cost.terminal(csv_file.read(path, Cost), file=output)
    assert output.getvalue().split()[-5:] == ["all", "0", "0.00", "0.00", "0"]


def test_mistakes_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not a run's metrics"):
        cost.gather([write(tmp_path, "a", {"cpu_seconds": 1.0})], cells=[], settings=[])
    with pytest.raises(UserError, match="no such table"):
        csv_file.read(tmp_path / "cost.csv", Cost)
    (tmp_path / "cost.csv").write_text("a,b\n1,2\n")
    with pytest.raises(UserError, match="not a table with the columns setting, cell"):
        csv_file.read(tmp_path / "cost.csv", Cost)
