"""What both sides of the comparison with a peer have in common: their commands and the lines of JSON that they print.

Only the standard library is used, since a peer runs in an environment of its own.
"""

import argparse
import json
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

Command = Callable[[argparse.Namespace], None]


class Commands(NamedTuple):
    """A command line with `train FILE` and `tag MODEL FILE OUT`, to which a side adds options of its own."""

    parser: argparse.ArgumentParser
    train: argparse.ArgumentParser
    tag: argparse.ArgumentParser


class Clock:
    """Seconds since it was made."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def seconds(self) -> dict[str, float]:
        """Of wall and of processor time."""
        return {
            "wall_seconds": time.perf_counter() - self._wall,
            "cpu_seconds": time.process_time() - self._cpu,
        }


def commands(description: str | None, train: Command, tag: Command, *, steps: int) -> Commands:
    """The commands, with what both sides take; `steps` is how many are timed if nothing is said."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    subparsers = parser.add_subparsers(required=True)
    training = subparsers.add_parser("train")
    training.add_argument("file", type=Path)
    training.add_argument("--batch", type=int, default=10)
    training.add_argument("--steps", type=int, default=steps)
    training.add_argument("--save", type=Path, help="where to write the untrained tagger")
    training.set_defaults(command=train)
    tagging = subparsers.add_parser("tag")
    tagging.add_argument("model", type=Path)
    tagging.add_argument("file", type=Path)
    tagging.add_argument("out", type=Path)
    tagging.set_defaults(command=tag)
    return Commands(parser, training, tagging)


def show_training(tokens: int, seconds: dict[str, float], **more: Any) -> None:
    """Print what a training took, and the memory of this process."""
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    print(json.dumps({"tokens": tokens, **seconds, "peak_memory_mb": memory, **more}))


def show_tagging(seconds: dict[str, float]) -> None:
    """Print what tagging alone took."""
    print(json.dumps(seconds))
