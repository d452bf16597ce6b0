"""Medians of times taken in turn, and the machine that they were taken on."""

import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from importlib.metadata import version

import torch


def alternating(ways: Mapping[str, Callable[[], object]], *, rounds: int, warm_up: int = 3) -> dict[str, float]:
    """Median seconds of processor time of each way; the ways take turns, so that a busy machine is busy for all."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(warm_up + rounds):
        for name, way in ways.items():
            before = time.process_time()
            way()
            if turn >= warm_up:
                seconds[name].append(time.process_time() - before)
    return {name: statistics.median(taken) for name, taken in seconds.items()}


def machine() -> str:
    """Processor, load, threads and versions in one line."""
    names = "torch", "numpy", "numba", "pytorch-crf"
    versions = ", ".join(f"{name} {version(name)}" for name in names)
    load = f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    return f"{_processor()}; {load}; {torch.get_num_threads()} thread; Python {platform.python_version()}, {versions}"


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def sgemm_gflops(size: int = 768) -> float:
    """Billions of floating-point operations a second in a large float32 matrix product."""
    a, b = torch.randn(size, size), torch.randn(size, size)
    seconds = alternating({"product": lambda: a @ b}, rounds=15)["product"]
    return 2e-9 * size**3 / seconds
