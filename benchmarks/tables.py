"""Write the tables of docs/benchmarks.md from results/benchmarks/*.json, between the two marks in that page.

python benchmarks/tables.py [--results FOLDER] [--page FILE]
"""

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

BENCHMARKS = ("peers", "step", "layers", "characters", "crf", "optimisers", "jobs")
TITLES = {
    "peers": "Training and tagging, beside Flair",
    "step": "Where a training step's time goes",
    "layers": "Layers, beside torch.nn.LSTM",
    "characters": "Features of characters, beside torch.nn.LSTM",
    "crf": "The CRF, beside pytorch-crf",
    "optimisers": "Optimisers, beside torch's own steps",
    "jobs": "Jobs and engines",
}
TIMES = {
    "layers": ("kernel", ("loop", "torch.nn.LSTM")),
    "characters": ("kernel", ("plain", "torch.nn.LSTM")),
    "crf": ("kernel", ("plain", "pytorch-crf")),
    "optimisers": ("kernel", ("torch",)),
}
"""Where one way is held against others: how many times as fast as each it is stands beside the figures."""
OPENS, CLOSES = "<!-- figures: written by benchmarks/tables.py -->", "<!-- end of the figures -->"
NCRF_PER_FLAIR = 1.65
"""NCRF++ trained so many times as fast as Flair 0.15 where both could be measured: goals speak of NCRF++."""

Results = dict[str, dict[str, Any]]


class Goal(NamedTuple):
    """What was wanted, and what was measured; None where it was not."""

    text: str
    reached: float | None
    limit: float
    at_least: bool = True

    @property
    def ratio(self) -> float | None:
        """1 or more where the goal is reached."""
        if not self.reached:
            return None
        return self.reached / self.limit if self.at_least else self.limit / self.reached


def find(results: Results, benchmark: str, **what: Any) -> float | None:
    """The median of the one row that is so; None if there is none."""
    rows = results.get(benchmark, {}).get("rows", [])
    found = [row["median"] for row in rows if all(row.get(key) == value for key, value in what.items())]
    return found[0] if found else None


def over(dividend: float | None, divisor: float | None) -> float | None:
    """A ratio, where both are known."""
    return dividend / divisor if dividend and divisor else None


def goals(results: Results) -> list[Goal]:
    """Every goal."""
    listed = []
    for batch, times in ((10, 12), (32, 15)):
        speed = {
            way: find(results, "peers", task="training", batch=batch, way=way) for way in ("lstm", "metalstm", "Flair")
        }
        text = f"`lstm` training, batch {batch}: {times} times NCRF++, that is {times * NCRF_PER_FLAIR:.1f} times Flair"
        listed.append(Goal(text, over(speed["lstm"], speed["Flair"]), times * NCRF_PER_FLAIR))
        text = f"`metalstm` training, batch {batch}: 0.6 of the speed of `lstm`"
        listed.append(Goal(text, over(speed["metalstm"], speed["lstm"]), 0.6))
    speed_here = find(results, "step", task="training", cell="lstm", batch=10, way="kernels auto")
    floor = find(results, "step", task="floor", cell="lstm", batch=10, way="products large")
    listed.append(
        Goal("`lstm` training, batch 10: 0.6 of the floor of the matrix products", over(speed_here, floor), 0.6)
    )
    for batch in (10, 32):
        rows = [row for row in results.get("layers", {}).get("rows", []) if row["batch"] == batch]
        kernel = {row["cell"]: row["median"] for row in rows if row["way"] == "kernel"}
        slowest = min(kernel, key=kernel.__getitem__, default="")
        text = f"Layers, batch {batch}: no cell slower than `metalstm`" + (
            f" (slowest: `{slowest}`)" if slowest else ""
        )
        listed.append(Goal(text, over(kernel.get(slowest), kernel.get("metalstm")), 1.0))
    for task, labels, batch, limit in (
        ("loss and gradient", 5, 10, 1.0),
        ("loss and gradient", 30, 64, 0.8),
        ("best path", 5, 10, 0.3),
        ("best path", 30, 64, 0.3),
    ):
        taken = find(results, "crf", task=task, labels=labels, batch=batch, way="kernel")
        listed.append(
            Goal(f"CRF, {task}, {labels} labels, batch {batch}: under {limit} us a token", taken, limit, False)
        )
    tagged = {
        way: find(results, "peers", task="tagging, whole command", clock="wall", way=way) for way in ("lstm", "Flair")
    }
    alone = {
        way: find(results, "peers", task="tagging, tagging alone", clock="wall", way=way) for way in ("lstm", "Flair")
    }
    listed += [
        Goal("Tagging 5,000 sentences with `lstm`, start-up included: 5,000 a second", tagged["lstm"], 5000),
        Goal("The same: 10 times NCRF++, that is 16.5 times Flair", over(tagged["lstm"], tagged["Flair"]), 16.5),
        Goal("Without start-up: 16.5 times Flair", over(alone["lstm"], alone["Flair"]), 16.5),
    ]
    jobs = {"train": "`train` job", "train, tracked": "`train` job tracked by MLflow", "score": "`score` job"}
    for way, job in jobs.items():
        taken = find(results, "jobs", task="a job beside training", way=way, clock="wall")
        listed.append(Goal(f"A {job} beside training: under 5 s", taken, 5, False))
    for engine in ("snakemake", "dvc"):
        taken = find(results, "jobs", task="nothing to do", way=engine, clock="wall")
        listed.append(Goal(f"200 jobs with nothing to do, `{engine}`: under 10 s", taken, 10, False))
    memory = find(results, "peers", task="memory of training", batch=32, way="metalstm")
    listed.append(Goal("Memory of training (`metalstm`, batch 32, this corpus): under 1,000 MB", memory, 1000, False))
    return listed


def shown(value: float | None) -> str:
    """Three figures, or as many as stand before the point."""
    if value is None:
        return "not measured"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]], numbers: int) -> list[str]:
    """Lines of Markdown; the last `numbers` columns are numbers."""
    rule = ["---"] * (len(head) - numbers) + ["---:"] * numbers
    return [f"| {' | '.join(row)} |" for row in (head, rule, *rows)] + [""]


def times(values: dict[Any, float], place: tuple[str, ...], ours: str, other: str, unit: str) -> float | None:
    """How many times as fast as the other way ours is, at one place of a table."""
    both = values.get((place, ours)), values.get((place, other))
    return over(*both) if unit.endswith("/s") else over(*reversed(both))


def section(name: str, result: dict[str, Any]) -> list[str]:
    """The table of one benchmark: a line for each thing that was done, a column for each way where these are few."""
    rows = result["rows"]
    keys = list(dict.fromkeys(key for row in rows for key in row if key not in ("way", "unit", "median", "rounds")))
    lines = [f"### {TITLES[name]}", ""]
    for unit in dict.fromkeys(row["unit"] for row in rows):
        of_unit = [row for row in rows if row["unit"] == unit]
        used = [key for key in keys if any(key in row for row in of_unit)]
        ways = list(dict.fromkeys(row["way"] for row in of_unit))
        places = list(dict.fromkeys(tuple(str(row.get(key, "")) for key in used) for row in of_unit))
        values = {(tuple(str(row.get(key, "")) for key in used), row["way"]): row["median"] for row in of_unit}

        def value(place: tuple[str, ...], way: str, values: dict[Any, float] = values) -> str:
            return shown(values[place, way]) if (place, way) in values else ""

        if len(ways) > len(places):
            head = [unit, *(", ".join(filter(None, place)) for place in places)]
            lines += table(head, ([way, *(value(place, way) for place in places)] for way in ways), len(places))
        else:
            ours, others = TIMES.get(name, ("", ()))
            others = tuple(way for way in others if way in ways)
            head = [*(key.capitalize() for key in used), *(f"{way} ({unit})" for way in ways)]
            head += [f"times {way}" for way in others]

            figures = (
                [
                    *(value(place, way) for way in ways),
                    *(shown(times(values, place, ours, way, unit)) for way in others),
                ]
                for place in places
            )
            lines += table(head, map(list.__add__, map(list, places), figures), len(ways) + len(others))
    return lines


def page(results: Results) -> str:
    """What stands between the marks."""
    made = [
        [
            goal.text,
            shown(goal.reached),
            "" if goal.ratio is None else f"{goal.ratio:.2f}",
            "" if goal.ratio is None else "yes" if goal.ratio >= 1 else "no",
        ]
        for goal in goals(results)
    ]
    lines = ["### Goals", "", "The ratio is 1 or more where a goal is reached.", ""]
    lines += table(["Goal", "Measured", "Ratio", "Reached"], made, 3)
    for name in BENCHMARKS:
        if name not in results:
            lines += [f"### {TITLES[name]}", "", "Not measured.", ""]
            continue
        result = results[name]
        machine = result["machine"]
        versions = machine["versions"] | result.get("peer", {})
        lines += section(name, result)
        lines += [
            f"{result['date']}; {machine['processor']}, {machine['cores']} cores, load {machine['load']} at the end; "
            + ", ".join(f"{library} {version}" for library, version in versions.items())
            + ".",
            "",
        ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, default=Path("results/benchmarks"))
    parser.add_argument("--page", type=Path, default=Path("docs/benchmarks.md"))
    options = parser.parse_args()
    files = {name: options.results / f"{name}.json" for name in BENCHMARKS}
    results = {name: json.loads(file.read_text(encoding="utf-8")) for name, file in files.items() if file.is_file()}
    text = options.page.read_text(encoding="utf-8")
    before, opens, rest = text.partition(OPENS)
    _, closes, after = rest.partition(CLOSES)
    if not (opens and closes):
        sys.exit(f"{options.page}: expected the lines {OPENS} and {CLOSES}, between which the tables go")
    options.page.write_text(f"{before}{OPENS}\n\n{page(results)}\n{CLOSES}{after}", encoding="utf-8")
    print(f"{options.page}: {', '.join(results) or 'no results'}")


if __name__ == "__main__":
    main()
