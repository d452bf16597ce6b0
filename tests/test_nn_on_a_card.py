"""A tagger on another device than the CPU, which is simulated: `card.py` says how far."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

WAITS = {"bnlstm": 4, "contextual vectors, pooled": 1}
"""How often a step waits for the card before the gradient is clipped; the others never do (docs/benchmarks.md)."""


@pytest.fixture(scope="module")
def steps() -> list[dict[str, Any]]:
    """What `card_steps.py` prints. A process of its own, since a device cannot be taken back."""
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("card_steps.py")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_all_that_a_step_reads_is_on_the_card_and_its_loss_that_of_the_cpu(steps: list[dict[str, Any]]) -> None:
    assert len(steps) > 15
    for step in steps:
        assert step["expected"] is None or step["loss"] == pytest.approx(step["expected"], rel=1e-4), step["case"]


def test_a_step_does_not_wait_for_the_card(steps: list[dict[str, Any]]) -> None:
    assert {step["case"]: step["waits"] for step in steps if step["waits"]} == WAITS
