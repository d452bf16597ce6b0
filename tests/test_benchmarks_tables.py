import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


@pytest.fixture
def benchmark(monkeypatch):
    """A module of benchmarks/, which is no package."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    names = {path.stem for path in BENCHMARKS.glob("*.py")}
    yield importlib.import_module
    for name in names & sys.modules.keys():
        del sys.modules[name]


@pytest.mark.parametrize("name", sorted(p.stem for p in BENCHMARKS.glob("*.py") if "def main" in p.read_text("utf-8")))
def test_every_benchmark_says_what_it_takes(name):
    if name == "flair_peer":
        pytest.importorskip("flair")
    asked = subprocess.run([sys.executable, BENCHMARKS / f"{name}.py", "--help"], capture_output=True, text=True)
    assert asked.returncode == 0, asked.stderr
    assert "usage: " in asked.stdout


def test_a_goal_is_reached_at_a_ratio_of_one_whichever_way_it_points(benchmark):
    tables = benchmark("tables")
    assert tables.Goal("at least", 20, 10).ratio == 2
    assert tables.Goal("at most", 20, 10, at_least=False).ratio == 0.5
    assert tables.Goal("not measured", None, 10).ratio is None


def test_figures_stand_between_the_marks_and_the_rest_stays(benchmark, tmp_path, monkeypatch):
    tables, measuring = benchmark("tables"), benchmark("measuring")
    monkeypatch.setattr(measuring, "RESULTS", tmp_path)
    speeds = {"lstm": [39_000, 41_000, 40_000], "Flair": [2_000]}
    rows = [measuring.row(way, "tokens/s", found, task="training", batch=10) for way, found in speeds.items()]
    measuring.report("peers", rows)
    page = tmp_path / "page.md"
    page.write_text(f"before\n{tables.OPENS}\nold\n{tables.CLOSES}\nafter\n", encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["tables.py", "--results", str(tmp_path), "--page", str(page)])
    tables.main()
    once = page.read_text(encoding="utf-8")
    tables.main()
    assert page.read_text(encoding="utf-8") == once
    assert once.startswith("before\n")
    assert once.endswith("\nafter\n")
    assert "old" not in once
    assert "that is 19.8 times Flair | 20 | 1.01 | yes |" in once
    assert "| lstm | 40,000 |" in once
    assert "Not measured." in once


def test_results_name_the_machine_and_what_is_absent(benchmark, tmp_path, monkeypatch):
    measuring = benchmark("measuring")
    monkeypatch.setattr(measuring, "RESULTS", tmp_path)
    monkeypatch.setattr(measuring, "LIBRARIES", ("numpy", "no-such-library"))
    measuring.report("one", [measuring.row("way", "s", [3.0, 1.0, 2.0], task="wait")])
    written = json.loads((tmp_path / "one.json").read_text(encoding="utf-8"))
    assert written["rows"] == [{"task": "wait", "way": "way", "unit": "s", "median": 2.0, "rounds": [3.0, 1.0, 2.0]}]
    assert written["machine"]["versions"]["no-such-library"] == "absent"
    assert written["machine"]["versions"]["numpy"] != "absent"


def test_a_process_runs_in_one_thread_and_its_failure_is_told(benchmark):
    measuring = benchmark("measuring")
    code = "import os; print(os.environ['OMP_NUM_THREADS'])"
    process = measuring.run([sys.executable, "-c", code])
    assert process.output == "1\n"
    assert process.cpu > 0
    with pytest.raises(SystemExit, match="no such thing"):
        measuring.run([sys.executable, "-c", "raise SystemExit('no such thing')"])


@pytest.mark.parametrize(("unit", "kernel", "other"), [("tokens/s", 24_000, 7_500), ("us/token", 0.5, 1.6)])
def test_a_kernel_is_told_how_many_times_as_fast_as_the_others_it_is(benchmark, unit, kernel, other):
    tables, measuring = benchmark("tables"), benchmark("measuring")
    rows = [
        measuring.row(way, unit, [median], task="loss", batch=batch)
        for batch, medians in ((10, {"kernel": kernel, "plain": other}), (32, {"kernel": kernel}))
        for way, median in medians.items()
    ]
    lines = tables.section("crf", {"rows": rows})
    assert lines[2] == f"| Task | Batch | kernel ({unit}) | plain ({unit}) | times plain |"
    assert lines[4].endswith("| 3.2 |")
    assert lines[5].endswith("|  | not measured |")


def test_ways_take_turns_and_every_round_is_kept(benchmark):
    order = []
    ways = {name: lambda name=name: order.append(name) for name in "ab"}
    taken = benchmark("measuring").alternating(ways, rounds=2, warm_up=1)
    assert order == ["a", "b"] * 3
    assert {name: len(seconds) for name, seconds in taken.items()} == {"a": 2, "b": 2}


def test_results_name_a_corpus_and_no_path_of_the_machine(benchmark, tmp_path):
    measuring = benchmark("measuring")
    assert measuring.corpus_file(tmp_path / "BC5CDR-chem" / "train.tsv") == "data/iobes/BC5CDR-chem/train.tsv"
