"""Medians of times taken in turn, the machine that they were taken on, and the file that keeps them.

Every benchmark writes `results/benchmarks/NAME.json`: its rows, and the date, machine and versions. A row has what was
done (`task` and whatever else tells it from others), `way`, `unit`, `median` and the `rounds` it is the median of.
"""

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

RESULTS = Path("results/benchmarks")
LIBRARIES = ("metalstm", "torch", "numpy", "numba", "pytorch-crf")

Row = dict[str, Any]


def alternating(ways: Mapping[str, Callable[[], object]], *, rounds: int, warm_up: int = 3) -> dict[str, list[float]]:
    """Seconds of processor time of each way, by round; the ways take turns, so that a busy machine is busy for all."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(warm_up + rounds):
        for name, way in ways.items():
            before = time.process_time()
            way()
            if turn >= warm_up:
                seconds[name].append(time.process_time() - before)
    return seconds


def machine_facts() -> dict[str, Any]:
    """Processor, cores, load and versions; a library that is not installed is `absent`."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),
        "system": f"{platform.system()} {platform.machine()}",
        "versions": {"Python": platform.python_version(), **{name: _version(name) for name in LIBRARIES}},
    }


def row(way: str, unit: str, rounds: Sequence[float], **what: Any) -> Row:
    """A row of results: the median of the rounds, and what was done."""
    return {**what, "way": way, "unit": unit, "median": statistics.median(rounds), "rounds": list(rounds)}


def corpus_file(path: Path) -> str:
    """A file of a corpus as results name it: as in a study, wherever the study is."""
    return str(Path("data/iobes", path.resolve().parent.name, path.name))


def report(name: str, rows: Sequence[Row], **more: Any) -> None:
    """Print the rows and write them into the benchmark's file."""
    for one in rows:
        what = ", ".join(f"{key} {value}" for key, value in one.items() if key not in ("unit", "median", "rounds"))
        print(f"{one['median']:14,.2f} {one['unit']:12} {what}", flush=True)
    RESULTS.mkdir(parents=True, exist_ok=True)
    content = {"benchmark": name, "date": date.today().isoformat(), "machine": machine_facts(), **more, "rows": rows}
    (RESULTS / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


class Process(NamedTuple):
    """What a finished process cost."""

    output: str
    wall: float
    cpu: float
    """Seconds of processor time, of the process and its children."""
    memory_mb: float


def run(command: Sequence[str | Path], folder: Path | None = None) -> Process:
    """Run a command in one thread; where it fails, what it wrote is shown and this process ends."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    one_thread = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL", "NUMBA")}
    before = time.perf_counter()
    process = subprocess.Popen(
        [str(part) for part in command],
        cwd=folder,
        env={**os.environ, **one_thread, "PATH": path, "DVC_NO_ANALYTICS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    output = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(map(str, command))}\n{output[-3000:]}")
    return Process(output, time.perf_counter() - before, used.ru_utime + used.ru_stime, used.ru_maxrss / 2**10)


def sentences_of(path: Path) -> list[list[str]]:
    """The sentences of a token-per-line file, each as its lines."""
    blocks = path.read_text(encoding="utf-8").strip("\n").split("\n\n")
    return [block.split("\n") for block in blocks]


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"


def _processor() -> str:
    """Name, family and model: virtual machines give generations of very different speed the same name."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            facts = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
        return f"{facts['model name']} (family {facts['cpu family']}, model {facts['model']})"
    except (OSError, KeyError):
        return platform.processor() or platform.machine()
